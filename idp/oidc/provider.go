// Package oidc speaks OpenID Connect to one identity provider: the code flow with PKCE, and every check of its answer.
//
// What go-oidc checks of an ID token (signature, algorithm, iss, aud, exp) it checks here too, after our own rules,
// which name a reason each and also see to what it leaves out: nonce, azp, iat, sub, auth_time, tokens of another kind,
// names that differ in case only, withdrawn keys, and keys fetched once per forged token.
//
// Nothing of an assertion has to be remembered as spent: its token carries the nonce of one attempt, an attempt is
// finished once, and the code was spent upstream.
package oidc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"leasehold/idp"
	"leasehold/provision"
)

const (
	skew     = 60 * time.Second // between the issuer's clock and ours
	patience = 10 * time.Second // for all that one callback asks of the issuer
)

// Config describes one connection.
type Config struct {
	Connection   provision.Connection
	ClientSecret string           // "": a public client
	AfterLogout  string           // where people come back to from a log-out at the issuer; "": they are not sent there
	RedirectURI  string           // absolute; this connection's alone, so that no other issuer's code can come here (RFC 9700, 4.4.2)
	HTTP         *http.Client     // asks the issuer; bounds time and size and knows where it may go
	Now          func() time.Time // nil: time.Now
	Log          *slog.Logger     // hears of refreshes that did not work; nil: nobody does
}

// Provider speaks OpenID Connect for one connection. It is an idp.Provider.
type Provider struct {
	connection provision.Connection
	secret     string
	redirect   string
	after      string
	http       *http.Client
	now        func() time.Time
	found      *remembered[discovery]
	keys       *keySet
}

// New makes the provider of a connection. It asks nothing of the network: the issuer is discovered by the first login.
func New(c Config) (*Provider, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("connection %s: %w", c.Connection.ID, err)
	}
	p := &Provider{connection: c.Connection, secret: c.ClientSecret, redirect: c.RedirectURI, after: c.AfterLogout, http: c.HTTP, now: c.Now}
	log := c.Log.With("connection", string(c.Connection.ID))
	p.found = &remembered[discovery]{fetch: p.discover, now: c.Now, fresh: time.Hour, keep: 24 * time.Hour, pause: 5 * time.Second, log: log}
	p.keys = &keySet{&remembered[[]key]{fetch: p.fetchKeys, now: c.Now, fresh: time.Hour, keep: time.Hour, pause: 30 * time.Second, log: log}}
	return p, nil
}

func (c Config) check() error {
	redirect, err := url.Parse(c.RedirectURI)
	switch {
	case c.Connection.Protocol != provision.OIDC:
		return fmt.Errorf("protocol %q is not %q", c.Connection.Protocol, provision.OIDC)
	case c.Connection.ClientID == "":
		return errors.New("no client id")
	case err != nil || !redirect.IsAbs() || redirect.Host == "":
		return fmt.Errorf("redirect address %q is not absolute", c.RedirectURI)
	case c.HTTP == nil:
		return errors.New("no HTTP client")
	}
	if err := checkSubjectRule(c.Connection.Subject); err != nil {
		return err
	}
	return checkIssuer(c.Connection.Issuer)
}

// Begin draws the attempt's nonce and PKCE verifier and returns the address of the authorization endpoint. An issuer that
// cannot be asked, or that says what is not true, is an *idp.Rejected.
func (p *Provider) Begin(ctx context.Context, a *idp.Attempt) (string, error) {
	found, err := p.discovery(ctx)
	if err != nil {
		return "", err
	}
	a.Nonce, a.Verifier = rand.Text(), oauth2.GenerateVerifier()
	options := []oauth2.AuthCodeOption{
		oauth2.SetAuthURLParam("nonce", a.Nonce), // OIDC Core 3.1.2.1
		oauth2.S256ChallengeOption(a.Verifier),   // RFC 7636, 4.2; always
	}
	if a.Fresh {
		options = append(options, oauth2.SetAuthURLParam("max_age", "0"))
	}
	if prompts := p.prompts(a.Fresh); prompts != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", prompts))
	}
	if p.connection.Liveness.On() && p.connection.Issuer == google { // which has no scope for it
		options = append(options, oauth2.AccessTypeOffline)
	}
	if a.LoginHint != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", a.LoginHint))
	}
	return p.oauth(found).AuthCodeURL(string(a.ID), options...), nil
}

