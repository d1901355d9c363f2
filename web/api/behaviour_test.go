package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web/api"
)

type o = map[string]any

// want is the answer's status and, of a problem, its reason.
func (a answer) want(t testing.TB, status int, reason string) answer {
	t.Helper()
	if a.status != status || a.reason() != reason {
		t.Fatalf("%d %q, want %d %q: %s", a.status, a.reason(), status, reason, a.body)
	}
	return a
}

// admin is a house with acme, whose program may do all that acme's administrator may, and one that reaches everywhere.
func admin(t testing.TB) (h *house, acme, everyone string) {
	t.Helper()
	h = newHouse(t)
	h.register("acme")
	return h, h.token("acme", 24*time.Hour, provision.MayWrite), h.token("", 24*time.Hour, provision.MayWrite)
}

func (h *house) events(kind string) []provision.Event {
	h.t.Helper()
	events, err := h.broker.Events(context.Background(), provision.EventFilter{Kind: kind, Limit: 10_000})
	must(h.t, err)
	return events
}

func TestAListIsReadPartByPartAndOnlyByWhomItsCursorWasGivenTo(t *testing.T) {
	h, acme, everyone := admin(t)
	for n := range 7 {
		h.ask(acme, http.MethodPost, "/api/v1/accounts", o{"tenant": "acme", "email": fmt.Sprintf("p%d@acme.test", n)}).want(t, 200, "")
	}
	var seen []string
	path, parts := "/api/v1/accounts?limit=3", 0
	for path != "" {
		a := h.ask(acme, http.MethodGet, path, nil).want(t, 200, "")
		var list struct {
			Items []struct{ ID string }
			Next  string
		}
		a.read(t, &list)
		for _, item := range list.Items {
			seen = append(seen, item.ID)
		}
		parts++
		link := a.header.Get("Link")
		if (link == "") != (list.Next == "") {
			t.Errorf("link %q and next %q", link, list.Next)
		}
		if path = ""; link != "" {
			path = "/api/v1/accounts" + regexp.MustCompile(`^<(.*)>; rel="next"$`).FindStringSubmatch(link)[1]
			if !strings.Contains(path, list.Next) {
				t.Errorf("link %q is not of %q", link, list.Next)
			}
			h.ask(everyone, http.MethodGet, path, nil).want(t, 422, "input_invalid")
			h.ask(acme, http.MethodGet, strings.Replace(path, "accounts", "leases", 1), nil).want(t, 422, "input_invalid")
			if strings.Contains(path, seen[len(seen)-1]) {
				t.Error("a cursor can be read")
			}
		}
	}
	if parts != 3 || len(seen) != 7 || !slices.IsSorted(seen) || len(slices.Compact(seen)) != 7 {
		t.Errorf("%d parts, %q", parts, seen)
	}
	h.ask(acme, http.MethodGet, "/api/v1/accounts?limit=501", nil).want(t, 422, "input_invalid")
	h.ask(acme, http.MethodGet, "/api/v1/accounts?limt=5", nil).want(t, 422, "input_invalid")
}

func TestEventsGoOnWhereTheyWereLeft(t *testing.T) {
	h, acme, _ := admin(t)
	var first, second struct {
		Items []struct {
			Seq   int64
			Event string
			Name  string
		}
		Next string
	}
	h.ask(acme, http.MethodGet, "/api/v1/events", nil).want(t, 200, "").read(t, &first)
	h.ask(acme, http.MethodPost, "/api/v1/accounts", o{"tenant": "acme", "email": "new@acme.test", "name": "New Person"}).want(t, 200, "")
	h.ask(acme, http.MethodGet, "/api/v1/events?cursor="+first.Next, nil).want(t, 200, "").read(t, &second)
	if len(second.Items) != 1 || second.Items[0].Event != "account.state" || second.Items[0].Name != "New Person" || second.Items[0].Seq != 0 {
		t.Errorf("after that there is %+v", second.Items)
	}
}

