package console_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web/console"
)

// trial is how a route is tried: with what is of a tenant, and with what is nobody's.
type trial struct {
	theirs, nobodys string   // addresses
	form            []string // what is posted
}

// trials has a case for every route. x is what the ledger holds of a tenant.
func trials(tenant string, account, lease, delivery, setup string) map[string]trial {
	at := func(format, theirs, nobodys string) trial {
		return trial{theirs: strings.ReplaceAll(format, "*", theirs), nobodys: strings.ReplaceAll(format, "*", nobodys)}
	}
	posted := func(t trial, form ...string) trial { t.form = form; return t }
	list := func(path string) trial { return at(path+"?tenant=*", tenant, "no-such") }
	why := []string{"reason", "because", "typed", "ada@" + tenant + ".test", "office", "leasehold:admin", "connection", tenant + "-idp", "subject", "ada"}
	gone := "acc_" + strings.Repeat("0", len(account)-4)
	return map[string]trial{
		"GET /admin":                                       list("/admin"),
		"GET /admin/{$}":                                   list("/admin/"),
		"GET /admin/accounts":                              list("/admin/accounts"),
		"GET /admin/accounts/new":                          {theirs: "/admin/nothing", nobodys: "/admin/nowhere"}, // it is about nothing that is there
		"POST /admin/accounts/new":                         posted(trial{"/admin/accounts/new", "/admin/nowhere", nil}, "email", "new@acme.test", "connection", tenant+"-idp", "subject", "s"),
		"GET /admin/accounts/{id}":                         at("/admin/accounts/*", account, gone),
		"GET /admin/accounts/{id}/{act}":                   at("/admin/accounts/*/suspend", account, gone),
		"POST /admin/accounts/{id}/{act}":                  posted(at("/admin/accounts/*/suspend", account, gone), why...),
		"GET /admin/leases":                                list("/admin/leases"),
		"GET /admin/leases/{id}":                           at("/admin/leases/*", lease, tenant+".nothing"),
		"GET /admin/leases/{id}/end":                       at("/admin/leases/*/end", lease, tenant+".nothing"),
		"POST /admin/leases/{id}/end":                      posted(at("/admin/leases/*/end", lease, tenant+".nothing"), why...),
		"GET /admin/connections":                           list("/admin/connections"),
		"GET /admin/connections/{id}":                      at("/admin/connections/*", tenant+"-idp", "no-such"),
		"GET /admin/connections/{id}/{act}":                at("/admin/connections/*/disable", tenant+"-idp", "no-such"),
		"POST /admin/connections/{id}/{act}":               posted(at("/admin/connections/*/disable", tenant+"-idp", "no-such"), why...),
		"GET /admin/connections/{id}/test":                 at("/admin/connections/*/test", tenant+"-idp", "no-such"),
		"POST /admin/connections/{id}/test":                posted(at("/admin/connections/*/test", tenant+"-idp", "no-such")),
		"POST /admin/connections/{id}/response":            posted(at("/admin/connections/*/response", tenant+"-idp", "no-such"), "response", "x"),
		"GET /admin/domains":                               list("/admin/domains"),
		"GET /admin/domains/{tenant}/{domain}":             at("/admin/domains/"+tenant+"/*", tenant+".test", "no-such.test"),
		"GET /admin/domains/{tenant}/{domain}/attest":      at("/admin/domains/"+tenant+"/*/attest", tenant+"-two.test", "no-such.test"),
		"POST /admin/domains/{tenant}/{domain}/attest":     posted(at("/admin/domains/"+tenant+"/*/attest", tenant+"-two.test", "no-such.test"), why...),
		"POST /admin/domains/{tenant}/{domain}/check":      posted(at("/admin/domains/"+tenant+"/*/check", tenant+"-two.test", "no-such.test"), why...),
		"GET /admin/apps":                                  list("/admin/apps"),
		"GET /admin/apps/{id}":                             at("/admin/apps/*", tenant+"-only", "no-such"),
		"GET /admin/deliveries":                            list("/admin/deliveries"),
		"GET /admin/deliveries/{id}/{act}":                 at("/admin/deliveries/*/retry", delivery, "dlv_no"),
		"POST /admin/deliveries/{id}/{act}":                posted(at("/admin/deliveries/*/drop", delivery, "dlv_no"), why...),
		"GET /admin/tenants":                               list("/admin/tenants"),
		"GET /admin/tenants/{id}":                          at("/admin/tenants/*", tenant, "no-such"),
		"GET /admin/tenants/{id}/setups/new":               at("/admin/tenants/*/setups/new", tenant, "no-such"),
		"POST /admin/tenants/{id}/setups/new":              posted(at("/admin/tenants/*/setups/new", tenant, "no-such"), "life", "3 days"),
		"GET /admin/tenants/{id}/setups/{setup}/withdraw":  at("/admin/tenants/"+tenant+"/setups/*/withdraw", setup, "setup_no"),
		"POST /admin/tenants/{id}/setups/{setup}/withdraw": posted(at("/admin/tenants/"+tenant+"/setups/*/withdraw", setup, "setup_no"), why...),
		"GET /admin/tenants/{id}/{act}":                    at("/admin/tenants/*/suspend", tenant, "no-such"),
		"POST /admin/tenants/{id}/{act}":                   posted(at("/admin/tenants/*/suspend", tenant, "no-such"), why...),
		"GET /admin/requests":                              list("/admin/requests"),
		"GET /admin/orphans":                               list("/admin/orphans"),
		"GET /admin/tenants/{id}/policy":                   at("/admin/tenants/*/policy", tenant, "no-such"),
		"POST /admin/tenants/{id}/policy":                  posted(at("/admin/tenants/*/policy", tenant, "no-such"), "seen", "1", "base", "1", "create", "deny", "mode", "leased"),
		"POST /admin/tenants/{id}/policy/save":             posted(at("/admin/tenants/*/policy/save", tenant, "no-such"), "seen", "1", "base", "1", "create", "deny", "mode", "leased"),
		"GET /admin/tenants/{id}/policy/{version}":         at("/admin/tenants/*/policy/1", tenant, "no-such"),
		"GET /admin/audit":                                 list("/admin/audit"),
		"GET /admin/audit.jsonl":                           list("/admin/audit.jsonl"),
	}
}

