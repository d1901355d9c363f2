package oidc

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	jose "github.com/go-jose/go-jose/v4"

	"leasehold/idp"
	"leasehold/provision"
)

const maxAge = 10 * time.Minute // of an ID token: as long as an attempt lives

// judge returns the claims of an ID token that answers attempt a (OIDC Core 3.1.3.7).
// Of one that is refused, a trial gets what else there is to find.
func (p *Provider) judge(ctx context.Context, found discovery, a idp.Attempt, t tokens) (object, *provision.Survey, error) {
	b := &bench{Provider: p, attempt: a, now: p.now()}
	b.rules = []func(object) error{b.kind, b.issuer, b.audience, b.times, b.nonce, b.authTime}
	claims, err := b.hear(ctx, found, t)
	return claims, b.survey, err
}

// hear returns the claims of an ID token that holds against the rules of the bench.
func (b *bench) hear(ctx context.Context, found discovery, t tokens) (object, error) {
	var err error
	if b.header, err = readHeader(idTokens(), t.id, found.algorithms); err != nil {
		return nil, err
	}
	token, err := oidc.NewVerifier(b.connection.Issuer, b, &oidc.Config{
		ClientID:             b.connection.ClientID,
		SupportedSigningAlgs: found.algorithms,
		Now:                  func() time.Time { return b.now.Add(-skew) },
	}).Verify(ctx, t.id)
	switch {
	case b.refusal != nil:
		return nil, b.refusal
	case err != nil: // the library minds something that we did not
		return nil, refused(provision.DocumentMalformed, "ID token", err)
	case token.AccessTokenHash != "" && token.VerifyAccessToken(t.access) != nil: // OIDC Core 3.1.3.8
		return nil, idp.Reject(provision.SignatureInvalid, "ID token: at_hash is not of the access token that came with it")
	}
	return b.claims, nil
}

// bench judges one token from inside the library, which asks it for a verified payload and flattens its refusals to
// text: so it remembers them. It is an oidc.KeySet.
type bench struct {
	*Provider
	header  header
	attempt idp.Attempt
	now     time.Time
	rules   []func(object) error

	claims  object
	refusal error
	survey  *provision.Survey // of a trial that is refused though its signature is good
}

// VerifySignature verifies the token and judges its claims by our rules. The library goes on with its own.
func (b *bench) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	payload, err := b.keys.verify(ctx, raw, b.header)
	if err == nil {
		b.claims, err = readObject(payload)
		err = refused(provision.DocumentMalformed, "ID token", err)
	}
	for _, rule := range b.rules {
		if err == nil {
			err = refused(provision.DocumentMalformed, "ID token", rule(b.claims))
		}
	}
	if b.refusal = err; err != nil {
		if b.attempt.Trial && b.claims != nil {
			b.survey = b.look(b.claims)
		}
		b.claims = nil
		return nil, err
	}
	return payload, nil
}

// kind refuses log-out tokens, which the same keys sign for the same audience (OIDC Back-Channel Logout 2.4).
func (b *bench) kind(claims object) error {
	if _, ok := claims["events"]; ok {
		return idp.Reject(provision.DocumentMalformed, "ID token: has events: it is another kind of token")
	}
	return nil
}

// issuer is OIDC Core 3.1.3.7 #2.
func (b *bench) issuer(claims object) error {
	iss, err := claims.text("iss")
	if err == nil && iss != b.connection.Issuer {
		return idp.Reject(provision.IssuerMismatch, "ID token: iss %s, expected %q", quoted(iss), b.connection.Issuer)
	}
	return err
}

// audience is OIDC Core 3.1.3.7 #3 to #5: made for us, and where it is for others too, said to be ours.
func (b *bench) audience(claims object) error {
	aud, err := claims.texts("aud")
	if err != nil {
		return err
	}
	azp, err := claims.text("azp")
	us := b.connection.ClientID
	switch {
	case err != nil:
		return err
	case !slices.Contains(aud, us):
		return idp.Reject(provision.AudienceMismatch, "ID token: aud %s, expected %q", quoted(strings.Join(aud, " ")), us)
	case len(aud) > 1 && !claims.has("azp"):
		return idp.Reject(provision.AudienceMismatch, "ID token: %d audiences and no azp", len(aud))
	case claims.has("azp") && azp != us:
		return idp.Reject(provision.AudienceMismatch, "ID token: azp %s, expected %q", quoted(azp), us)
	}
	return nil
}

// times is OIDC Core 3.1.3.7 #9 and #10.
func (b *bench) times(claims object) error {
	iat, err := b.current(claims, "ID token", skew)
	if err == nil && b.now.Sub(iat) > maxAge {
		return idp.Reject(provision.Expired, "ID token: iat %s is more than %s ago, now %s", stamp(iat), maxAge, stamp(b.now))
	}
	return err
}

