package oidc_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"leasehold/idp"
	"leasehold/idp/oidc/oidctest"
	"leasehold/provision"
)

func TestCallbacks(t *testing.T) {
	brings := func(name string, values ...string) func(*oidctest.OP, time.Time) {
		return func(op *oidctest.OP, _ time.Time) {
			op.Tamper.Callback = func(form url.Values) {
				if form[name] = values; values == nil {
					delete(form, name)
				}
			}
		}
	}
	fails := func(name, value string) func(*oidctest.OP, time.Time) {
		return func(op *oidctest.OP, _ time.Time) {
			op.Tamper.Callback = func(form url.Values) {
				form.Del("code")
				form.Set("error", "access_denied")
				form.Set(name, value)
			}
		}
	}
	silent := func(then func(*oidctest.OP, time.Time)) func(*oidctest.OP, time.Time) {
		return func(op *oidctest.OP, now time.Time) {
			op.Tamper.Discovery = func(d map[string]any) { delete(d, "authorization_response_iss_parameter_supported") }
			then(op, now)
		}
	}
	play(t, []lie{
		{"another state", brings("state", "other"), provision.StateMismatch},
		{"no state", brings("state"), provision.StateMismatch},
		{"empty state", brings("state", ""), provision.StateMismatch},
		{"two states", brings("state", "state-of-256-random-bits", "state-of-256-random-bits"), provision.DocumentMalformed},
		{"two codes", brings("code", "code-0", "code-0"), provision.DocumentMalformed},
		{"no code", brings("code"), provision.DocumentMalformed},
		{"empty code", brings("code", ""), provision.DocumentMalformed},
		{"a code that was not given out", brings("code", "code-99"), provision.IdPStatus},
		{"a code of 9 KiB", brings("code", strings.Repeat("c", 9<<10)), provision.MessageTooLarge},
		{"a field that nobody knows", brings("session_state", "x"), ""},
		{"such a field twice", brings("session_state", "x", "y"), provision.DocumentMalformed},
		{"another iss", brings("iss", "https://login.evil.test"), provision.IssuerMismatch},
		{"empty iss", brings("iss", ""), provision.IssuerMismatch},
		{"two iss", func(op *oidctest.OP, now time.Time) { brings("iss", op.URL, "https://login.evil.test")(op, now) }, provision.DocumentMalformed},
		{"no iss, though promised", brings("iss"), provision.IssMissing},
		{"no iss, not promised", silent(brings("iss")), ""},
		{"another iss, not promised", silent(brings("iss", "https://login.evil.test")), provision.IssuerMismatch},
		{"an error", fails("error", "access_denied"), provision.IdPStatus},
		{"an error of another attempt", fails("state", "other"), provision.StateMismatch},
		{"an error of another issuer", fails("iss", "https://login.evil.test"), provision.IssuerMismatch},
		{"an error with a code", brings("error", "login_required"), provision.IdPStatus},
		{"an error of 5 KiB", fails("error_description", strings.Repeat("\x1b[2J", 1<<10)), provision.IdPStatus},
	}, nil)
}

func TestTokenResponses(t *testing.T) {
	responds := func(name string, value any) func(*oidctest.OP, time.Time) {
		return func(op *oidctest.OP, _ time.Time) {
			op.Tamper.Response = func(r map[string]any) {
				if r[name] = value; value == nil {
					delete(r, name)
				}
			}
		}
	}
	answers := func(status int, text string) func(*oidctest.OP, time.Time) {
		return func(op *oidctest.OP, _ time.Time) {
			op.Tamper.Handle = map[string]http.HandlerFunc{"/token": func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, text)
			}}
		}
	}
	play(t, []lie{
		{"no ID token", responds("id_token", nil), provision.DocumentMalformed},
		{"an ID token that is no text", responds("id_token", 7), provision.DocumentMalformed},
		{"another type", responds("token_type", "DPoP"), provision.DocumentMalformed},
		{"no type", responds("token_type", nil), provision.DocumentMalformed},
		{"type in lower case", responds("token_type", "bearer"), ""},
		{"an error with 200", responds("error", "invalid_grant"), provision.IdPStatus},
		{"400", answers(400, `{"error":"invalid_grant"}`), provision.IdPStatus},
		{"401 with a page", answers(401, "<html>"), provision.IdPStatus},
		{"503", answers(503, "busy"), provision.IdPUnreachable},
	}, nil)
}

