package web_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web"
)

const tokenType = "urn:ietf:params:oauth:token-type:"

// tokenForm is an honest exchange, with fields that are said otherwise.
func tokenForm(other url.Values) url.Values {
	form := url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {"a.b.c"}, "subject_token_type": {tokenType + "jwt"},
		"rule": {"deploy"}, "scope": {"prod"}, "audience": {"deploy-api"}, "resource": {wiki + "/x"}, "task": {"4242-1"}, "purpose": {"release 7"},
	}
	maps.Copy(form, other)
	return form
}

// program is a client without cookies or an origin, and what it is answered.
func program(t *testing.T, g *fakeGate, path string, form url.Values, bearer ...string) (*http.Response, map[string]any) {
	t.Helper()
	var headers []string
	for _, b := range bearer {
		headers = append(headers, "Authorization", b)
	}
	r := newBrowser(t, g).do("POST", sso+path, form, headers...)
	var body map[string]any
	_ = json.NewDecoder(r.Body).Decode(&body) // some answers have none
	if r.Header.Get("Cache-Control") != "no-store" || len(r.Header["Set-Cookie"]) > 0 {
		t.Errorf("%s: headers %v", path, r.Header)
	}
	return r, body
}

func TestAnExchangeIsAskedAndAnsweredInTheWordsOfTokenExchange(t *testing.T) {
	g := newGate(t)
	g.traded = broker.Traded{Token: "lh_x", Lease: provision.Lease{ID: "acme.l", Grant: provision.Grant{Of: "prod"}}, Left: 299500 * time.Millisecond}
	r, body := program(t, g, "/t/acme/token", tokenForm(nil))
	want := map[string]any{
		"access_token": "lh_x", "issued_token_type": tokenType + "access_token", "token_type": "Bearer", "expires_in": 299.0, "scope": "prod", "lease_id": "acme.l", "revocation_latency": 0.0,
	}
	if r.StatusCode != http.StatusOK || !maps.Equal(body, want) || r.Header.Get("Pragma") != "no-cache" {
		t.Errorf("%s: %v", r.Status, body)
	}
	x := g.trades[0]
	if x.Tenant != "acme" || x.Token != "a.b.c" || x.Rule != "deploy" || x.Grant != "prod" || x.Audience[0] != "deploy-api" || x.Resources[0] != wiki+"/x" || x.Task != "4242-1" || x.Purpose != "release 7" || x.Signed || x.Requester.IP == "" {
		t.Errorf("the gate is asked %+v", x)
	}
	g.traded.Latency = 299 * time.Second
	if _, body = program(t, g, "/t/acme/token", tokenForm(url.Values{"requested_token_type": {tokenType + "jwt"}})); body["issued_token_type"] != tokenType+"jwt" || body["revocation_latency"] != 299.0 || !g.trades[1].Signed {
		t.Errorf("%v", body)
	}
}

func TestAnExchangeThatIsNotBuiltAsItShouldBeReachesNobody(t *testing.T) {
	for name, other := range map[string]url.Values{
		"unsupported_grant_type": {"grant_type": {"client_credentials"}}, "invalid_request 1": {"subject_token": nil}, "invalid_request 2": {"subject_token": {"a", "b"}},
		"invalid_request 3": {"subject_token_type": {tokenType + "saml2"}}, "invalid_request 4": {"requested_token_type": {tokenType + "refresh_token"}},
		"invalid_request 5": {"actor_token": {"x"}}, "invalid_request 6": {"task": {"a/b"}}, "invalid_request 7": {"task": {".."}}, "invalid_request 8": {"purpose": {"a\nb"}}, "invalid_request 9": {"rule": {strings.Repeat("x", 64)}},
	} {
		g := newGate(t)
		r, body := program(t, g, "/t/acme/token", tokenForm(other))
		code, _, _ := strings.Cut(name, " ")
		if r.StatusCode != http.StatusBadRequest || body["error"] != code || len(g.trades) > 0 || body["reference"] == "" {
			t.Errorf("%s: %s %v", name, r.Status, body)
		}
	}
}

func TestARefusedExchangeSaysWhyInTheWordsOfOAuth(t *testing.T) {
	for reason, want := range map[provision.Reason]string{
		provision.ClaimMismatch: "invalid_request", provision.Replayed: "invalid_request", provision.AppNotGranted: "invalid_target", provision.ResourceNotGranted: "invalid_target",
		provision.GrantRefused: "invalid_scope", provision.RateLimited: "temporarily_unavailable", provision.IdPUnreachable: "temporarily_unavailable",
	} {
		g := newGate(t)
		g.fails["Exchange"] = &provision.DeniedError{Reason: reason, Check: "claim ref", Ref: "dec_1"}
		r, body := program(t, g, "/t/acme/token", tokenForm(nil))
		if r.StatusCode < 400 || body["error"] != want || body["reason"] != string(reason) || body["check"] != "claim ref" || body["reference"] != "dec_1" || body["access_token"] != nil {
			t.Errorf("%s: %s %v", reason, r.Status, body)
		}
	}
	g := newGate(t)
	g.fails["Exchange"] = provision.ErrUnavailable
	if r, body := program(t, g, "/t/acme/token", tokenForm(nil)); r.StatusCode != http.StatusServiceUnavailable || body["error"] != "temporarily_unavailable" || r.Header.Get("Retry-After") == "" {
		t.Errorf("%s %v", r.Status, body)
	}
}

