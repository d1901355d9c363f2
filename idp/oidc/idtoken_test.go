package oidc_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/url"
	"strings"
	"testing"
	"time"

	"leasehold/broker/brokertest"
	"leasehold/idp/oidc/oidctest"
	"leasehold/provision"
	"leasehold/provision/memory"
)

// lie is something a provider, or somebody in its place, may say, and what is made of it; no reason: it passes.
type lie struct {
	name string
	tell func(op *oidctest.OP, now time.Time)
	want provision.Reason
}

// claim is a lie in one claim.
func claim(name string, value any) func(*oidctest.OP, time.Time) {
	return func(op *oidctest.OP, _ time.Time) {
		op.Tamper.Claims = func(c map[string]any) {
			if value == nil {
				delete(c, name)
				return
			}
			c[name] = value
		}
	}
}

// at is a lie in a claim that is a time, so far from now.
func at(name string, d time.Duration) func(*oidctest.OP, time.Time) {
	return func(op *oidctest.OP, now time.Time) { claim(name, now.Add(d).Unix())(op, now) }
}

// claims is a lie in several claims.
func claims(values map[string]any) func(*oidctest.OP, time.Time) {
	return func(op *oidctest.OP, _ time.Time) {
		op.Tamper.Claims = func(c map[string]any) {
			for name, value := range values {
				c[name] = value
			}
		}
	}
}

// head is a lie in the header.
func head(name string, value any) func(*oidctest.OP, time.Time) {
	return func(op *oidctest.OP, _ time.Time) { op.Tamper.Header = func(h map[string]any) { h[name] = value } }
}

// payload replaces a part of the claims as they are written.
func payload(old, new string) func(*oidctest.OP, time.Time) {
	return func(op *oidctest.OP, _ time.Time) {
		op.Tamper.Payload = func(p []byte) []byte { return bytes.Replace(p, []byte(old), []byte(new), 1) }
	}
}

// token changes the signed token.
func token(change func(head, claims, signature string) string) func(*oidctest.OP, time.Time) {
	return func(op *oidctest.OP, _ time.Time) {
		op.Tamper.Token = func(s string) string {
			parts := strings.Split(s, ".")
			return change(parts[0], parts[1], parts[2])
		}
	}
}

func play(t *testing.T, lies []lie, prepare func(*oidctest.OP)) {
	t.Helper()
	for _, l := range lies {
		op, c := oidctest.New(t), newClock()
		op.Now = c.now
		if prepare != nil {
			prepare(op)
		}
		l.tell(op, c.now())
		got, err := login(t, open(t, configured(t, op, c)), op, attempt(c))
		want(t, l.name, got, err, l.want)
		if l.want != "" {
			playWhole(t, l, prepare)
		}
	}
}

// playWhole plays a lie within a whole gateway: there the refusal has its event, and the next honest login gets in.
func playWhole(t *testing.T, l lie, prepare func(*oidctest.OP)) {
	t.Helper()
	op, c := oidctest.New(t), newClock()
	op.Now = c.now
	if prepare != nil {
		prepare(op)
	}
	honest := op.Habits()
	p := open(t, configured(t, op, c))
	house := brokertest.New(t, brokertest.Config{Store: memory.New(c.now), Connection: "acme-oidc", Protocol: provision.OIDC, Provider: p, Now: c.now})
	answer := func(address string) url.Values { return op.Login(t, address) }
	l.tell(op, c.now())
	house.Refuses(t, l.want, answer, nil)
	op.Resume(honest)
	c.pass(25 * time.Hour) // what was said then is asked for again
	house.Admits(t, "the honest login after "+l.name, answer)
}