// current wants exp and iat, and a time between them (RFC 7519, 4.1.4 to 4.1.6), and returns iat. An exp that passed no
// longer ago than late is borne.
func (b *bench) current(claims object, token string, late time.Duration) (iat time.Time, err error) {
	exp, err := claims.time("exp")
	if err != nil {
		return iat, err
	}
	if iat, err = claims.time("iat"); err != nil {
		return iat, err
	}
	nbf, err := claims.time("nbf")
	switch soon := b.now.Add(skew); {
	case err != nil:
		return iat, err
	case exp.IsZero() || iat.IsZero():
		return iat, idp.Reject(provision.DocumentMalformed, "%s: exp or iat is missing", token)
	case !b.now.Before(exp.Add(late)):
		return iat, idp.Reject(provision.Expired, "%s: exp %s, now %s", token, stamp(exp), stamp(b.now))
	case iat.After(soon):
		return iat, idp.Reject(provision.NotYetValid, "%s: iat %s, now %s", token, stamp(iat), stamp(b.now))
	case nbf.After(soon):
		return iat, idp.Reject(provision.NotYetValid, "%s: nbf %s, now %s", token, stamp(nbf), stamp(b.now))
	}
	return iat, nil
}

// nonce is OIDC Core 3.1.3.7 #11: the token was made for this attempt.
func (b *bench) nonce(claims object) error {
	nonce, err := claims.text("nonce")
	if err == nil && !equal(nonce, b.attempt.Nonce) {
		return idp.Reject(provision.NonceMismatch, "ID token: nonce %s is not the attempt's", quoted(nonce))
	}
	return err
}

// authTime is OIDC Core 3.1.3.7 #13: when a new authentication was asked for, it is said, and lies within the attempt.
func (b *bench) authTime(claims object) error {
	at, err := claims.time("auth_time")
	switch {
	case err != nil:
		return err
	case at.After(b.now.Add(skew)):
		return idp.Reject(provision.NotYetValid, "ID token: auth_time %s, now %s", stamp(at), stamp(b.now))
	case b.attempt.Fresh && at.Before(b.attempt.Began.Add(-skew)): // the zero time too
		return idp.Reject(provision.AuthTooOld, "ID token: auth_time %s, a new authentication was asked for at %s", stamp(at), stamp(b.attempt.Began))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// kind is a kind of token: what it is called, and what its head may call it.
type kind struct {
	name  string
	types []string
}

// idTokens are tokens about a login. A typ, if there is one, is theirs (RFC 8725, 3.11): at+jwt and logout+jwt are for
// others.
func idTokens() kind { return kind{"ID token", []string{"JWT"}} }

// header is what the head of a token says, before anything vouches for it.
type header struct {
	kind
	algorithm jose.SignatureAlgorithm
	keyID     string
}

// readHeader reads the head of a signed token in compact form (RFC 7515, 7.1), and refuses what we would not verify.
func readHeader(of kind, raw string, algorithms []string) (header, error) {
	parts := strings.Split(raw, ".")
	switch {
	case len(parts) == 5: // RFC 7516, 7.1
		return header{}, idp.Reject(provision.EncryptedRefused, "%s: is encrypted", of.name)
	case len(parts) != 3:
		return header{}, idp.Reject(provision.DocumentMalformed, "%s: has %d parts, expected 3", of.name, len(parts))
	}
	for _, part := range parts {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(part); err != nil || strings.ContainsAny(part, "\r\n") {
			return header{}, idp.Reject(provision.DocumentMalformed, "%s: is not base64url", of.name)
		}
	}
	head, _ := base64.RawURLEncoding.DecodeString(parts[0])
	o, err := readObject(head)
	if err != nil {
		return header{}, refused(provision.DocumentMalformed, of.name+" header", err)
	}
	h, err := o.header(of, algorithms)
	if err == nil && parts[2] == "" {
		err = idp.Reject(provision.SignatureMissing, "%s: has no signature", of.name)
	}
	return h, refused(provision.DocumentMalformed, of.name+" header", err)
}

// header reads the members that we act upon. Keys that a token brings along (jwk, jku, x5c, x5u) are not among them.
func (o object) header(of kind, algorithms []string) (header, error) {
	algorithm, err := o.text("alg")
	if err != nil {
		return header{}, err
	}
	kid, err := o.text("kid")
	if err != nil {
		return header{}, err
	}
	said, err := o.text("typ")
	known := func(name string) bool { return strings.EqualFold(said, name) }
	switch {
	case err != nil:
		return header{}, err
	case !slices.Contains(algorithms, algorithm):
		return header{}, idp.Reject(provision.AlgorithmRefused, "%s: alg %s, expected one of %s", of.name, quoted(algorithm), strings.Join(algorithms, " "))
	case said != "" && !slices.ContainsFunc(of.types, known):
		return header{}, fmt.Errorf("typ %s", quoted(said))
	}
	if _, ok := o["crit"]; ok { // RFC 7515, 4.1.11: we understand no extension
		return header{}, fmt.Errorf("crit is not understood")
	}
	return header{of, jose.SignatureAlgorithm(algorithm), kid}, nil
}
