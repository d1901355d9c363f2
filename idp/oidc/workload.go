package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"leasehold/idp"
	"leasehold/provision"
)

// jwtSVID is the use of a key that signs JWT-SVIDs (SPIFFE Trust Domain and Bundle 4.2.2).
const jwtSVID = "jwt-svid"

const (
	maxClaims    = 200
	maxClaimText = 2 << 10 // bytes of one claim
	claimDepth   = 4       // objects within objects
)

// IssuerConfig describes a connection whose issuer signs tokens of workloads.
type IssuerConfig struct {
	Connection provision.Connection
	Audience   string           // what a token has to be made for: exactly this
	HTTP       *http.Client     // asks the issuer; bounds time and size and knows where it may go
	Now        func() time.Time // nil: time.Now
	Log        *slog.Logger     // hears of refreshes that did not work; nil: nobody does
}

// Issuer reads the tokens of workloads that one issuer signed. It is an idp.Introducer, and logs nobody in.
type Issuer struct {
	from       *Provider
	audience   string
	algorithms *remembered[discovery] // nil: the keys are written down
}

// NewIssuer makes the reader of a connection. It asks nothing of the network: keys are fetched for the first token.
func NewIssuer(c IssuerConfig) (*Issuer, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("connection %s: %w", c.Connection.ID, err)
	}
	p := &Provider{connection: c.Connection, http: c.HTTP, now: c.Now}
	log := c.Log.With("connection", string(c.Connection.ID))
	if len(c.Connection.KeySet) > 0 {
		keys, err := readKeySet(c.Connection.KeySet)
		if err != nil {
			return nil, fmt.Errorf("connection %s: %w", c.Connection.ID, err)
		}
		fetch := func(context.Context) ([]key, error) { return keys, nil }
		p.keys = &keySet{&remembered[[]key]{fetch: fetch, now: c.Now, fresh: time.Hour, keep: time.Hour, pause: time.Hour, log: log}}
		return &Issuer{from: p, audience: c.Audience}, nil
	}
	p.found = &remembered[discovery]{fetch: p.discoverKeys, now: c.Now, fresh: time.Hour, keep: 24 * time.Hour, pause: 5 * time.Second, log: log}
	p.keys = &keySet{&remembered[[]key]{fetch: p.fetchKeys, now: c.Now, fresh: time.Hour, keep: time.Hour, pause: 30 * time.Second, log: log}}
	return &Issuer{from: p, audience: c.Audience, algorithms: p.found}, nil
}

func (c IssuerConfig) check() error {
	switch {
	case c.Connection.Protocol != provision.Workloads:
		return fmt.Errorf("protocol %q is not %q", c.Connection.Protocol, provision.Workloads)
	case c.Audience == "":
		return errors.New("no audience")
	case c.HTTP == nil:
		return errors.New("no HTTP client")
	}
	return checkIssuer(c.Connection.Issuer)
}

// readKeySet reads a key set that is written down. It fails when no key of it can be used.
func readKeySet(text []byte) ([]key, error) {
	if len(text) > maxKeySet {
		return nil, fmt.Errorf("key set of %d bytes, %d are the most", len(text), maxKeySet)
	}
	o, err := readObject(text)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	keys, err := readKeys(o)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	return keys, nil
}

