package oidc_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/idp"
	"leasehold/idp/oidc"
	"leasehold/idp/oidc/oidctest"
	"leasehold/provision"
)

// told is a log-out token as the issuer posts it.
func told(token string) idp.Message {
	return idp.Message{Binding: idp.BackChannel, Form: idp.Form{"logout_token": {token}}}
}

func wantRejected(t *testing.T, err error, want provision.Reason) {
	t.Helper()
	var no *idp.Rejected
	if !errors.As(err, &no) || no.Check != want {
		t.Fatalf("got %v, want a refusal for %s", err, want)
	}
}

func TestALogoutTokenSaysWhoseSessionsEnd(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	op.Now = c.now
	p := open(t, configured(t, op, c))
	typ := func(value any) func(header, claims map[string]any) {
		return func(header, _ map[string]any) {
			if header["typ"] = value; value == nil {
				delete(header, "typ")
			}
		}
	}
	for name, x := range map[string]struct {
		sub, sid string
		change   func(header, claims map[string]any)
	}{
		"a person":                   {"248289761001", "", nil},
		"a session":                  {"", "session-7", nil},
		"a session of a person":      {"248289761001", "session-7", nil},
		"without a type":             {"248289761001", "", typ(nil)},
		"of the type of old":         {"248289761001", "", typ("JWT")},
		"of the whole media type":    {"248289761001", "", typ("application/logout+jwt")},
		"for us among others' names": {"248289761001", "", func(_, claims map[string]any) { claims["aud"] = []string{oidctest.ClientID} }},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := p.ReadLogout(context.Background(), told(op.LogoutToken(x.sub, x.sid, x.change)))
			if err != nil {
				t.Fatal(err)
			}
			if got.Name != x.sub || slices.Equal(got.Sessions, []string{x.sid}) != (x.sid != "") || got.Spend.ID == "" || got.Spend.Kind != "logout" || got.Spend.Scope != "acme-oidc" {
				t.Errorf("read %+v", got)
			}
			if left := got.Spend.Until.Sub(c.now()); left < 6*time.Minute {
				t.Errorf("remembered as spent for %s only", left)
			}
		})
	}
}

func TestALogoutTokenThatIsNoneIsRefused(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	op.Now = c.now
	p := open(t, configured(t, op, c))
	type claims = map[string]any
	set := func(name string, value any) func(_, claims map[string]any) {
		return func(_, claims map[string]any) {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
	}
	head := func(name string, value any) func(header, _ map[string]any) {
		return func(header, _ map[string]any) { header[name] = value }
	}
	at := func(d time.Duration) int64 { return c.now().Add(d).Unix() }
	for name, x := range map[string]struct {
		want   provision.Reason
		change func(header, claims map[string]any)
	}{
		"of another issuer":       {provision.IssuerMismatch, set("iss", "https://rival.test")},
		"of no issuer":            {provision.IssuerMismatch, set("iss", nil)},
		"for another client":      {provision.AudienceMismatch, set("aud", "somebody-else")},
		"for nobody":              {provision.AudienceMismatch, set("aud", nil)},
		"of long ago":             {provision.Expired, func(_, claims map[string]any) { claims["iat"], claims["exp"] = at(-7*time.Minute), at(time.Minute) }},
		"of the future":           {provision.NotYetValid, set("iat", at(2*time.Minute))},
		"without a time":          {provision.DocumentMalformed, set("iat", nil)},
		"past its end":            {provision.Expired, set("exp", at(-2*time.Minute))},
		"without an end":          {provision.DocumentMalformed, set("exp", nil)},
		"without an ID":           {provision.DocumentMalformed, set("jti", nil)},
		"with a nonce":            {provision.DocumentMalformed, set("nonce", "n")},
		"with a nonce of null":    {provision.DocumentMalformed, func(_, claims map[string]any) { claims["nonce"] = nil }},
		"without events":          {provision.DocumentMalformed, set("events", nil)},
		"with another event":      {provision.DocumentMalformed, set("events", claims{"http://schemas.openid.net/event/other": claims{}})},
		"with an event of true":   {provision.DocumentMalformed, set("events", claims{"http://schemas.openid.net/event/backchannel-logout": true})},
		"with events in a list":   {provision.DocumentMalformed, set("events", []string{"http://schemas.openid.net/event/backchannel-logout"})},
		"about nobody":            {provision.SubjectMissing, set("sub", nil)},
		"about a number":          {provision.DocumentMalformed, set("sub", 7)},
		"about nothing":           {provision.SubjectMissing, set("sub", "")},
		"without a signature":     {provision.AlgorithmRefused, head("alg", "none")},
		"by a shared secret":      {provision.AlgorithmRefused, head("alg", "HS256")},
		"of the type of others":   {provision.DocumentMalformed, head("typ", "at+jwt")},
		"with what we know not":   {provision.DocumentMalformed, head("crit", []string{"x"})},
		"by a key that is not it": {provision.SignatureInvalid, head("kid", "another")},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := p.ReadLogout(context.Background(), told(op.LogoutToken("248289761001", "", x.change)))
			wantRejected(t, err, x.want)
			if got.Name != "" || got.Sessions != nil || got.Spend.ID != "" {
				t.Errorf("a refusal came with %+v", got)
			}
		})
	}
	for name, form := range map[string]idp.Form{
		"no token":   {},
		"two tokens": {"logout_token": {op.LogoutToken("a", "", nil), op.LogoutToken("b", "", nil)}},
		"no JWT":     {"logout_token": {"hello"}},
	} {
		_, err := p.ReadLogout(context.Background(), idp.Message{Binding: idp.BackChannel, Form: form})
		t.Run(name, func(t *testing.T) { wantRejected(t, err, provision.DocumentMalformed) })
	}
}