// settled is a town in which both customers have something of everything.
func settled(t testing.TB) (x *town, acme, operator visitor, globex trialScene) {
	x = newTown(t)
	operator = x.admin("ops", "olga", provision.OperatorOffice)
	acme = x.admin("acme", "adam", provision.TenantAdminOffice)
	x.undelivered(x.login("acme", "ada"))
	l := x.login("globex", "ada")
	link, err := x.MakeSetup(context.Background(), everything(), broker.NewSetup{Tenant: "globex"}, "")
	must(t, err)
	globex = trialScene{l, x.undelivered(l), link.Setup.ID}
	x.hold("globex-idp")
	return x, acme, operator, globex
}

// trialScene is somebody of the other tenant.
type trialScene struct {
	lease    provision.Lease
	delivery provision.DeliveryID
	setup    provision.SetupID
}

func (g trialScene) trials() map[string]trial {
	return trials("globex", string(g.lease.Account), string(g.lease.ID), string(g.delivery), string(g.setup))
}

// reference is what differs between two pages that say the same.
func withoutReference(page string) string {
	return regexp.MustCompile(`req_[a-z0-9]+`).ReplaceAllString(page, "req_")
}

func TestATenantAdminNeitherReadsNorChangesAnythingOfAnotherTenant(t *testing.T) {
	x, acme, _, globex := settled(t)
	known, before := globex.trials(), x.held("globex")
	for _, pattern := range x.console.Patterns() {
		c, ok := known[pattern]
		if !ok {
			t.Errorf("%s has no case here: nobody knows what it tells of other tenants", pattern)
			continue
		}
		delete(known, pattern)
		method, _, _ := strings.Cut(pattern, " ")
		theirs, nobodys := acme.do(method, c.theirs, form(c.form)), acme.do(method, c.nobodys, form(c.form))
		if theirs.Code != http.StatusNotFound || withoutReference(theirs.Body.String()) != withoutReference(nobodys.Body.String()) {
			t.Errorf("%s %s: %d, and of what is not there %d:\n%s", method, c.theirs, theirs.Code, nobodys.Code, theirs.Body)
		}
		if method == http.MethodPost {
			continue
		}
		path, _, list := strings.Cut(c.theirs, "?")
		if page := acme.get(path); list && (page.Code != http.StatusOK || strings.Contains(page.Body.String(), "globex")) {
			t.Errorf("%s: %d, and tells of the other tenant:\n%s", path, page.Code, page.Body)
		}
	}
	for pattern := range known {
		t.Errorf("there is no route %s", pattern)
	}
	for _, act := range console.AccountActs() {
		at := "/admin/accounts/" + string(globex.lease.Account) + "/" + act
		if r := acme.do(http.MethodPost, at, form(globex.trials()["POST /admin/accounts/{id}/{act}"].form)); r.Code != http.StatusNotFound {
			t.Errorf("%s: %d", at, r.Code)
		}
	}
	for _, cursor := range []string{"/admin/accounts?after=" + string(globex.lease.Account), "/admin/audit?account=" + string(globex.lease.Account), "/admin/accounts?q=" + string(globex.lease.Account), "/admin/accounts?q=ada%40globex", "/admin/deliveries?after=0/"} {
		if page := acme.get(cursor); strings.Contains(page.Body.String(), "globex.test") {
			t.Errorf("%s tells of the other tenant", cursor)
		}
	}
	if after := x.held("globex"); after != before {
		t.Errorf("something of the other tenant has changed:\n%s\nwas\n%s", after, before)
	}
}