// oauth is the connection as OAuth sees it. The scope "groups" is asked for where the provider says that it has one;
// which claims hold e-mail, name and groups is the connection's to say.
func (p *Provider) oauth(found discovery) *oauth2.Config {
	c := &oauth2.Config{
		ClientID:     p.connection.ClientID,
		ClientSecret: p.secret,
		RedirectURL:  p.redirect,
		Endpoint:     oauth2.Endpoint{AuthURL: found.authorize, TokenURL: found.token, AuthStyle: found.style},
		Scopes:       []string{"openid", "email", "profile"},
	}
	if p.secret == "" {
		c.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	if found.offline && p.connection.Liveness.On() {
		c.Scopes = append(c.Scopes, oidc.ScopeOfflineAccess) // OIDC Core 11
	}
	if found.groups {
		c.Scopes = append(c.Scopes, "groups")
	}
	return c
}

// Verify judges a callback: the form, then the tokens its code is exchanged for, then what they say about the subject.
func (p *Provider) Verify(ctx context.Context, a idp.Attempt, answer idp.Form) (provision.Assertion, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if a.ID == "" || a.Nonce == "" || a.Verifier == "" || a.Connection != p.connection.ID {
		return provision.Assertion{}, idp.Reject(provision.StateMismatch, "the attempt is not one of connection %s", p.connection.ID)
	}
	found, err := p.discovery(ctx)
	if err != nil {
		return provision.Assertion{}, err
	}
	code, err := p.code(found, a, answer)
	if err != nil {
		return provision.Assertion{}, err
	}
	tokens, err := p.exchange(ctx, found, a, code)
	if err != nil {
		return provision.Assertion{}, err
	}
	claims, survey, err := p.judge(ctx, found, a, tokens)
	if err != nil {
		return provision.Assertion{Survey: survey}, err
	}
	more, err := p.userInfo(ctx, found, claims, tokens)
	if err != nil {
		return provision.Assertion{}, err
	}
	var all []provision.Claimed
	if a.Trial {
		all = claimed(claims, more)
	}
	assertion, err := p.assertion(claims, more)
	if err != nil {
		return provision.Assertion{Claims: all}, err
	}
	assertion.Claims = all
	if assertion.Upstream, err = p.upstream(found, claims, tokens); err != nil {
		return provision.Assertion{}, refused(provision.DocumentMalformed, "claims", err)
	}
	return assertion, nil
}

// discovery is what the issuer says about itself, refused under its reason.
func (p *Provider) discovery(ctx context.Context) (discovery, error) {
	found, err := p.found.get(ctx)
	return found, refused(provision.IdPUnreachable, "discovery", err)
}

// refused makes a refusal of err under reason, unless it is one already.
func refused(reason provision.Reason, what string, err error) error {
	var already *idp.Rejected
	switch {
	case err == nil:
		return nil
	case errors.As(err, &already):
		return already
	}
	const most = 400 // bytes: the issuer may have written it
	text := err.Error()
	return idp.Reject(reason, "%s: %s", what, strings.ToValidUTF8(text[:min(len(text), most)], ""))
}

// quoted is s as it may stand in an audit line: bounded, and without characters that act.
func quoted(s string) string {
	const most = 200
	if len(s) > most {
		return fmt.Sprintf("%q and %d bytes more", s[:most], len(s)-most)
	}
	return fmt.Sprintf("%q", s)
}

var (
	_ idp.Provider  = (*Provider)(nil)
	_ idp.Ender     = (*Provider)(nil)
	_ idp.Leaver    = (*Provider)(nil)
	_ idp.Refresher = (*Provider)(nil)
)