func TestNoTokenPassesForOneOfAnotherKind(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	op.Now = c.now
	p := open(t, configured(t, op, c))
	var idToken string
	op.Tamper.Token = func(token string) string { idToken = token; return token }
	if _, err := login(t, p, op, attempt(c)); err != nil || idToken == "" {
		t.Fatal(err)
	}
	_, err := p.ReadLogout(context.Background(), told(idToken))
	wantRejected(t, err, provision.DocumentMalformed)

	for _, typ := range []string{"logout+jwt", "JWT"} { // the other way round, with the attempt's own nonce
		a := attempt(c)
		op.Tamper.Token = func(string) string {
			return op.LogoutToken("248289761001", "", func(header, claims map[string]any) { header["typ"], claims["nonce"] = typ, a.Nonce })
		}
		_, err := login(t, p, op, a)
		wantRejected(t, err, provision.DocumentMalformed)
	}
}

func TestForgedLogoutTokensFetchTheKeysOnce(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	op.Now = c.now
	p := open(t, configured(t, op, c))
	forger := oidctest.New(t)
	forger.Now, forger.Issuer = c.now, op.Issuer
	for range 50 {
		_, err := p.ReadLogout(context.Background(), told(forger.LogoutToken("248289761001", "", nil)))
		wantRejected(t, err, provision.SignatureInvalid)
	}
	if n := op.Fetches("/keys"); n > 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

func TestALogoutAtTheIssuerIsOfferedWhereItHasAPlaceForIt(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	op.Now, op.LogsOut = c.now, true
	config := configured(t, op, c)
	config.AfterLogout = "https://sso.example.com/_sso/logout"
	p := open(t, config)
	got, err := login(t, p, op, attempt(c))
	if err != nil || got.Upstream.IDToken == "" || !p.OffersLogout(context.Background()) {
		t.Fatalf("%+v, %v", got.Upstream, err)
	}
	l := idp.Leaving{ID: "leaving-1", Session: got.Upstream}
	reply, err := p.BeginLogout(context.Background(), &l)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(reply.Address)
	if err != nil || !strings.HasPrefix(reply.Address, op.URL+"/logout?") || reply.Fields != nil {
		t.Fatalf("goes to %+v, %v", reply, err)
	}
	for name, want := range map[string]string{"id_token_hint": got.Upstream.IDToken, "client_id": oidctest.ClientID, "state": "leaving-1", "post_logout_redirect_uri": config.AfterLogout} {
		if u.Query().Get(name) != want {
			t.Errorf("%s is %q", name, u.Query().Get(name))
		}
	}
	if err := p.VerifyLogout(context.Background(), l, idp.Message{Binding: idp.Redirect, Form: idp.Form{"state": {"leaving-1"}}}); err != nil {
		t.Error(err)
	}
	for _, form := range []idp.Form{nil, {"state": {"leaving-2"}}, {"state": {"leaving-1", "leaving-1"}}} {
		wantRejected(t, p.VerifyLogout(context.Background(), l, idp.Message{Form: form}), provision.StateMismatch)
	}
	op.LogsOut = false
	if none := open(t, configured(t, op, c)); none.OffersLogout(context.Background()) {
		t.Error("offered where there is no place")
	}
}

// lively is a connection whose provider is asked again.
func lively(t *testing.T, op *oidctest.OP, c *clock) *oidc.Provider {
	t.Helper()
	op.Now, op.Offline = c.now, true
	config := configured(t, op, c)
	config.Connection.Liveness = provision.Liveness{Every: 5 * time.Minute, MaxStale: 15 * time.Minute}
	return open(t, config)
}

func TestTheIssuerIsAskedWhetherItStandsByASession(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	p := lively(t, op, c)
	a := attempt(c)
	address, err := p.Begin(context.Background(), &a)
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(address)
	if !strings.Contains(u.Query().Get("scope"), "offline_access") || u.Query().Get("prompt") != "consent" {
		t.Errorf("begins with %s", u.RawQuery)
	}
	got, err := login(t, p, op, attempt(c))
	if err != nil || got.Upstream.Refresh == "" {
		t.Fatalf("%+v, %v", got.Upstream, err)
	}
	next, err := p.Refresh(context.Background(), got.Upstream)
	if err != nil || next.Refresh == "" || next.Refresh == got.Upstream.Refresh || next.Name != got.Upstream.Name {
		t.Fatalf("%+v, %v", next, err)
	}
	_, err = p.Refresh(context.Background(), got.Upstream) // a token that was used
	wantRejected(t, err, provision.IdPStatus)
	if next, err = p.Refresh(context.Background(), next); err != nil {
		t.Fatal(err)
	}
	op.Revoke()
	_, err = p.Refresh(context.Background(), next)
	wantRejected(t, err, provision.IdPStatus)
}

func TestAnAnswerThatSaysNothingOfTheSessionIsNoRefusal(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	p := lively(t, op, c)
	got, err := login(t, p, op, attempt(c))
	if err != nil {
		t.Fatal(err)
	}
	answers := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, handle := range map[string]http.HandlerFunc{
		"broken":               answers(500, `{"error":"invalid_grant"}`),
		"in repair":            answers(503, ""),
		"too many":             answers(429, `{"error":"slow_down"}`),
		"our secret is wrong":  answers(401, `{"error":"invalid_client"}`),
		"rubbish":              answers(200, `rubbish`),
		"no token":             answers(200, `{}`),
		"an ID token of rags":  answers(200, `{"access_token":"a","token_type":"Bearer","id_token":"rags"}`),
		"a giant of a token":   answers(200, `{"access_token":"a","token_type":"Bearer","refresh_token":"`+strings.Repeat("x", 9000)+`"}`),
		"invalid in the proxy": answers(502, `{"error":"invalid_grant"}`),
	} {
		op.Tamper.Handle = map[string]http.HandlerFunc{"/token": handle}
		_, err := p.Refresh(context.Background(), got.Upstream)
		var no *idp.Rejected
		if err == nil || errors.As(err, &no) || !errors.Is(err, provision.ErrUnavailable) {
			t.Errorf("%s: %v, want nobody to be able to tell", name, err)
		}
	}
	op.Tamper.Handle = nil
	if _, err := p.Refresh(context.Background(), provision.UpstreamSession{Name: "x"}); !errors.Is(err, provision.ErrUnavailable) {
		t.Errorf("without a token: %v", err)
	}
}

func TestARefreshedTokenOfSomebodyElseEndsTheSession(t *testing.T) {
	for name, x := range map[string]struct {
		change func(map[string]any)
		want   provision.Reason
	}{
		"another subject": {func(claims map[string]any) { claims["sub"] = "somebody-else" }, provision.ConfirmationInvalid},
		"another issuer":  {func(claims map[string]any) { claims["iss"] = "https://rival.test" }, provision.IssuerMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			op, c := oidctest.New(t), newClock()
			p := lively(t, op, c)
			got, err := login(t, p, op, attempt(c))
			if err != nil {
				t.Fatal(err)
			}
			op.Tamper.Claims = x.change
			_, err = p.Refresh(context.Background(), got.Upstream)
			wantRejected(t, err, x.want)
		})
	}
}