func form(pairs []string) url.Values {
	f := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Set(pairs[i], pairs[i+1])
	}
	return f
}

func TestAnAppTellsNoTenantWhoElseMayEnter(t *testing.T) {
	_, acme, operator, _ := settled(t)
	if page := acme.get("/admin/apps/wiki").Body.String(); strings.Contains(page, "globex") || !strings.Contains(page, "acme") {
		t.Errorf("of a shared app:\n%s", page)
	}
	if page := operator.get("/admin/apps/wiki").Body.String(); !strings.Contains(page, "globex") {
		t.Error("an operator does not see who may enter")
	}
}

// maxPage is what a page may weigh.
const maxPage = 60 << 10

func TestEveryPageIsSmallAndOursAlone(t *testing.T) {
	x, acme, operator, globex := settled(t)
	foreign := regexp.MustCompile(`(?i)(?:src|href|action)="(?:https?:)?//|<script(?:>| [^s])|<style|\sstyle=|\son[a-z]+=`)
	for _, pattern := range x.console.Patterns() {
		method, _, _ := strings.Cut(pattern, " ")
		if method != http.MethodGet {
			continue
		}
		at := globex.trials()[pattern].theirs
		if pattern == "GET /admin/accounts/new" {
			at = "/admin/accounts/new"
		}
		page := operator.get(at)
		body := page.Body.String()
		if page.Code != http.StatusOK || len(body) > maxPage || foreign.MatchString(body) {
			t.Errorf("%s: %d, %d bytes, foreign %q", at, page.Code, len(body), foreign.FindString(body))
		}
		h := page.Header()
		if pattern != "GET /admin/audit.jsonl" && (!strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("Cache-Control") != "no-store" || h.Get("X-Frame-Options") != "DENY") {
			t.Errorf("%s: %v", at, h)
		}
	}
	for _, tab := range []string{"/admin", "/admin/accounts", "/admin/tenants/acme", "/admin/domains/acme/acme-two.test", "/admin/connections/acme-idp", "/admin/leases", "/admin/orphans"} {
		if page := acme.get(tab); page.Code != http.StatusOK {
			t.Errorf("a tenant admin at %s: %d\n%s", tab, page.Code, page.Body)
		}
	}
}

func TestOnlyWhoHoldsAnOfficeIsLetIn(t *testing.T) {
	x, acme, _, globex := settled(t)
	nobody, employee := x.as(provision.Lease{}), x.as(x.login("acme", "eve"))
	for pattern, c := range globex.trials() {
		method, _, _ := strings.Cut(pattern, " ")
		if pattern == "GET /admin/accounts/new" {
			c.theirs = "/admin/accounts/new"
		}
		r := nobody.do(method, c.theirs, form(c.form))
		if to := r.Header().Get("Location"); method == http.MethodGet && (r.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/login?rd="+url.QueryEscape(sso+"/admin"))) {
			t.Errorf("%s without a session: %d to %q", pattern, r.Code, to)
		}
		if method == http.MethodPost && r.Code != http.StatusUnauthorized {
			t.Errorf("%s without a session: %d", pattern, r.Code)
		}
		if r := employee.do(method, c.theirs, form(c.form)); r.Code != http.StatusForbidden || !strings.Contains(r.Body.String(), "administrators") {
			t.Errorf("%s without an office: %d", pattern, r.Code)
		}
		if method == http.MethodPost {
			r := acme.do(method, strings.ReplaceAll(c.theirs, "globex", "acme"), form(c.form), "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test")
			if r.Code != http.StatusForbidden {
				t.Errorf("%s from another site: %d", pattern, r.Code)
			}
		}
	}
	_, err := x.Appoint(context.Background(), broker.Order{Mandate: everything()}, acme.lease.Account, provision.TenantAdminOffice, false)
	must(t, err)
	if r := acme.get("/admin/accounts"); r.Code != http.StatusForbidden {
		t.Errorf("somebody who was dismissed a moment ago: %d", r.Code)
	}
}