func TestClaimsOfAnIDToken(t *testing.T) {
	play(t, []lie{
		{"another issuer", claim("iss", "https://login.evil.test"), provision.IssuerMismatch},
		{"no issuer", claim("iss", nil), provision.IssuerMismatch},
		{"issuer with a slash more", func(op *oidctest.OP, now time.Time) { claim("iss", op.URL+"/")(op, now) }, provision.IssuerMismatch},
		{"issuer that is a list", func(op *oidctest.OP, now time.Time) { claim("iss", []string{op.URL})(op, now) }, provision.DocumentMalformed},
		{"another audience", claim("aud", "other"), provision.AudienceMismatch},
		{"no audience", claim("aud", nil), provision.AudienceMismatch},
		{"empty audience", claim("aud", []string{}), provision.AudienceMismatch},
		{"audience in another case", claim("aud", "Leasehold"), provision.AudienceMismatch},
		{"audience that is a number", claim("aud", 7), provision.DocumentMalformed},
		{"audience with a null", claim("aud", []any{nil, oidctest.ClientID}), provision.DocumentMalformed},
		{"audience as a list of one", claim("aud", []string{oidctest.ClientID}), ""},
		{"two audiences, no azp", claim("aud", []string{"other", oidctest.ClientID}), provision.AudienceMismatch},
		{"two audiences, azp another", claims(map[string]any{"aud": []string{"other", oidctest.ClientID}, "azp": "other"}), provision.AudienceMismatch},
		{"two audiences, azp us", claims(map[string]any{"aud": []string{"other", oidctest.ClientID}, "azp": oidctest.ClientID}), ""},
		{"azp us", claim("azp", oidctest.ClientID), ""},
		{"azp another", claim("azp", "other"), provision.AudienceMismatch},
		{"azp empty", claim("azp", ""), provision.AudienceMismatch},

		{"expired", at("exp", -61*time.Second), provision.Expired},
		{"expires within the skew", at("exp", -59*time.Second), ""},
		{"no exp", claim("exp", nil), provision.DocumentMalformed},
		{"exp as text", claim("exp", "9999999999"), provision.DocumentMalformed},
		{"exp beyond time", claim("exp", 1e30), provision.DocumentMalformed},
		{"exp negative", claim("exp", -1), provision.DocumentMalformed},
		{"exp with a fraction", func(op *oidctest.OP, now time.Time) { claim("exp", float64(now.Unix())+60.5)(op, now) }, ""},
		{"no iat", claim("iat", nil), provision.DocumentMalformed},
		{"iat in two days", at("iat", 48*time.Hour), provision.NotYetValid},
		{"iat beyond the skew", at("iat", 61*time.Second), provision.NotYetValid},
		{"iat within the skew", at("iat", 59*time.Second), ""},
		{"iat 11 minutes ago", at("iat", -11*time.Minute), provision.Expired},
		{"iat 9 minutes ago", at("iat", -9*time.Minute), ""},
		{"nbf ahead", at("nbf", 61*time.Second), provision.NotYetValid},
		{"nbf within the skew", at("nbf", 59*time.Second), ""},
		{"auth_time ahead", at("auth_time", 61*time.Second), provision.NotYetValid},

		{"another nonce", claim("nonce", "other"), provision.NonceMismatch},
		{"no nonce", claim("nonce", nil), provision.NonceMismatch},
		{"empty nonce", claim("nonce", ""), provision.NonceMismatch},

		{"no sub", claim("sub", nil), provision.SubjectMissing},
		{"empty sub", claim("sub", ""), provision.SubjectMissing},
		{"sub null", payload(`"248289761001"`, `null`), provision.SubjectMissing},
		{"sub a number", claim("sub", 248289761001), provision.DocumentMalformed},
		{"sub of 255", claim("sub", strings.Repeat("a", 255)), ""},
		{"sub of 256", claim("sub", strings.Repeat("a", 256)), provision.DocumentMalformed},
		{"sub beyond ASCII", claim("sub", "аda"), provision.DocumentMalformed},
		{"sub with a line end", claim("sub", "ada\n"), provision.DocumentMalformed},

		{"a log-out token", claim("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}), provision.DocumentMalformed},
		{"events null", payload(`"sub":`, `"events":null,"sub":`), provision.DocumentMalformed},
		{"another at_hash", claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), provision.SignatureInvalid},
		{"at_hash of the access token", claim("at_hash", atHash("access")), ""},

		{"Sub beside sub", payload(`"sub":`, `"Sub":"victim","sub":`), provision.DocumentMalformed},
		{"sub beside Sub", payload(`"sub":"248289761001"`, `"sub":"248289761001","Sub":"victim"`), provision.DocumentMalformed},
		{"a long s in place of s", payload(`"sub":`, `"ſub":"victim","sub":`), provision.DocumentMalformed},
		{"a Kelvin sign in place of k", payload(`"sub":`, `"tok":1,"to\u212a":2,"sub":`), provision.DocumentMalformed},
		{"Sub alone", payload(`"sub":`, `"Sub":`), provision.SubjectMissing},
		{"NONCE alone", payload(`"nonce":`, `"NONCE":`), provision.NonceMismatch},
		{"two subs", payload(`"sub":`, `"sub":"victim","sub":`), provision.DocumentMalformed},
		{"two subs, one escaped", payload(`"sub":`, `"s\u0075b":"victim","sub":`), provision.DocumentMalformed},
		{"bytes that are no UTF-8", payload(`"Ada"`, "\"\xff\""), provision.DocumentMalformed},
		{"rubbish behind", payload(`"}`, `"}{}`), provision.DocumentMalformed},
		{"an array", func(op *oidctest.OP, _ time.Time) { op.Tamper.Payload = func(p []byte) []byte { return []byte("[]") } }, provision.DocumentMalformed},
		{"null", func(op *oidctest.OP, _ time.Time) {
			op.Tamper.Payload = func(p []byte) []byte { return []byte("null") }
		}, provision.DocumentMalformed},
		{"nothing", func(op *oidctest.OP, _ time.Time) { op.Tamper.Payload = func(p []byte) []byte { return nil } }, provision.DocumentMalformed},
		{"a claim that nobody knows", claim("https://acme.test/floor", 3), ""},
		{"a token of 70 KiB", claim("padding", strings.Repeat("a", 70<<10)), provision.MessageTooLarge},
		{"a token of 40 KiB", claim("padding", strings.Repeat("a", 30<<10)), ""},
	}, nil)
}

func atHash(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func TestSignaturesOfAnIDToken(t *testing.T) {
	honest := oidctest.RSAKey(t, "first")
	evil := oidctest.RSAKey(t, "first") // the issuer's key id, another's key
	strange := oidctest.RSAKey(t, "strange")
	encoded := base64.RawURLEncoding.EncodeToString
	none := encoded([]byte(`{"alg":"none"}`))
	by := func(k oidctest.Key, algorithm string) func(*oidctest.OP, time.Time) {
		return func(op *oidctest.OP, _ time.Time) {
			if k.Private == nil {
				k.Private = op.Key.Private
			}
			k.Algorithm = algorithm
			op.Key = k
		}
	}
	play(t, []lie{
		{"signed by a stranger under the issuer's key id", by(evil, "RS256"), provision.SignatureInvalid},
		{"signed by a stranger under an unknown key id", by(strange, "RS256"), provision.SignatureInvalid},
		{"a stranger's key brought along as jwk", func(op *oidctest.OP, now time.Time) {
			by(strange, "RS256")(op, now)
			head("jwk", strange.JWK)(op, now)
		}, provision.SignatureInvalid},
		{"a stranger's key brought along as jku", func(op *oidctest.OP, now time.Time) {
			by(strange, "RS256")(op, now)
			head("jku", "https://evil.test/keys")(op, now)
		}, provision.SignatureInvalid},
		{"claims changed after they were signed", token(func(h, _, s string) string { return h + "." + encoded([]byte(`{"sub":"victim"}`)) + "." + s }), provision.SignatureInvalid},
		{"signature cut", token(func(h, c, s string) string { return h + "." + c + "." + s[4:] }), provision.SignatureInvalid},
		{"no signature", token(func(h, c, _ string) string { return h + "." + c + "." }), provision.SignatureMissing},
		{"alg none", token(func(_, c, _ string) string { return none + "." + c + "." }), provision.AlgorithmRefused},
		{"alg none, signed", token(func(_, c, s string) string { return none + "." + c + "." + s }), provision.AlgorithmRefused},
		{"alg None", head("alg", "None"), provision.AlgorithmRefused},
		{"no alg", head("alg", ""), provision.AlgorithmRefused},
		{"HS256 with the client secret", by(oidctest.Key{ID: "first", Private: []byte(oidctest.ClientSecret)}, "HS256"), provision.AlgorithmRefused},
		{"HS256 with the issuer's public key", func(op *oidctest.OP, now time.Time) {
			by(oidctest.Key{ID: "first", Private: publicPEM(t, op)}, "HS256")(op, now)
		}, provision.AlgorithmRefused},
		{"HMAC under the name of RS256", func(op *oidctest.OP, now time.Time) {
			by(oidctest.Key{ID: "first", Private: publicPEM(t, op)}, "RS256")(op, now)
		}, provision.SignatureInvalid},
		{"RS384, which is not among the issuer's", by(oidctest.Key{ID: "first"}, "RS384"), provision.AlgorithmRefused},
		{"ES256 with an RSA key", head("alg", "ES256"), provision.SignatureInvalid},
		{"PS256", by(oidctest.Key{ID: "first"}, "PS256"), ""},
		{"an encrypted token", token(func(h, c, s string) string { return h + "." + c + "." + s + "." + s + "." + s }), provision.EncryptedRefused},
		{"JSON in place of the compact form", token(func(h, c, s string) string {
			return `{"protected":"` + h + `","payload":"` + c + `","signature":"` + s + `"}`
		}), provision.DocumentMalformed},
		{"space around", token(func(h, c, s string) string { return " " + h + "." + c + "." + s }), provision.DocumentMalformed},
		{"a line end inside", token(func(h, c, s string) string { return h + "." + c + "\n." + s }), provision.DocumentMalformed},
		{"padding", token(func(h, c, s string) string { return h + "." + c + "." + s + "=" }), provision.DocumentMalformed},
		{"signature in another spelling", token(func(h, c, s string) string { return h + "." + c + "." + respelled(s) }), provision.DocumentMalformed},
		{"two parts", token(func(h, c, _ string) string { return h + "." + c }), provision.DocumentMalformed},
		{"no token", token(func(_, _, _ string) string { return "" }), provision.DocumentMalformed},
		{"header with two algs", token(func(_, c, s string) string {
			return encoded([]byte(`{"alg":"none","alg":"RS256"}`)) + "." + c + "." + s
		}), provision.DocumentMalformed},
		{"header with Alg beside alg", head("Alg", "none"), provision.DocumentMalformed},
		{"header that is no JSON", token(func(_, c, s string) string { return encoded([]byte(`hello`)) + "." + c + "." + s }), provision.DocumentMalformed},
		{"a critical extension", head("crit", []string{"b64"}), provision.DocumentMalformed},
		{"an access token", head("typ", "at+jwt"), provision.DocumentMalformed},
		{"a log-out token by its type", head("typ", "logout+jwt"), provision.DocumentMalformed},
		{"typ in lower case", head("typ", "jwt"), ""},
		{"kid that is a number", head("kid", 1), provision.DocumentMalformed},
	}, func(op *oidctest.OP) { op.Rotate(honest) })
}

// respelled is s, 256 bytes in base64url, with a bit set that decodes to nothing.
func respelled(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, s[len(s)-1])
	return s[:len(s)-1] + alphabet[last+1:last+2]
}

func publicPEM(t *testing.T, op *oidctest.OP) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public(op.Key))
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func TestEveryKindOfKeyThatIsAcceptedVerifies(t *testing.T) {
	for _, k := range []oidctest.Key{
		oidctest.ECKey(t, "ec", elliptic.P256()), oidctest.ECKey(t, "ec", elliptic.P384()), oidctest.ECKey(t, "ec", elliptic.P521()),
		oidctest.EdKey(t, "ed"), oidctest.RSAKey(t, "rsa"),
	} {
		play(t, []lie{{k.Algorithm, func(*oidctest.OP, time.Time) {}, ""}}, func(op *oidctest.OP) { op.Rotate(k) })
	}
}

func TestANewAuthenticationIsNewAndSaysSo(t *testing.T) {
	for _, l := range []lie{
		{"just now", func(*oidctest.OP, time.Time) {}, ""},
		{"within the skew", at("auth_time", -59*time.Second), ""},
		{"before the attempt", at("auth_time", -61*time.Second), provision.AuthTooOld},
		{"not said", claim("auth_time", nil), provision.AuthTooOld},
		{"said as text", claim("auth_time", "now"), provision.DocumentMalformed},
	} {
		op, c := oidctest.New(t), newClock()
		op.Now = c.now
		l.tell(op, c.now())
		a := attempt(c)
		a.Fresh = true
		got, err := login(t, open(t, configured(t, op, c)), op, a)
		want(t, l.name, got, err, l.want)
	}
}
