package oidc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"leasehold/idp"
	"leasehold/provision"
)

// prompts is what the issuer is to ask of the person. Offline access wants consent, or is not given (OIDC Core 11); Entra
// ID gives it by itself, and would ask each time.
func (p *Provider) prompts(fresh bool) string {
	var all []string
	if fresh {
		all = append(all, "login")
	}
	if p.connection.Liveness.On() && !isEntra(p.connection.Issuer) {
		all = append(all, "consent")
	}
	return strings.Join(all, " ")
}

func isEntra(issuer string) bool {
	u, err := url.Parse(issuer)
	return err == nil && strings.HasPrefix(u.Hostname(), "login.microsoftonline.")
}

// Refresh shows the issuer the session's refresh token (OIDC Core 12). That the issuer takes it is its word that it
// stands by the session; invalid_grant, another subject or another issuer is its no. All else says nothing.
func (p *Provider) Refresh(ctx context.Context, s provision.UpstreamSession) (provision.UpstreamSession, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if s.Refresh == "" {
		return s, fmt.Errorf("no refresh token: %w", provision.ErrUnavailable)
	}
	found, err := p.discovery(ctx)
	if err != nil {
		return s, silent(err)
	}
	asker := context.WithValue(ctx, oauth2.HTTPClient, p.http)
	got, err := p.oauth(found).TokenSource(asker, &oauth2.Token{RefreshToken: s.Refresh}).Token()
	if err != nil {
		return s, notRenewed(err)
	}
	if id, _ := got.Extra("id_token").(string); id != "" {
		if err := p.same(ctx, found, s, tokens{id: id, access: got.AccessToken}); err != nil {
			return s, err
		}
	}
	if len(got.RefreshToken) > maxKept {
		return s, fmt.Errorf("a refresh token of %d bytes: %w", len(got.RefreshToken), provision.ErrUnavailable)
	}
	s.Refresh = cmp.Or(got.RefreshToken, s.Refresh)
	return s, nil
}

// silent is an error that says nothing of the session.
func silent(err error) error { return fmt.Errorf("%w: %s", provision.ErrUnavailable, err.Error()) }

// notRenewed tells a provider's no (RFC 6749, 5.2) from an answer that says nothing of the session: one that cannot be
// had, or one about us, like a client secret that has changed.
func notRenewed(err error) error {
	var said *oauth2.RetrieveError
	if errors.As(err, &said) && said.ErrorCode == "invalid_grant" && said.Response.StatusCode < http.StatusInternalServerError {
		return idp.Reject(provision.IdPStatus, "token endpoint: answers %d: invalid_grant: %s", said.Response.StatusCode, quoted(said.ErrorDescription))
	}
	return fmt.Errorf("%w: token endpoint: %s", provision.ErrUnavailable, quoted(err.Error()))
}

// same wants a refreshed ID token to be of the same issuer and about the same subject (OIDC Core 12.2). One that does not
// verify says nothing.
func (p *Provider) same(ctx context.Context, found discovery, s provision.UpstreamSession, t tokens) error {
	if len(t.id) > maxToken {
		return fmt.Errorf("an ID token of %d bytes: %w", len(t.id), provision.ErrUnavailable)
	}
	var other error
	b := &bench{Provider: p, now: p.now()}
	b.rules = []func(object) error{b.kind, func(claims object) error {
		other = cmp.Or(b.issuer(claims), sameSubject(claims, s.Name))
		return other
	}, b.audience, b.times}
	_, err := b.hear(ctx, found, t)
	var no *idp.Rejected
	switch {
	case err == nil:
		return nil
	case errors.As(other, &no):
		return no
	}
	return silent(err)
}

func sameSubject(claims object, name string) error {
	sub, err := claims.text("sub")
	if err == nil && !equal(sub, name) {
		return idp.Reject(provision.ConfirmationInvalid, "refreshed ID token: sub %s, expected %s", quoted(sub), quoted(name))
	}
	return err
}