func TestWhatIsAnOperatorsIsNoTenantAdmins(t *testing.T) {
	x, acme, _, _ := settled(t)
	before := x.held("acme")
	for _, at := range []string{"/admin/tenants/acme/suspend", "/admin/domains/acme/acme-two.test/attest"} {
		if r := acme.get(at); r.Code != http.StatusForbidden {
			t.Errorf("asked at %s: %d", at, r.Code)
		}
		if r := acme.post(at, "reason", "because"); r.Code != http.StatusForbidden {
			t.Errorf("done at %s: %d", at, r.Code)
		}
	}
	if r := acme.post("/admin/accounts/"+string(acme.lease.Account)+"/appoint", "office", "leasehold:operator"); r.Code != http.StatusForbidden {
		t.Errorf("a tenant admin makes himself operator: %d", r.Code)
	}
	if after := x.held("acme"); after != before {
		t.Error("something was done")
	}
}

func TestEveryActDoesWhatItSaysAndIsInTheAuditWithWhoDidIt(t *testing.T) {
	x, acme, _, _ := settled(t)
	lease := x.login("acme", "bob")
	bob := lease.Account
	at := func(act string) string { return "/admin/accounts/" + string(bob) + "/" + act }
	for _, c := range []struct {
		act   string
		form  []string
		state provision.AccountState
		kind  string
	}{
		{"end", nil, provision.Dormant, provision.EventLeaseEnded},
		{"suspend", []string{"reason", "on leave"}, provision.Suspended, provision.EventAccountState},
		{"release", nil, provision.Dormant, provision.EventAccountState},
		{"revoke", []string{"reason", "left"}, provision.Revoked, provision.EventAccountState},
		{"restore", []string{"reason", "came back"}, provision.Dormant, provision.EventAccountState},
		{"link", []string{"connection", "acme-idp", "subject", "bob-2"}, provision.Dormant, provision.EventAccountLinked},
		{"unlink", []string{"connection", "acme-idp", "subject", "bob-2"}, provision.Dormant, provision.EventAccountUnlinked},
		{"appoint", []string{"office", "leasehold:admin"}, provision.Dormant, provision.EventAccountOffice},
		{"dismiss", []string{"office", "leasehold:admin"}, provision.Dormant, provision.EventAccountOffice},
		{"delete", []string{"reason", "asked for it", "typed", "BOB@acme.test"}, provision.Deleted, provision.EventAccountState},
	} {
		if page := acme.get(at(c.act)); page.Code != http.StatusOK || !strings.Contains(page.Body.String(), "<form") {
			t.Fatalf("%s is not asked: %d", c.act, page.Code)
		}
		r := acme.post(at(c.act), c.form...)
		if r.Code != http.StatusSeeOther || x.account(bob).State != c.state {
			t.Fatalf("%s: %d, %s, want %s\n%s", c.act, r.Code, x.account(bob).State, c.state, r.Body)
		}
		if shown := acme.get(r.Header().Get("Location")); shown.Code != http.StatusOK || !strings.Contains(shown.Body.String(), `role="status"`) {
			t.Errorf("after %s: %d, and nothing says that it was done", c.act, shown.Code)
		}
		events, err := x.desk.FindEvents(context.Background(), everything(), provision.EventQuery{Account: bob, Limit: 5}, "")
		must(t, err)
		found := false
		for _, e := range events.Items {
			done := e.Kind == c.kind && e.Actor.Kind == provision.TenantAdmin && e.Actor.ID == string(acme.lease.Account) && e.Actor.Via == "console"
			found = found || done && (c.act == "delete" || e.Personal.Requester.IP == "203.0.113.9")
		}
		if !found {
			t.Errorf("%s is not in the audit with who did it, and from where: %+v", c.act, events.Items)
		}
	}
}