func TestWhatIsAskedForAgainUnderItsKeyIsDoneOnce(t *testing.T) {
	h, acme, everyone := admin(t)
	create := o{"tenant": "acme", "email": "new@acme.test"}
	one := h.ask(acme, http.MethodPost, "/api/v1/accounts", create, "Idempotency-Key", "k1").want(t, 200, "")
	two := h.ask(acme, http.MethodPost, "/api/v1/accounts", create, "Idempotency-Key", "k1").want(t, 200, "")
	if one.body != two.body {
		t.Errorf("asked again it is\n%s\nand was\n%s", two.body, one.body)
	}
	h.ask(acme, http.MethodPost, "/api/v1/accounts", o{"tenant": "acme", "email": "other@acme.test"}, "Idempotency-Key", "k1").want(t, 422, "idempotency_mismatch")
	h.ask(acme, http.MethodPost, "/api/v1/revocations", o{"tenant": "acme", "reason": "x"}, "Idempotency-Key", "k1").want(t, 422, "idempotency_mismatch")
	h.ask(acme, http.MethodPost, "/api/v1/accounts", create, "Idempotency-Key", "k2").want(t, 409, "conflict")
	h.ask(everyone, http.MethodPost, "/api/v1/accounts", o{"tenant": "acme", "email": "other@acme.test"}, "Idempotency-Key", "k1").want(t, 200, "") // its own keys
	h.ask(acme, http.MethodPost, "/api/v1/accounts", create, "Idempotency-Key", "no spaces").want(t, 422, "input_invalid")

	var account struct{ ID string }
	one.read(t, &account)
	verb := "/api/v1/accounts/" + account.ID + "/suspend"
	for range 3 {
		h.ask(acme, http.MethodPost, verb, o{"reason": "x"}, "Idempotency-Key", "k3").want(t, 200, "")
	}
	h.ask(acme, http.MethodPost, verb, o{"reason": "x"}).want(t, 409, "conflict")
	if n := len(h.events(provision.EventAccountState)); n != 3 { // two created, one suspended
		t.Errorf("%d events", n)
	}
	token := o{"name": "second", "scope": []string{"read"}, "expires": "1d"}
	var made, again api.Token
	h.ask(acme, http.MethodPost, "/api/v1/tokens", token, "Idempotency-Key", "k4").want(t, 200, "").read(t, &made)
	h.ask(acme, http.MethodPost, "/api/v1/tokens", token, "Idempotency-Key", "k4").want(t, 200, "").read(t, &again)
	if made.ID != again.ID || made.Token == "" || again.Token != "" {
		t.Errorf("made %+v, again %+v", made, again)
	}
	connection := o{"tenant": "acme", "protocol": "saml", "domains": []string{"acme.test"}, "metadata_url": "https://idp.acme.test/metadata"}
	first := h.ask(acme, http.MethodPost, "/api/v1/connections", connection, "Idempotency-Key", "k5").want(t, 200, "")
	if second := h.ask(acme, http.MethodPost, "/api/v1/connections", connection, "Idempotency-Key", "k5").want(t, 200, ""); second.body != first.body {
		t.Errorf("a second connection: %s", second.body)
	}
	h.past += 2 * time.Second
	var revoked, same struct{ Revocation string }
	h.ask(everyone, http.MethodPost, "/api/v1/revocations", o{"connection": "acme-manifest", "reason": "x"}, "Idempotency-Key", "k6").want(t, 200, "").read(t, &revoked)
	h.ask(everyone, http.MethodPost, "/api/v1/revocations", o{"connection": "acme-manifest", "reason": "x"}, "Idempotency-Key", "k6").want(t, 200, "").read(t, &same)
	if revoked != same || revoked.Revocation == "" || len(h.events(provision.EventRevocation)) != 1 {
		t.Errorf("%+v, %+v", revoked, same)
	}
}

