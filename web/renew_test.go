package web_test

import (
	"net/http"
	"net/url"
	"testing"
)

func TestARenewalIsAskedForWithAHandleAndAFreshTokenAndNothingElse(t *testing.T) {
	t.Parallel()
	form := func(other url.Values) url.Values {
		f := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {"t"}, "subject_token_type": {tokenType + "jwt"}, "renew": {"lh_handle"}}
		for name, values := range other {
			f[name] = values
		}
		return f
	}
	g := newGate(t)
	if r, body := program(t, g, "/t/acme/token", form(nil)); r.StatusCode != http.StatusOK || len(g.trades) != 1 || g.trades[0].Renew != "lh_handle" || g.trades[0].Token != "t" || g.trades[0].Tenant != "acme" {
		t.Fatalf("%s %v, %+v", r.Status, body, g.trades)
	}
	for what, other := range map[string]url.Values{
		"a lease's id": {"renew": {"acme.lease1"}}, "nothing": {"renew": {""}}, "two": {"renew": {"lh_a", "lh_b"}}, "without a token": {"subject_token": nil}, "a rule": {"rule": {"deploy"}}, "a grant": {"scope": {"x"}},
		"a task": {"task": {"1"}}, "a purpose": {"purpose": {"x"}}, "an app": {"audience": {"x"}}, "a resource": {"resource": {"https://x/y"}}, "a signed token": {"requested_token_type": {tokenType + "jwt"}},
	} {
		g := newGate(t)
		if r, body := program(t, g, "/t/acme/token", form(other)); r.StatusCode != http.StatusBadRequest || body["error"] != "invalid_request" || len(g.trades) > 0 {
			t.Errorf("%s: %s %v", what, r.Status, body)
		}
	}
	if r, body := program(t, g, "/t/acme/decide", form(nil)); r.StatusCode != http.StatusBadRequest {
		t.Errorf("explained: %s %v", r.Status, body)
	}
}