func TestWhereTheIssuerIsToBeAskedALoginWithoutARefreshTokenIsRefused(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	p := lively(t, op, c)
	op.Offline = false
	_, err := login(t, p, op, attempt(c))
	wantRejected(t, err, provision.IdPStatus)
}

// FuzzLogoutToken: whatever is posted, what is read is what the issuer signed, or nothing.
func FuzzLogoutToken(f *testing.F) {
	op, c := oidctest.New(f), newClock()
	op.Now = c.now
	p := open(f, configured(f, op, c))
	honest := op.LogoutToken("248289761001", "session-7", nil)
	f.Add(honest)
	f.Add(honest + "=")
	f.Add(strings.Replace(honest, ".", "..", 1))
	f.Add(op.LogoutToken("", "", func(_, claims map[string]any) { claims["events"] = 1 }))
	f.Fuzz(func(t *testing.T, token string) {
		got, err := p.ReadLogout(context.Background(), told(token))
		var no *idp.Rejected
		if err != nil && !errors.As(err, &no) {
			t.Errorf("an error that is no refusal: %v", err)
		}
		if err == nil && (got.Name != "248289761001" || len(got.Sessions) != 1 || got.Sessions[0] != "session-7") {
			t.Errorf("nobody signed %+v", got)
		}
	})
}