func TestAChangeIsOfTheRevisionThatSomebodySaw(t *testing.T) {
	h, acme, everyone := admin(t)
	tenant := "/api/v1/tenants/globex"
	h.ask(everyone, http.MethodPut, tenant, o{}).want(t, 428, "revision_missing")
	h.ask(everyone, http.MethodPut, tenant, o{}, "If-Match", `"1"`).want(t, 412, "revision_mismatch")
	first := h.ask(everyone, http.MethodPut, tenant, o{"name": "Globex", "retention": "90d"}, "If-None-Match", "*").want(t, 200, "")
	if tag := first.header.Get("ETag"); tag != `"1"` {
		t.Errorf("its tag is %s", tag)
	}
	h.ask(everyone, http.MethodPut, tenant, o{"name": "Taken"}, "If-None-Match", "*").want(t, 412, "revision_mismatch")
	h.ask(everyone, http.MethodPut, tenant, o{"name": "Globex Corp", "contract_end": "2030-01-01T00:00:00Z"}, "If-Match", `"1"`).want(t, 200, "")
	h.ask(everyone, http.MethodPut, tenant, o{"name": "Behind"}, "If-Match", `"1"`).want(t, 412, "revision_mismatch")
	if got, err := h.store.Tenant(context.Background(), "globex"); err != nil || got.Name != "Globex Corp" || got.Owner != provision.ByAPI || got.Retention != 0 || got.Policy.Create != provision.CreateDeny {
		t.Errorf("it is %+v, %v", got, err)
	}
	policy := tenant + "/policy"
	h.ask(everyone, http.MethodPut, policy, o{"create": "allow", "max_session": "1d"}, "If-Match", `"1"`).want(t, 200, "")
	h.ask(everyone, http.MethodPut, policy, o{"create": "deny"}, "If-Match", `"1"`).want(t, 412, "revision_mismatch")
	h.ask(everyone, http.MethodPut, policy, o{"create": "perhaps"}, "If-Match", `"2"`).want(t, 422, "input_invalid")
	h.ask(everyone, http.MethodPut, policy, o{"roles": o{"default": []string{"leasehold:operator"}}}, "If-Match", `"2"`).want(t, 422, "input_invalid")
	var versions struct{ Items []api.PolicyView }
	h.ask(everyone, http.MethodGet, policy+"/versions", nil).want(t, 200, "").read(t, &versions)
	if len(versions.Items) != 2 || versions.Items[0].Version != 2 || versions.Items[0].Create != "allow" || versions.Items[0].MaxSession != "24h0m0s" || versions.Items[1].Create != "deny" {
		t.Errorf("versions %+v", versions.Items)
	}
	h.ask(acme, http.MethodPut, tenant, o{}, "If-Match", "*").want(t, 403, "office_missing")
}

func TestWhatManifestsOwnTheAPIDoesNotChangeAndTheOtherWayRound(t *testing.T) {
	h, acme, everyone := admin(t)
	before := h.rows()
	h.ask(everyone, http.MethodPut, "/api/v1/tenants/acme", o{"name": "Taken"}, "If-Match", "*").want(t, 409, "managed_by_manifest")
	h.ask(acme, http.MethodPut, "/api/v1/tenants/acme/policy", o{"create": "allow"}, "If-Match", "*").want(t, 409, "managed_by_manifest")
	h.ask(acme, http.MethodPut, "/api/v1/connections/acme-manifest", o{"protocol": "saml", "domains": []string{"acme.test"}, "metadata_url": "https://idp.acme.test/m"}, "If-Match", "*").want(t, 409, "managed_by_manifest")
	h.ask(everyone, http.MethodPut, "/api/v1/apps/acme-app", o{"origins": []string{"https://taken.example.com"}}, "If-Match", "*").want(t, 409, "managed_by_manifest")
	if !slices.Equal(before, h.rows()) {
		t.Error("something was written")
	}
	h.ask(acme, http.MethodPost, "/api/v1/connections/acme-manifest/disable", o{"reason": "x"}).want(t, 200, "")
	h.ask(acme, http.MethodDelete, "/api/v1/connections/acme-manifest?reason=x", nil).want(t, 409, "managed_by_manifest")
	h.ask(everyone, http.MethodPut, "/api/v1/apps/mine", o{"origins": []string{"https://mine.example.com"}, "tenants": []string{"acme"}}, "If-None-Match", "*").want(t, 200, "")
	_, err := h.broker.Register(context.Background(), everywhere().Deed("", ""), broker.Wanted{Apps: []provision.App{{ID: "mine", Origins: []provision.Origin{origin("https://mine.example.com")}}}}, broker.Plan{Owner: provision.ByManifest})
	if err == nil || !strings.Contains(err.Error(), "managed_by_api") {
		t.Errorf("a manifest takes an app of the API: %v", err)
	}
	h.ask(everyone, http.MethodPut, "/api/v1/apps/second", o{"origins": []string{"https://mine.example.com"}}, "If-None-Match", "*").want(t, 409, "conflict")
	h.ask(everyone, http.MethodPut, "/api/v1/apps/sso", o{"origins": []string{sso}}, "If-None-Match", "*").want(t, 422, "input_invalid")
}