func TestTheOtherEndpointsOfATenantPassOnWhatTheyAreTold(t *testing.T) {
	g := newGate(t)
	if r, body := program(t, g, "/t/acme/introspect", url.Values{"token": {"lh_x"}}, "Bearer asker"); r.StatusCode != http.StatusOK || body["active"] != false || len(body) != 1 {
		t.Errorf("%s %v", r.Status, body)
	}
	g.standing.Lease.Kind = provision.WorkloadLease
	if _, body := program(t, g, "/t/acme/introspect", url.Values{"token": {"lh_x"}}, "bearer  asker"); body["active"] != true || body["jti"] != "acme.lease1" || body["iss"] != sso+"/t/acme" || body["exp"] == nil {
		t.Errorf("%v", body)
	}
	program(t, g, "/t/acme/revoke", url.Values{"token": {"acme.l"}})
	if r, body := program(t, g, "/t/acme/tasks/4242-1/end", nil, "Bearer lh_x"); r.StatusCode != http.StatusOK || body["ended"] != 2.0 {
		t.Errorf("%s %v", r.Status, body)
	}
	want := []string{"introspect lh_x for asker", "introspect lh_x for asker", "give back acme.l of acme", "end 4242-1 of acme by lh_x"}
	if strings.Join(g.ended, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q", g.ended)
	}
	g.fails["Introspect"], g.fails["EndTask"] = provision.ErrNotFound, &provision.DeniedError{Reason: provision.SessionMissing}
	for _, path := range []string{"/t/acme/introspect", "/t/acme/tasks/4242-1/end"} {
		if r, body := program(t, g, path, url.Values{"token": {"lh_x"}}); r.StatusCode != http.StatusUnauthorized || r.Header.Get("WWW-Authenticate") == "" || body["error"] != "invalid_token" {
			t.Errorf("%s: %s %v", path, r.Status, body)
		}
	}
}

func TestAnExplanationHasEveryCheck(t *testing.T) {
	g := newGate(t)
	g.explanation = broker.Explanation{Reason: provision.OutsideHours, Checks: []provision.Examination{{Of: "target", Check: "apps"}, {Of: "time", Check: "hours", Reason: provision.OutsideHours}}}
	r, body := program(t, g, "/t/acme/decide", tokenForm(nil))
	checks, _ := body["checks"].([]any)
	if r.StatusCode != http.StatusOK || body["allowed"] != false || body["reason"] != "outside_hours" || len(checks) != 2 || checks[1].(map[string]any)["holds"] != false || checks[0].(map[string]any)["holds"] != true {
		t.Errorf("%s %v", r.Status, body)
	}
}

func TestATenantSaysWhereItsEndpointsAre(t *testing.T) {
	for _, path := range []string{"/.well-known/oauth-authorization-server/t/acme", "/t/acme/.well-known/oauth-authorization-server"} {
		r := newBrowser(t, newGate(t)).get(sso + path)
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.StatusCode != http.StatusOK || body["issuer"] != sso+"/t/acme" || body["token_endpoint"] != sso+"/t/acme/token" || body["revocation_endpoint"] == nil || body["introspection_endpoint"] == nil {
			t.Errorf("%s: %s %v %v", path, r.Status, body, err)
		}
	}
}

func TestOnlyABearerTokenThatIsAHandleIsAskedAbout(t *testing.T) {
	for header, want := range map[string]string{
		"Bearer lh_abc": "abc", "bearer lh_abc": "abc", "Bearer  lh_abc": "abc", "Basic lh_abc": "", "Bearer abc": "", "lh_abc": "", "": "",
	} {
		g := newGate(t)
		newBrowser(t, g).get(sso+"/_sso/check/nginx", "X-Original-Url", wiki+"/", "X-Original-Method", "GET", "Authorization", header)
		if len(g.asked) != 1 || g.asked[0].Handle != want {
			t.Errorf("%q: asked %+v", header, g.asked)
		}
	}
}

func TestAnAddressMayAskAndEndOnlySoOften(t *testing.T) {
	for _, path := range []string{"/t/acme/introspect", "/t/acme/revoke", "/t/acme/tasks/4242-1/end"} {
		g := newGate(t)
		b := newBrowser(t, g, func(c *web.Config) { c.Attempts = web.Limit{N: 2, Per: time.Minute} })
		for i, want := range []int{http.StatusOK, http.StatusOK, http.StatusTooManyRequests, http.StatusTooManyRequests} {
			if r := b.do("POST", sso+path, url.Values{"token": {"lh_x"}}, "Authorization", "Bearer lh_x"); r.StatusCode != want {
				t.Errorf("%s, time %d: %s, want %d", path, i+1, r.Status, want)
			}
		}
		if len(g.ended) != 2 {
			t.Errorf("%s: the gate is asked %q", path, g.ended)
		}
	}
}