// discoverKeys fetches what an issuer of workloads says about itself. Those have no place to log in at: only their name,
// their keys and their algorithms are looked at (OIDC Discovery 3).
func (p *Provider) discoverKeys(ctx context.Context) (discovery, error) {
	issuer := p.connection.Issuer
	o, err := p.fetch(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", "", maxDiscovery)
	if err != nil {
		return discovery{}, refused(provision.IdPUnreachable, "discovery", err)
	}
	d, err := readKeyDiscovery(o, issuer)
	return d, refused(provision.DocumentMalformed, "discovery", err)
}

func readKeyDiscovery(o object, issuer string) (d discovery, err error) {
	said, err := o.text("issuer")
	if err != nil {
		return d, err
	}
	if said != issuer { // OIDC Discovery 4.3: identical
		return d, idp.Reject(provision.IssuerMismatch, "discovery: issuer %s, expected %q", quoted(said), issuer)
	}
	if d.keys, err = o.text("jwks_uri"); err != nil {
		return d, err
	}
	if err := checkEndpoint(d.keys, issuer); err != nil {
		return d, fmt.Errorf("jwks_uri: %w", err)
	}
	algorithms, err := o.texts("id_token_signing_alg_values_supported")
	if d.algorithms = accepted(algorithms); err == nil && len(d.algorithms) == 0 {
		return d, idp.Reject(provision.AlgorithmRefused, "discovery: none of the algorithms %s is accepted", quoted(strings.Join(algorithms, " ")))
	}
	return d, err
}

// workloadTokens are tokens about a workload. "JOSE" is what SPIFFE lets them say (JWT-SVID 2.3).
func workloadTokens() kind { return kind{"token", []string{"JWT", "JOSE"}} }

// ReadToken judges a token of a workload: signed by the issuer with an asymmetric algorithm, for us and nobody else, and
// valid now (RFC 7519, 4.1; RFC 8725, 3).
func (i *Issuer) ReadToken(ctx context.Context, raw string) (idp.Token, error) {
	if len(raw) > maxToken {
		return idp.Token{}, idp.Reject(provision.MessageTooLarge, "token of %d bytes", len(raw))
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	algorithms := everyAlgorithm()
	if i.algorithms != nil {
		found, err := i.from.discovery(ctx)
		if err != nil {
			return idp.Token{}, err
		}
		algorithms = found.algorithms
	}
	h, err := readHeader(workloadTokens(), raw, algorithms)
	if err != nil {
		return idp.Token{}, err
	}
	payload, err := i.from.keys.verify(ctx, raw, h)
	if err != nil {
		return idp.Token{}, err
	}
	claims, err := readObject(payload)
	if err != nil {
		return idp.Token{}, refused(provision.DocumentMalformed, h.name, err)
	}
	token, err := i.token(claims)
	if err != nil {
		return idp.Token{}, refused(provision.DocumentMalformed, h.name, err)
	}
	return token, nil
}

// everyAlgorithm is what an issuer may sign with that does not say: any that we verify.
func everyAlgorithm() []string {
	all := []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = string(a)
	}
	return names
}

// token holds the claims of a verified token against the rules.
func (i *Issuer) token(claims object) (idp.Token, error) {
	b := &bench{Provider: i.from, now: i.from.now()}
	for _, rule := range []func(object) error{b.issuer, i.ours} {
		if err := rule(claims); err != nil {
			return idp.Token{}, err
		}
	}
	t := idp.Token{Claims: map[string]string{}}
	var err error
	if t.Issued, err = b.current(claims, "token", 0); err != nil { // no skew: a lease ends with its token
		return idp.Token{}, err
	}
	if t.ID, err = claims.text("jti"); err != nil {
		return idp.Token{}, err
	}
	t.Expires, _ = claims.time("exp") // which b.current has read
	return t, flatten(t.Claims, "", claims, claimDepth)
}

// ours wants a token that is made for us alone: another audience could bring it here (RFC 8725, 3.9).
func (i *Issuer) ours(claims object) error {
	aud, err := claims.texts("aud")
	if err == nil && !slices.Equal(aud, []string{i.audience}) {
		return idp.Reject(provision.AudienceMismatch, "token: aud %s, expected %q alone", quoted(strings.Join(aud, " ")), i.audience)
	}
	return err
}

// flatten writes the claims of an object that have one plain value each. Two that would have one name are refused:
// somebody could pass for the other. Lists are left out, so that a rule about one refuses.
func flatten(into map[string]string, prefix string, claims object, depth int) error {
	for name, raw := range claims {
		name = prefix + name
		var text string
		switch {
		case raw[0] == '{' && depth > 1:
			inner, err := readObject(raw)
			if err != nil {
				return fmt.Errorf("%s: %w", quoted(name), err)
			}
			if err := flatten(into, name+".", inner, depth-1); err != nil {
				return err
			}
			continue
		case raw[0] == '{', raw[0] == '[', string(raw) == "null":
			continue
		case raw[0] != '"':
			text = string(raw)
		case json.Unmarshal(raw, &text) != nil:
			return fmt.Errorf("%s is no string", quoted(name))
		}
		if _, twice := into[name]; twice {
			return fmt.Errorf("%s is there twice", quoted(name))
		}
		if len(text) > maxClaimText || len(into) >= maxClaims {
			return idp.Reject(provision.MessageTooLarge, "token: %d claims, %d bytes in %s", len(into)+1, len(text), quoted(name))
		}
		into[name] = text
	}
	return nil
}

// Begin refuses: a workload is no browser.
func (i *Issuer) Begin(context.Context, *idp.Attempt) (string, error) {
	return "", idp.Reject(provision.ConnectionDisabled, "the issuer of workloads logs nobody in")
}

// Verify refuses, as Begin does.
func (i *Issuer) Verify(context.Context, idp.Attempt, idp.Form) (provision.Assertion, error) {
	return provision.Assertion{}, idp.Reject(provision.ConnectionDisabled, "the issuer of workloads logs nobody in")
}

var (
	_ idp.Provider   = (*Issuer)(nil)
	_ idp.Introducer = (*Issuer)(nil)
)