func TestATenantBringsItsOwnIdentityProvider(t *testing.T) {
	h, acme, _ := admin(t)
	claimed := h.ask(acme, http.MethodPut, "/api/v1/tenants/acme/domains/acme-group.test", o{}).want(t, 200, "")
	var d api.Domain
	claimed.read(t, &d)
	if d.State != "pending" || d.Record != "_leasehold.acme-group.test" || d.Value == "" {
		t.Fatalf("claimed %+v", d)
	}
	if again := h.ask(acme, http.MethodPut, "/api/v1/tenants/acme/domains/acme-group.test", o{}).want(t, 200, ""); again.body != claimed.body {
		t.Errorf("claimed again it is %s", again.body)
	}
	h.zone[d.Record] = []string{d.Value}
	h.ask(acme, http.MethodPost, "/api/v1/tenants/acme/domains/acme-group.test/check", o{}).want(t, 200, "").read(t, &d)
	if d.State != "verified" || d.Found == "" {
		t.Errorf("checked it is %+v", d)
	}
	saml := o{"tenant": "acme", "protocol": "saml", "domains": []string{"acme-group.test"}, "metadata": "<one/>", "attributes": o{"email": "mail"}}
	var c api.Connection
	h.ask(acme, http.MethodPost, "/api/v1/connections", saml).want(t, 200, "").read(t, &c)
	if c.Owner != "api" || !strings.HasPrefix(c.ID, "acme-") || c.Addresses["acs"] != sso+"/idp/"+c.ID+"/acs" || c.Revision != 1 {
		t.Fatalf("made %+v", c)
	}
	delete(saml, "tenant")
	saml["metadata"] = "<two/>" // not chained to what is in force
	h.ask(acme, http.MethodPut, "/api/v1/connections/"+c.ID, saml, "If-Match", `"1"`).want(t, 200, "").read(t, &c)
	if !c.Held {
		t.Errorf("other trust is in force at once: %+v", c)
	}
	h.ask(acme, http.MethodPost, "/api/v1/connections/"+c.ID+"/confirm", o{"reason": "compared"}).want(t, 200, "")
	if kept, err := h.store.Connection(context.Background(), provision.ConnectionID(c.ID)); err != nil || string(kept.Metadata) != "<two/>" || kept.Held {
		t.Errorf("confirmed it is %+v, %v", kept, err)
	}
	for _, wrong := range []o{
		{"domains": []string{"elsewhere.test"}}, {"subject": "transient"}, {"metadata_url": "http://169.254.169.254/"}, {"protocol": "oidc"}, {"attributes": o{"roles": "x"}}, {"liveness": o{"every": "5m", "max_stale": "15m"}},
	} {
		order := o{"tenant": "acme", "protocol": "saml", "domains": []string{"acme-group.test"}}
		for key, value := range wrong {
			order[key] = value
		}
		h.ask(acme, http.MethodPost, "/api/v1/connections", order).want(t, 422, "input_invalid")
	}
	h.ask(acme, http.MethodPost, "/api/v1/connections/"+c.ID+"/disable", o{"reason": "gone"}).want(t, 200, "")
	h.ask(acme, http.MethodDelete, "/api/v1/connections/"+c.ID+"?reason=gone", nil).want(t, 204, "")
	h.ask(acme, http.MethodGet, "/api/v1/connections/"+c.ID, nil).want(t, 404, "not_found")
	h.ask(acme, http.MethodDelete, "/api/v1/tenants/acme/domains/acme-group.test?reason=gone", nil).want(t, 204, "")
	h.ask(acme, http.MethodGet, "/api/v1/tenants/acme/domains/acme-group.test", nil).want(t, 404, "not_found")
}