func TestNothingIsDoneWithoutWhatItWants(t *testing.T) {
	x, acme, operator, _ := settled(t)
	bob := x.login("acme", "bob").Account
	before := x.held("acme")
	for _, c := range []struct {
		who  visitor
		at   string
		form []string
		code int
	}{
		{acme, "/admin/accounts/" + string(bob) + "/revoke", nil, 422},
		{acme, "/admin/accounts/" + string(bob) + "/revoke", []string{"reason", "  "}, 422},
		{acme, "/admin/accounts/" + string(bob) + "/delete", []string{"reason", "x"}, 422},
		{acme, "/admin/accounts/" + string(bob) + "/delete", []string{"reason", "x", "typed", "ada@acme.test"}, 422},
		{acme, "/admin/accounts/" + string(bob) + "/delete", []string{"typed", "bob@acme.test"}, 422},
		{acme, "/admin/accounts/" + string(bob) + "/link", []string{"connection", "acme-idp"}, 422},
		{acme, "/admin/accounts/" + string(bob) + "/link", []string{"connection", "globex-idp", "subject", "x"}, 404},
		{operator, "/admin/accounts/" + string(bob) + "/link", []string{"connection", "globex-idp", "subject", "x"}, 404},
		{acme, "/admin/accounts/" + string(bob) + "/release", nil, 409},
		{acme, "/admin/accounts/" + string(bob) + "/nothing", nil, 404},
		{acme, "/admin/accounts/" + string(bob) + "/appoint", []string{"office", "leasehold:king"}, 409},
		{operator, "/admin/accounts/" + string(bob) + "/appoint", []string{"office", "leasehold:operator"}, 409},
		{acme, "/admin/connections/acme-idp/confirm", nil, 422},
		{acme, "/admin/connections/acme-idp/enable", nil, 409},
		{operator, "/admin/deliveries/dlv_acme/drop", nil, 422},
		{acme, "/admin/accounts/new", []string{"email", "no address"}, 422},
		{acme, "/admin/accounts/new", []string{"email", "new@acme.test", "subject", "s"}, 422},
		{acme, "/admin/accounts/new", []string{"email", "bob@acme.test"}, 409},
		{operator, "/admin/accounts/new", []string{"email", "new@acme.test"}, 422},
		{acme, "/admin/accounts/new", []string{"email", "new@globex.test"}, 409}, // nobody of hers could log in with it
	} {
		if r := c.who.post(c.at, c.form...); r.Code != c.code {
			t.Errorf("%s with %q: %d, want %d\n%s", c.at, c.form, r.Code, c.code, r.Body)
		}
	}
	if after := x.held("acme"); after != before {
		t.Error("something was done all the same")
	}
}

func TestConnectionsDomainsDeliveriesAndTenantsAreGovernedToo(t *testing.T) {
	x, acme, operator, globex := settled(t)
	ctx := context.Background()
	connection := func() provision.Connection {
		c, err := x.store.Connection(ctx, "acme-idp")
		must(t, err)
		return c
	}
	wantDone := func(who visitor, at string, form ...string) {
		t.Helper()
		if r := who.post(at, form...); r.Code != http.StatusSeeOther {
			t.Fatalf("%s: %d\n%s", at, r.Code, r.Body)
		}
	}
	x.hold("acme-idp")
	if page := acme.get("/admin").Body.String(); !strings.Contains(page, "another trust") && !strings.Contains(page, "new trust") {
		t.Error("a held connection needs no attention")
	}
	if page := acme.get("/admin/connections/acme-idp").Body.String(); !strings.Contains(page, "the trust of acme") || !strings.Contains(page, "another trust") {
		t.Errorf("what is proposed is not shown:\n%s", page)
	}
	wantDone(acme, "/admin/connections/acme-idp/reject", "reason", "not ours")
	if c := connection(); c.Held || string(c.Metadata) != "the trust of acme" {
		t.Errorf("rejected: %+v", c)
	}
	x.hold("acme-idp")
	wantDone(acme, "/admin/connections/acme-idp/confirm", "reason", "a new key")
	if c := connection(); c.Held || string(c.Metadata) != "another trust" {
		t.Errorf("confirmed: %+v", c)
	}
	wantDone(operator, "/admin/connections/acme-idp/disable")
	if !connection().Disabled {
		t.Error("it is not disabled")
	}
	wantDone(operator, "/admin/connections/acme-idp/enable")
	acme = x.as(x.login("acme", "adam"))
	if r := acme.post("/admin/domains/acme/acme-two.test/check"); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), "has no TXT record") {
		t.Errorf("a look for a proof: %d\n%s", r.Code, r.Body)
	}
	if page := acme.get("/admin/domains/acme/acme-two.test").Body.String(); !strings.Contains(page, "_leasehold.acme-two.test") || !strings.Contains(page, "leasehold-proof=") {
		t.Error("what to publish is not shown")
	}
	wantDone(operator, "/admin/domains/acme/acme-two.test/attest", "reason", "I know them")
	wantDone(operator, "/admin/deliveries/dlv_acme/retry")
	wantDone(operator, "/admin/deliveries/"+string(globex.delivery)+"/drop", "reason", "cleared by hand")
	wantDone(acme, "/admin/leases/"+string(x.login("acme", "ada").ID)+"/end", "reason", "a lost laptop")
	wantDone(operator, "/admin/tenants/globex/suspend")
	wantDone(operator, "/admin/tenants/globex/resume")
	wantDone(operator, "/admin/accounts/new", "tenant", "globex", "email", "new@globex.test", "connection", "globex-idp", "subject", "new")
	found, err := x.desk.FindEvents(ctx, everything(), provision.EventQuery{Limit: 200}, "")
	must(t, err)
	acts := 0
	for _, e := range found.Items {
		if e.Actor.Via == "console" && e.Actor.ID != "" {
			acts++
		}
	}
	if acts < 12 {
		t.Errorf("of twelve acts the audit has %d", acts)
	}
}