func TestACodeIsShownOnceAlsoWhenItIsRefused(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	config := configured(t, op, c)
	config.ClientSecret = "wrong"
	got, err := login(t, open(t, config), op, attempt(c))
	want(t, "wrong secret", got, err, provision.IdPStatus)
	if n := op.Fetches("/token"); n != 1 {
		t.Errorf("the token endpoint was asked %d times", n)
	}
	if strings.Contains(err.Error(), config.ClientSecret) || strings.Contains(err.Error(), "code-0") {
		t.Errorf("the refusal tells a secret: %v", err)
	}
}

func TestTheSecretGoesWhereTheProviderWantsIt(t *testing.T) {
	for _, methods := range []any{nil, []string{"client_secret_basic"}, []string{"client_secret_post"}, []string{"client_secret_post", "client_secret_basic"}} {
		op, c := oidctest.New(t), newClock()
		op.Tamper.Discovery = func(d map[string]any) { d["token_endpoint_auth_methods_supported"] = methods }
		got, err := login(t, open(t, configured(t, op, c)), op, attempt(c))
		want(t, "login", got, err, "")
	}
}

func TestAnAnswerIsTheOneOfItsAttempt(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	p := open(t, configured(t, op, c))
	a := attempt(c)
	address, err := p.Begin(context.Background(), &a)
	if err != nil {
		t.Fatal(err)
	}
	form := op.Login(t, address)
	for name, change := range map[string]func(*idp.Attempt){
		"zero":                  func(a *idp.Attempt) { *a = idp.Attempt{} },
		"of another connection": func(a *idp.Attempt) { a.Connection = "globex-oidc" },
		"without an id":         func(a *idp.Attempt) { a.ID = "" },
		"without a nonce":       func(a *idp.Attempt) { a.Nonce = "" },
		"without a verifier":    func(a *idp.Attempt) { a.Verifier = "" },
		"another one":           func(a *idp.Attempt) { a.ID = "another" },
	} {
		changed := a
		change(&changed)
		got, err := p.Verify(context.Background(), changed, form)
		want(t, name, got, err, provision.StateMismatch)
	}
	got, err := p.Verify(context.Background(), a, nil)
	want(t, "no form", got, err, provision.StateMismatch)

	stolen := a // a code injected into another attempt of the same connection
	stolen.Verifier = strings.Repeat("v", 43)
	got, err = p.Verify(context.Background(), stolen, form)
	want(t, "another verifier", got, err, provision.IdPStatus)

	got, err = p.Verify(context.Background(), a, form)
	want(t, "the honest one after them", got, err, "")
	got, err = p.Verify(context.Background(), a, form)
	want(t, "the same answer again", got, err, provision.IdPStatus)
}

func TestSlowIssuersHoldNobodyUpForLong(t *testing.T) {
	drip := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, " ")
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	}
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server notices who went away
		<-r.Context().Done()
	}
	for _, path := range []string{discoveryPath, "/token", keysPath, "/userinfo"} {
		for _, slow := range []http.HandlerFunc{drip, hang} {
			op, c := oidctest.New(t), newClock()
			op.Now = c.now
			op.UserInfo = map[string]any{}
			delete(op.Claims, "groups")
			op.Tamper.Handle = map[string]http.HandlerFunc{path: slow}
			config := configured(t, op, c)
			config.HTTP.Timeout = 300 * time.Millisecond
			began := time.Now()
			got, err := login(t, open(t, config), op, attempt(c))
			want(t, path, got, err, provision.IdPUnreachable)
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("%s: %v, the client has 0.3 s", path, took)
			}
		}
	}
}