func TestADomainThatIsDroppedEndsWhatHangsOnIt(t *testing.T) {
	h, acme, _ := admin(t)
	l := h.login("acme-manifest", "ada", "ada@acme.test")
	h.ask(acme, http.MethodDelete, "/api/v1/tenants/acme/domains/acme.test", nil).want(t, 422, "input_invalid")
	h.ask(acme, http.MethodDelete, "/api/v1/tenants/acme/domains/acme.test?reason=sold", nil).want(t, 204, "")
	s, err := h.store.Lease(context.Background(), l.ID)
	must(t, err)
	if s.Lease.EndedAt.IsZero() || s.Refuses(h.now()) == "" {
		t.Errorf("the lease goes on: %+v", s.Lease)
	}
	open, err := h.store.Revocations(context.Background(), provision.Page{})
	if err != nil || len(open) > 0 {
		t.Errorf("rows are left of %+v, %v", open, err)
	}
}

func TestNobodyMakesATokenThatMayMore(t *testing.T) {
	h, _, everyone := admin(t)
	narrow := h.token("acme", time.Hour, "tokens:write", "accounts:read")
	token := func(scope ...string) o { return o{"name": "x", "scope": scope, "expires": "1h"} }
	h.ask(narrow, http.MethodPost, "/api/v1/tokens", token("read")).want(t, 403, "scope_missing")
	h.ask(narrow, http.MethodPost, "/api/v1/tokens", token("accounts:write")).want(t, 403, "scope_missing")
	h.ask(narrow, http.MethodPost, "/api/v1/tokens", token("accounts:read", "tokens:read")).want(t, 200, "")
	h.ask(narrow, http.MethodPost, "/api/v1/tokens", o{"everywhere": true, "name": "x", "scope": []string{"accounts:read"}, "expires": "1h"}).want(t, 403, "office_missing")
	h.ask(everyone, http.MethodPost, "/api/v1/tokens", o{"tenant": "acme", "everywhere": true, "name": "x", "scope": []string{"read"}, "expires": "1h"}).want(t, 422, "input_invalid")
	h.ask(everyone, http.MethodPost, "/api/v1/tokens", o{"tenant": "acme", "name": "x", "scope": []string{"read"}, "expires": "367d"}).want(t, 422, "input_invalid")
	for n := range 110 {
		h.past += time.Second
		a := h.ask(everyone, http.MethodPost, "/api/v1/tokens", o{"tenant": "acme", "name": fmt.Sprint(n), "scope": []string{"read"}, "expires": "1d"})
		if a.status == http.StatusConflict && n < 110 {
			return
		}
	}
	t.Error("there is no end of tokens")
}

func TestATokenGoesWithWhatItHangsOn(t *testing.T) {
	h, acme, everyone := admin(t)
	ctx, order := context.Background(), broker.Order{Mandate: everywhere(), Why: "test"}
	_, err := h.desk.SuspendTenant(ctx, order, "acme")
	must(t, err)
	h.ask(acme, http.MethodGet, "/api/v1/accounts", nil).want(t, 401, "token_invalid") // its generation rose
	second := h.token("acme", time.Hour, provision.MayRead)
	h.ask(second, http.MethodGet, "/api/v1/accounts", nil).want(t, 403, "tenant_suspended")
	must(t, h.desk.ResumeTenant(ctx, order, "acme"))
	h.ask(second, http.MethodGet, "/api/v1/accounts", nil).want(t, 200, "")
	_, err = h.broker.ResetClock(ctx, order.Deed("test", ""))
	must(t, err)
	h.ask(second, http.MethodGet, "/api/v1/accounts", nil).want(t, 401, "token_invalid")
	h.ask(everyone, http.MethodGet, "/api/v1/accounts", nil).want(t, 401, "token_invalid")
}

