package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"

	"golang.org/x/oauth2"

	"leasehold/idp"
	"leasehold/provision"
)

const (
	maxField = 8 << 10  // bytes of one field of a callback
	maxToken = 64 << 10 // bytes of an ID token
	maxKept  = 8 << 10  // bytes of a token that a lease remembers
)

// code is the authorization code of an answer to a. Fields that we do not know are left alone (RFC 6749, 4.1.2), but
// none may come twice (3.1).
func (p *Provider) code(found discovery, a idp.Attempt, answer idp.Form) (string, error) {
	for name, values := range answer {
		if len(values) != 1 {
			return "", idp.Reject(provision.DocumentMalformed, "callback: field %s comes %d times", quoted(name), len(values))
		}
		if len(name)+len(values[0]) > maxField {
			return "", idp.Reject(provision.MessageTooLarge, "callback: field %s has %d bytes", quoted(name), len(values[0]))
		}
	}
	if !equal(answer.Get("state"), string(a.ID)) { // RFC 6749, 10.12
		return "", idp.Reject(provision.StateMismatch, "callback: state %s is not the attempt's", quoted(answer.Get("state")))
	}
	if err := p.checkSender(found, answer); err != nil {
		return "", err
	}
	switch code := answer.Get("code"); {
	case answer.Has("error"): // RFC 6749, 4.1.2.1
		return "", idp.Reject(provision.IdPStatus, "callback: %s: %s", quoted(answer.Get("error")), quoted(answer.Get("error_description")))
	case code == "":
		return "", idp.Reject(provision.DocumentMalformed, "callback: no code")
	default:
		return code, nil
	}
}

// checkSender is RFC 9207, 2.4: an answer says whose it is, errors too, where its issuer promised that; and if it says,
// it is the connection's own.
func (p *Provider) checkSender(found discovery, answer idp.Form) error {
	switch said := answer.Get("iss"); {
	case answer.Has("iss") && said != p.connection.Issuer:
		return idp.Reject(provision.IssuerMismatch, "callback: iss %s, expected %q", quoted(said), p.connection.Issuer)
	case !answer.Has("iss") && found.issReturned:
		return idp.Reject(provision.IssMissing, "callback: no iss, though the issuer promises one")
	}
	return nil
}

// tokens are what a code was exchanged for.
type tokens struct {
	id, access, refresh string
}

// exchange redeems the code with the attempt's verifier (RFC 7636, 4.5).
func (p *Provider) exchange(ctx context.Context, found discovery, a idp.Attempt, code string) (tokens, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, p.http)
	got, err := p.oauth(found).Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return tokens{}, exchangeRefused(err)
	}
	id, _ := got.Extra("id_token").(string)
	switch {
	case !strings.EqualFold(got.TokenType, "Bearer"): // OIDC Core 3.1.3.3
		return tokens{}, idp.Reject(provision.DocumentMalformed, "token response: type %s, expected Bearer", quoted(got.TokenType))
	case id == "":
		return tokens{}, idp.Reject(provision.DocumentMalformed, "token response: no ID token")
	case len(id) > maxToken:
		return tokens{}, idp.Reject(provision.MessageTooLarge, "token response: an ID token of %d bytes", len(id))
	}
	return p.renewable(tokens{id: id, access: got.AccessToken, refresh: got.RefreshToken})
}

// renewable wants a token by which the provider can be asked again, where the connection is to be: without one nobody
// would notice that the session ended there.
func (p *Provider) renewable(t tokens) (tokens, error) {
	if !p.connection.Liveness.On() {
		t.refresh = ""
		return t, nil
	}
	switch {
	case t.refresh == "":
		return tokens{}, idp.Reject(provision.IdPStatus, "token response: no refresh token, which liveness needs: the client has to be allowed offline access")
	case len(t.refresh) > maxKept:
		return tokens{}, idp.Reject(provision.MessageTooLarge, "token response: a refresh token of %d bytes", len(t.refresh))
	}
	return t, nil
}

// exchangeRefused tells a provider that said no from one that could not be asked.
func exchangeRefused(err error) error {
	var said *oauth2.RetrieveError
	switch {
	case !errors.As(err, &said):
		return idp.Reject(provision.IdPUnreachable, "token endpoint: %s", quoted(err.Error()))
	case said.Response.StatusCode >= http.StatusInternalServerError:
		return idp.Reject(provision.IdPUnreachable, "token endpoint: answers %d", said.Response.StatusCode)
	}
	return idp.Reject(provision.IdPStatus, "token endpoint: answers %d: %s: %s", said.Response.StatusCode, quoted(said.ErrorCode), quoted(said.ErrorDescription))
}

// equal compares in constant time. Two empty texts are not equal: nothing is no proof.
func equal(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
