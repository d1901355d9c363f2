package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"leasehold/idp"
	"leasehold/provision"
)

const (
	maxDiscovery = 1 << 20 // bytes of a discovery document
	maxAddress   = 2 << 10 // bytes of an endpoint's address
)

// discovery is what an issuer says about itself (OIDC Discovery 3), as far as we use it.
type discovery struct {
	authorize, token, keys string
	userInfo               string // "": it has none
	endSession             string // where people log out; "": it has none that we could send them to
	offline                bool   // it has a scope "offline_access"
	style                  oauth2.AuthStyle
	algorithms             []string // of ID tokens: those that it names and we accept
	issReturned            bool     // it says who it is in every answer (RFC 9207, 3)
	groups                 bool     // it has a scope "groups"
}

// discover fetches the issuer's document, which must be the issuer's.
func (p *Provider) discover(ctx context.Context) (discovery, error) {
	issuer := p.connection.Issuer
	o, err := p.fetch(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", "", maxDiscovery)
	if err != nil {
		return discovery{}, refused(provision.IdPUnreachable, "discovery", err)
	}
	d, err := readDiscovery(o, issuer)
	return d, refused(provision.DocumentMalformed, "discovery", err)
}

// readDiscovery reads the document of an issuer.
func readDiscovery(o object, issuer string) (discovery, error) {
	said, err := o.text("issuer")
	if err != nil {
		return discovery{}, err
	}
	if said != issuer { // OIDC Discovery 4.3: identical; a template or another tenant's name is another issuer
		return discovery{}, idp.Reject(provision.IssuerMismatch, "discovery: issuer %s, expected %q", quoted(said), issuer)
	}
	d := discovery{issReturned: o.yes("authorization_response_iss_parameter_supported")}
	for _, endpoint := range []struct {
		name     string
		to       *string
		optional bool
	}{
		{"authorization_endpoint", &d.authorize, false},
		{"token_endpoint", &d.token, false},
		{"jwks_uri", &d.keys, false},
		{"userinfo_endpoint", &d.userInfo, true},
	} {
		if *endpoint.to, err = o.text(endpoint.name); err != nil {
			return discovery{}, err
		}
		if *endpoint.to == "" && endpoint.optional {
			continue
		}
		if err := checkEndpoint(*endpoint.to, issuer); err != nil {
			return discovery{}, fmt.Errorf("%s: %w", endpoint.name, err)
		}
	}
	if end, err := o.text("end_session_endpoint"); err == nil && checkEndpoint(end, issuer) == nil { // a login does not need it
		d.endSession = end
	}
	return d, d.readLists(o)
}

// readLists reads what the issuer supports.
func (d *discovery) readLists(o object) error {
	algorithms, err := o.texts("id_token_signing_alg_values_supported")
	if err != nil {
		return err
	}
	methods, err := o.texts("token_endpoint_auth_methods_supported")
	if err != nil {
		return err
	}
	scopes, err := o.texts("scopes_supported")
	if err != nil {
		return err
	}
	d.groups, d.offline = slices.Contains(scopes, "groups"), slices.Contains(scopes, "offline_access")
	d.style = styleOf(methods)
	d.algorithms = accepted(algorithms)
	if len(d.algorithms) == 0 {
		return idp.Reject(provision.AlgorithmRefused, "discovery: none of the algorithms %s is accepted", quoted(strings.Join(algorithms, " ")))
	}
	return nil
}

// accepted are those of an issuer's algorithms that an ID token may be signed with: asymmetric ones, with SHA-2 or
// better. An issuer that names none supports the one that all must (OIDC Discovery 3).
func accepted(named []string) []string {
	if len(named) == 0 {
		return []string{oidc.RS256}
	}
	all := []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}
	return slices.DeleteFunc(all, func(a string) bool { return !slices.Contains(named, a) })
}

// styleOf is how the client secret is shown: by Basic, which is also the default (OIDC Discovery 3), or in the body.
// The library's own way is to try one and then the other, which shows a code twice: a provider may take that for theft.
func styleOf(methods []string) oauth2.AuthStyle {
	if slices.Contains(methods, "client_secret_post") && !slices.Contains(methods, "client_secret_basic") {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

// checkEndpoint accepts an absolute https address; for an issuer that is itself on http, a loopback name, also http on
// a loopback name.
func checkEndpoint(s, issuer string) error {
	u, err := url.Parse(s)
	if err != nil || len(s) > maxAddress || u.Host == "" || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("%s is no plain absolute address", quoted(s))
	}
	plain := u.Scheme == "http" && provision.IsLoopbackName(u.Hostname()) && strings.HasPrefix(issuer, "http:")
	if u.Scheme != "https" && !plain {
		return fmt.Errorf("%s is not https", quoted(s))
	}
	return nil
}

// checkIssuer accepts the name of one issuer (OIDC Core 1.2: https, no query, no fragment), and no name that stands for
// many: a connection trusts one organisation.
func checkIssuer(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return fmt.Errorf("issuer: %w", err)
	case strings.ContainsAny(s, "{}?#"):
		return fmt.Errorf("issuer %q is a template or has a query; name the one issuer", s)
	case isShared(u):
		return fmt.Errorf("issuer %q stands for every organisation; name your own tenant's", s)
	}
	if err := checkEndpoint(s, s); err != nil {
		return errors.Join(errors.New("issuer"), err)
	}
	return nil
}

// isShared reports whether u is one of Entra ID's issuers for everybody: the three words, and the tenant id that all
// personal accounts share.
func isShared(u *url.URL) bool {
	tenant, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	switch strings.ToLower(tenant) {
	case "common", "organizations", "consumers", "9188040d-6c67-4c5b-b112-36a304b66dad":
		host := strings.ToLower(u.Hostname())
		return strings.Contains(host, "microsoftonline.") || strings.HasSuffix(host, ".windows.net")
	}
	return false
}