func TestWhatIsAskedTooOftenTooLongOrOddlyIsRefused(t *testing.T) {
	h, acme, _ := admin(t)
	h.ask(acme, http.MethodPost, "/api/v1/accounts", `{"tenant":"acme","email":"`+strings.Repeat("x", 4<<20)+`"}`).want(t, 413, "input_invalid")
	h.ask(acme, http.MethodPost, "/api/v1/accounts", `{"tenant":`+strings.Repeat(" ", 4<<20), "Idempotency-Key", "k").want(t, 413, "input_invalid")
	h.ask(acme, http.MethodPost, "/api/v1/accounts", `tenant=acme&email=x@acme.test`, "Content-Type", "application/x-www-form-urlencoded").want(t, 415, "input_invalid")
	h.ask(acme, http.MethodPost, "/api/v1/accounts", `{"tenant":"acme","email":"x@acme.test","admin":true}`).want(t, 422, "input_invalid")
	h.ask(acme, http.MethodGet, "/api/v1/nowhere", nil).want(t, 404, "not_found")
	h.ask(acme, http.MethodPatch, "/api/v1/accounts", nil).want(t, 404, "not_found")
	h.ask(acme, http.MethodOptions, "/api/v1/accounts", nil, "Origin", "https://evil.example").want(t, 404, "not_found")
	if a := h.ask(acme, http.MethodGet, "/api/v1/accounts", nil, "Origin", "https://evil.example"); a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", a.header)
	}
	// A session's cookie opens nothing here.
	l := h.login("acme-manifest", "ada", "ada@acme.test")
	h.ask("", http.MethodGet, "/api/v1/accounts", nil, "Cookie", "__Host-lh="+h.broker.Token(l.ID, origin(sso))).want(t, 401, "token_invalid")

	stopped := h.now()
	h2, err := api.New(api.Config{Desk: h.desk, URL: origin(sso), Seal: make([]byte, 32), Now: func() time.Time { return stopped }})
	must(t, err)
	m, limited := broker.Mandate{}, 0
	handler := h2.As(func(*http.Request) (broker.Mandate, error) { return m, nil })
	for n := range 700 {
		m = everywhere()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/tenants/acme", nil))
		if w.Code == http.StatusTooManyRequests {
			limited++
		} else if w.Code != http.StatusOK {
			t.Fatalf("request %d is %d", n, w.Code)
		}
	}
	if limited != 100 {
		t.Errorf("%d of 700 were too many", limited)
	}
	for range 700 {
		m = broker.Mandate{Actor: everywhere().Actor, Everywhere: true, Write: true, Host: true}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/tenants/acme", nil))
		if w.Code != http.StatusOK {
			t.Fatalf("who is at the host is answered %d", w.Code)
		}
	}
}

func TestEveryActIsInTheAuditWithActorAndRequester(t *testing.T) {
	h, acme, _ := admin(t)
	h.ask(acme, http.MethodPost, "/api/v1/accounts", o{"tenant": "acme", "email": "x@acme.test", "reason": "joins"}, "User-Agent", "robot").want(t, 200, "")
	events := h.events(provision.EventAccountState)
	e := events[len(events)-1]
	if e.Actor.Kind != provision.TenantAdmin || !strings.HasPrefix(e.Actor.ID, "tok_") || e.Actor.Via != "api" || e.Personal.Requester.UserAgent != "robot" || e.Personal.Requester.RequestID == "" || e.Personal.Detail != "joins" {
		t.Errorf("the event is %+v", e)
	}
}

// filled wants every field of what was put to be set, but for those that are somebody else's to set: a field that the API
// does not know would be lost by each change.
func filled[T any](t *testing.T, item T, but ...string) {
	t.Helper()
	v := reflect.ValueOf(item)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && !slices.Contains(but, name) {
			t.Errorf("%s of %T is not set: have the API take it, or keep it", name, item)
		}
	}
}

