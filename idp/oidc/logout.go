package oidc

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"leasehold/idp"
	"leasehold/provision"
)

const (
	logoutAge   = 5 * time.Minute // of a log-out token, from its issue to its arrival
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	maxHint     = 4 << 10 // bytes of an ID token in an address
)

// logoutTokens are tokens by which sessions end. Not all providers type them yet (OIDC Back-Channel Logout 2.4).
func logoutTokens() kind {
	return kind{"log-out token", []string{"logout+jwt", "application/logout+jwt", "JWT"}}
}

// ReadLogout judges a log-out token (OIDC Back-Channel Logout 2.6): signed by the issuer, for us, young, used once, and of
// no other kind.
func (p *Provider) ReadLogout(ctx context.Context, m idp.Message) (idp.Logout, error) {
	raw, err := logoutToken(m)
	if err != nil {
		return idp.Logout{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := p.discovery(ctx)
	if err != nil {
		return idp.Logout{}, err
	}
	h, err := readHeader(logoutTokens(), raw, found.algorithms)
	if err != nil {
		return idp.Logout{}, err
	}
	payload, err := p.keys.verify(ctx, raw, h)
	if err != nil {
		return idp.Logout{}, err
	}
	claims, err := readObject(payload)
	if err != nil {
		return idp.Logout{}, refused(provision.DocumentMalformed, h.name, err)
	}
	l, err := p.logout(claims)
	return l, refused(provision.DocumentMalformed, h.name, err)
}

// logoutToken is the one token of a form.
func logoutToken(m idp.Message) (string, error) {
	said := m.Form["logout_token"]
	switch {
	case m.Binding != idp.BackChannel || len(said) != 1 || said[0] == "": // OIDC Back-Channel Logout 2.5
		return "", idp.Reject(provision.DocumentMalformed, "form holds %d of logout_token, expected one", len(said))
	case len(said[0]) > maxToken:
		return "", idp.Reject(provision.MessageTooLarge, "log-out token of %d bytes", len(said[0]))
	}
	return said[0], nil
}

// logout holds the claims of a verified token against the rules.
func (p *Provider) logout(claims object) (idp.Logout, error) {
	b := &bench{Provider: p, now: p.now()}
	for _, rule := range []func(object) error{b.issuer, b.audience, endsSessions, noNonce} {
		if err := rule(claims); err != nil {
			return idp.Logout{}, err
		}
	}
	until, err := b.young(claims)
	if err != nil {
		return idp.Logout{}, err
	}
	l, err := named(claims)
	if err != nil {
		return idp.Logout{}, err
	}
	id, err := subjectIn(claims, "jti")
	l.Binding = idp.BackChannel
	l.Spend = provision.Spent{Kind: provision.LogoutMessage, Scope: string(p.connection.ID), ID: id, Until: until}
	if err != nil {
		return idp.Logout{}, idp.Reject(provision.DocumentMalformed, "log-out token: jti: %w", err)
	}
	return l, nil
}

// endsSessions wants the one event that a log-out token tells of (OIDC Back-Channel Logout 2.4): an ID token has none.
func endsSessions(claims object) error {
	events, err := readObject(claims["events"])
	if err == nil {
		_, err = readObject(events[logoutEvent])
	}
	if err != nil {
		return idp.Reject(provision.DocumentMalformed, "log-out token: events do not hold %s", logoutEvent)
	}
	return nil
}

// noNonce refuses what could pass for an ID token (OIDC Back-Channel Logout 2.4).
func noNonce(claims object) error {
	if _, there := claims["nonce"]; there {
		return idp.Reject(provision.DocumentMalformed, "log-out token: has a nonce")
	}
	return nil
}

// young wants a token that was issued just now and is still valid, and answers with the instant after which it cannot
// be accepted any more.
func (b *bench) young(claims object) (time.Time, error) {
	if err := b.times(claims); err != nil {
		return time.Time{}, err
	}
	iat, _ := claims.time("iat") // which b.times has read
	if b.now.Sub(iat) > logoutAge+skew {
		return iat, idp.Reject(provision.Expired, "log-out token: iat %s, now %s", stamp(iat), stamp(b.now))
	}
	return iat.Add(logoutAge + 2*skew), nil
}

// named is whose sessions end, and which (OIDC Back-Channel Logout 2.4): a sub, a sid, or both.
func named(claims object) (l idp.Logout, err error) {
	for _, c := range []struct {
		name string
		to   *string
	}{{"sub", &l.Name}, {"sid", new(string)}} {
		if !claims.has(c.name) {
			continue
		}
		if *c.to, err = subjectIn(claims, c.name); err != nil {
			return idp.Logout{}, err
		}
		if c.name == "sid" {
			l.Sessions = []string{*c.to}
		}
	}
	if l.Name == "" && l.Sessions == nil {
		return idp.Logout{}, idp.Reject(provision.SubjectMissing, "log-out token: neither sub nor sid")
	}
	return l, nil
}

// upstream is what a lease remembers of the session at the issuer.
func (p *Provider) upstream(found discovery, claims object, t tokens) (provision.UpstreamSession, error) {
	sub, err := claims.text("sub")
	if err != nil {
		return provision.UpstreamSession{}, err
	}
	sid, err := claims.text("sid")
	s := provision.UpstreamSession{Name: sub, Matched: sub, Refresh: t.refresh}
	if sid != "" && len(sid) <= maxSubject {
		s.Indexes = []string{sid}
	}
	if found.endSession != "" && p.after != "" && len(t.id) <= maxHint {
		s.IDToken = t.id
	}
	return s, err
}

// OffersLogout reports whether the issuer has a place to log out at.
func (p *Provider) OffersLogout(ctx context.Context) bool {
	found, err := p.found.get(ctx)
	return err == nil && found.endSession != "" && p.after != ""
}

// BeginLogout is the address at which the issuer logs somebody out (OIDC RP-Initiated Logout 2).
func (p *Provider) BeginLogout(ctx context.Context, l *idp.Leaving) (idp.Reply, error) {
	found, err := p.discovery(ctx)
	if err != nil {
		return idp.Reply{}, err
	}
	if found.endSession == "" || p.after == "" {
		return idp.Reply{}, idp.Reject(provision.IdPUnreachable, "the issuer has no place to log out at")
	}
	query := url.Values{"client_id": {p.connection.ClientID}, "post_logout_redirect_uri": {p.after}, "state": {string(l.ID)}}
	if l.Session.IDToken != "" {
		query.Set("id_token_hint", l.Session.IDToken)
	}
	separator := "?"
	if strings.Contains(found.endSession, "?") {
		separator = "&"
	}
	return idp.Reply{Address: found.endSession + separator + query.Encode()}, nil
}

// VerifyLogout takes the browser's coming back with the state for the answer: the protocol has no other (OIDC
// RP-Initiated Logout 3).
func (p *Provider) VerifyLogout(_ context.Context, l idp.Leaving, m idp.Message) error {
	if !slices.Equal(m.Form["state"], []string{string(l.ID)}) {
		return idp.Reject(provision.StateMismatch, "state is not the one of this log-out")
	}
	return nil
}