func TestAnExportHasEverythingThatTheFilterChoosesAndNothingElse(t *testing.T) {
	x, acme, _, _ := settled(t)
	for range 3 {
		x.login("acme", "bob")
	}
	r := acme.get("/admin/audit.jsonl?kind=login")
	lines := strings.Split(strings.TrimSpace(r.Body.String()), "\n")
	if r.Code != http.StatusOK || len(lines) != 5 || !strings.Contains(r.Header().Get("Content-Disposition"), "attachment") {
		t.Fatalf("%d, %d lines of 5\n%s", r.Code, len(lines), r.Body)
	}
	last := time.Now()
	for _, line := range lines {
		var e struct {
			Seq           int64
			Time          time.Time
			Tenant, Event string
			Email         string
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Tenant != "acme" || e.Event != "login" || e.Seq != 0 || e.Time.After(last) || e.Email == "" {
			t.Errorf("%v: %s", err, line)
		}
		last = e.Time
	}
}

func TestTheFirstOperatorIsMadeByTheLinkInABrowser(t *testing.T) {
	x := newTown(t)
	token, err := x.InviteOperator(context.Background())
	must(t, err)
	at := "/admin/first?link=" + token
	if r := x.as(provision.Lease{}).get(at); r.Code != http.StatusSeeOther || r.Header().Get("Location") != "/login?rd="+url.QueryEscape(sso+at) {
		t.Errorf("without a session: %d to %s", r.Code, r.Header().Get("Location"))
	}
	if r := x.as(x.login("acme", "eve")).get(at); r.Code != http.StatusForbidden {
		t.Errorf("somebody of another tenant: %d", r.Code)
	}
	olga := x.as(x.login("ops", "olga"))
	if r := olga.get("/admin/first?link=wrong"); r.Code != http.StatusNotFound {
		t.Errorf("a wrong link: %d", r.Code)
	}
	page := olga.get(at)
	if page.Code != http.StatusOK || !strings.Contains(page.Body.String(), token) || olga.get("/admin").Code != http.StatusForbidden {
		t.Fatalf("%d; following a link alone appoints nobody\n%s", page.Code, page.Body)
	}
	if r := olga.do(http.MethodPost, "/admin/first", url.Values{"link": {token}}, "Sec-Fetch-Site", "cross-site"); r.Code != http.StatusForbidden {
		t.Errorf("posted by another site: %d", r.Code)
	}
	if r := olga.post("/admin/first", "link", token); r.Code != http.StatusSeeOther || olga.get("/admin").Code != http.StatusOK {
		t.Errorf("%d\n%s", r.Code, r.Body)
	}
	if r := olga.post("/admin/first", "link", token); r.Code != http.StatusNotFound {
		t.Errorf("a second time: %d", r.Code)
	}
}