func TestWhatIsPutHasEveryFieldThatThereIs(t *testing.T) {
	h, _, everyone := admin(t)
	ctx := context.Background()
	h.ask(everyone, http.MethodPut, "/api/v1/apps/full", o{
		"origins": []string{"https://full.example.com"}, "headers": "remote-user", "user": "id", "tenants": []string{"acme"}, "require_roles": []string{"r"}, "public": []string{"/healthz"}, "max_session": "1h",
		"workloads": true, "off_path": true, "notify_url": "https://hooks.example/full", "notify_secret": "0123456789012345678901234567",
	}, "If-None-Match", "*").want(t, 200, "")
	app, err := h.store.App(ctx, "full")
	must(t, err)
	filled(t, app, "Removal")

	h.ask(everyone, http.MethodPut, "/api/v1/tenants/full", o{"name": "Full", "contact": "x", "contract_end": "2040-01-01T00:00:00Z", "retention": "90d", "webhook_url": "https://hooks.example/tenant", "webhook_secret": "0123456789012345678901234567"}, "If-None-Match", "*").want(t, 200, "")
	h.ask(everyone, http.MethodPut, "/api/v1/tenants/full", o{"name": "Full", "contact": "x", "contract_end": "2040-01-01T00:00:00Z", "retention": "91d"}, "If-Match", "*").want(t, 200, "") // the webhook stays
	h.ask(everyone, http.MethodPut, "/api/v1/tenants/bare", o{"webhook_url": "https://hooks.example/bare"}, "If-None-Match", "*").want(t, 422, "input_invalid")
	h.ask(everyone, http.MethodPut, "/api/v1/tenants/bare", o{"webhook_url": "ftp://hooks.example/", "webhook_secret": "0123456789012345678901234567"}, "If-None-Match", "*").want(t, 422, "input_invalid")
	h.ask(everyone, http.MethodPut, "/api/v1/tenants/bare", o{"webhook_url": "https://hooks.example/bare", "webhook_secret": "0123456789012345678901234567"}, "If-None-Match", "*").want(t, 200, "")
	h.ask(everyone, http.MethodPut, "/api/v1/tenants/bare", o{"webhook_url": ""}, "If-Match", "*").want(t, 200, "")
	if bare, err := h.store.Tenant(ctx, "bare"); err != nil || bare.Hook.URL != "" || bare.Hook.Secret != "" {
		t.Errorf("it is still told: %+v, %v", bare.Hook, err)
	}
	policy := o{
		"create": "allow", "mode": "provisioned", "groups": o{"any": []string{"a"}}, "roles": o{"default": []string{"r"}}, "seats": 5, "max_session": "1h", "idle": "5m", "acr": []string{"x"},
		"max_auth_age": "1h", "deprovision_grace": "1m", "elevate": []o{{"role": "root", "who": o{"groups": []string{"a"}}, "max": "1h", "approve": "policy", "ticket": true}},
	}
	h.ask(everyone, http.MethodPut, "/api/v1/tenants/full/policy", policy, "If-Match", `"1"`).want(t, 200, "")
	tenant, err := h.store.Tenant(ctx, "full")
	must(t, err)
	filled(t, tenant, "Suspended", "Removal", "Generation", "Voided")
	filled(t, tenant.Policy, "When", "Trust", "Grants") // conditions want an evaluator; of workloads, kept

	rule := provision.GrantRule{ID: "kept", Apps: []provision.AppID{"full"}, MaxTTL: time.Minute}
	tenant.Policy.Grants, tenant.Policy.Version, tenant.Revision = []provision.GrantRule{rule}, tenant.Policy.Version+1, tenant.Revision+1
	_, err = h.store.Amend(ctx, provision.Target{Tenant: "full"}, func(provision.State) (provision.Change, error) {
		return provision.Change{Tenants: []provision.Tenant{tenant}}, nil
	})
	must(t, err)
	policy["seats"] = 6
	h.ask(everyone, http.MethodPut, "/api/v1/tenants/full/policy", policy, "If-Match", `"3"`).want(t, 200, "")
	if tenant, err = h.store.Tenant(ctx, "full"); err != nil || len(tenant.Policy.Grants) != 1 || tenant.Policy.Seats != 6 {
		t.Errorf("the policy is %+v, %v", tenant.Policy, err)
	}
}
