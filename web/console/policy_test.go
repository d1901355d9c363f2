package console_test

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// ruled is a town whose tenant acme is the API's, with an administrator of it.
func ruled(t *testing.T) (*town, visitor) {
	x := newTown(t)
	acme, err := x.store.Tenant(context.Background(), "acme")
	must(t, err)
	_, err = x.Register(context.Background(), broker.Deed{Actor: provision.Actor{Kind: provision.Operator, ID: "test"}}, broker.Wanted{Tenants: []broker.WantedTenant{{Tenant: acme}}}, broker.Plan{Owner: provision.ByAPI, Adopt: true})
	must(t, err)
	return x, x.admin("acme", "adam", provision.TenantAdminOffice)
}

const policyPath = "/admin/tenants/acme/policy"

// fieldsOf is the form of a page, as a browser would send it back.
func fieldsOf(page string) url.Values {
	form := url.Values{}
	for _, m := range regexp.MustCompile(`<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		form.Set(m[1], unescaped(m[2]))
	}
	for _, m := range regexp.MustCompile(`(?s)<textarea[^>]* name="([^"]+)"[^>]*>(.*?)</textarea>`).FindAllStringSubmatch(page, -1) {
		form.Set(m[1], unescaped(m[2]))
	}
	for _, m := range regexp.MustCompile(`(?s)<select[^>]* name="([^"]+)".*?<option value="([^"]*)" selected`).FindAllStringSubmatch(page, -1) {
		form.Set(m[1], m[2])
	}
	return form
}

func unescaped(text string) string {
	return strings.NewReplacer("&#34;", `"`, "&lt;", "<", "&gt;", ">", "&#39;", "'", "&amp;", "&").Replace(text)
}

func (x *town) policy() provision.Policy {
	t, err := x.store.Tenant(context.Background(), "acme")
	must(x.t, err)
	return t.Policy
}

func TestAPolicyIsTriedThenSavedThenPutBack(t *testing.T) {
	x, adam := ruled(t)
	ada := x.login("acme", "ada")
	editor := adam.get(policyPath)
	if editor.Code != http.StatusOK {
		t.Fatalf("%d: %s", editor.Code, editor.Body)
	}
	form, before := fieldsOf(editor.Body.String()), x.policy()
	if form.Get("create") != "allow" || form.Get("max_session") != "8h" || form.Get("idle") != "30m" {
		t.Errorf("the form says %v", form)
	}
	form.Set("when", "account.email\r\n!= \"ada@acme.test\"")
	form.Set("roles.default", "reader\r\nwriter")
	form.Set("roles.map", "cn=x,dc=y -> writer\r\nboard->reader, writer")
	form.Set("max_session", "1d")
	tried := adam.do(http.MethodPost, policyPath, form)
	page := tried.Body.String()
	for _, words := range []string{"Save, and end 1 session<", "ada@acme.test", "policy_tightened", "max_session: 8h0m0s → 24h0m0s", "Nothing is changed yet"} {
		if tried.Code != http.StatusOK || !strings.Contains(page, words) {
			t.Errorf("%d, and nothing says %q:\n%s", tried.Code, words, page)
		}
	}
	if x.policy().Version != before.Version {
		t.Fatal("trying saved it")
	}
	saved := adam.do(http.MethodPost, policyPath+"/save", with(fieldsOf(page), "reason", "no more ada"))
	if saved.Code != http.StatusSeeOther {
		t.Fatalf("%d: %s", saved.Code, saved.Body)
	}
	if shown := adam.get(saved.Header().Get("Location")).Body.String(); !strings.Contains(shown, "Done: Version 2 is in force; live sessions") {
		t.Errorf("nothing says that it was done: %s", shown)
	}
	if forged := adam.get(policyPath + "?done=Version+2+is+void").Body.String(); strings.Contains(forged, "is void") {
		t.Error("an address says what was done")
	}
	now := x.policy()
	if now.Version != before.Version+1 || now.When != "account.email\n!= \"ada@acme.test\"" || len(now.Roles.Default) != 2 || now.Roles.Map["cn=x,dc=y"][0] != "writer" || len(now.Roles.Map["board"]) != 2 {
		t.Errorf("saved is %+v", now)
	}
	must(t, x.Regate(context.Background()))
	if s, err := x.store.Lease(context.Background(), ada.ID); err != nil || s.Lease.EndReason != provision.CausePolicyTightened {
		t.Errorf("%+v, %v", s.Lease, err)
	}
	if page := adam.get(policyPath).Body.String(); !strings.Contains(page, "no more ada") || !strings.Contains(page, "max_session: 8h0m0s → 24h0m0s") {
		t.Errorf("the versions do not tell:\n%s", page)
	}
	back := adam.get(policyPath + "?from=1")
	if page := back.Body.String(); !strings.Contains(page, "to be put back") || fieldsOf(page).Get("when") != "" || fieldsOf(page).Get("seen") != "2" {
		t.Errorf("%s", page)
	}
	restored := adam.do(http.MethodPost, policyPath+"/save", fieldsOf(adam.do(http.MethodPost, policyPath, fieldsOf(back.Body.String())).Body.String()))
	if now := x.policy(); restored.Code != http.StatusSeeOther || now.Version != before.Version+2 || now.When != "" {
		t.Errorf("%d, %+v", restored.Code, now)
	}
	version := adam.get(policyPath + "/2").Body.String()
	if !strings.Contains(version, "no more ada") || !strings.Contains(version, "Put it back") || !strings.Contains(version, "max_session: 24h0m0s → 8h0m0s") {
		t.Errorf("%s", version)
	}
}

func with(form url.Values, name, value string) url.Values {
	form.Set(name, value)
	return form
}

func TestAPolicyThatCannotBeSavedSaysWhyAndKeepsWhatWasWritten(t *testing.T) {
	x, adam := ruled(t)
	form := func() url.Values { return fieldsOf(adam.get(policyPath).Body.String()) }
	for name, test := range map[string]struct {
		key, value string
		status     int
		words      string
	}{
		"a faulty condition": {"when", "request.tme", http.StatusUnprocessableEntity, "when: column 8: undeclared reference"},
		"no length of time":  {"idle", "soon", http.StatusUnprocessableEntity, "idle: &#34;soon&#34; is no length of time"},
		"no number":          {"seats", "many", http.StatusUnprocessableEntity, "seats: &#34;many&#34; is no whole number"},
		"no mapping":         {"roles.map", "board", http.StatusUnprocessableEntity, "is not written as: group -&gt; role, role"},
		"an office":          {"roles.default", "leasehold:operator", http.StatusUnprocessableEntity, "is an office"},
		"her own end":        {"when", "account.email != 'adam@acme.test'", http.StatusOK, "You would shut yourself out"},
		"an end of all":      {"mode", "ephemeral", http.StatusOK, "your office with it"},
	} {
		tried := adam.do(http.MethodPost, policyPath, with(form(), test.key, test.value))
		if page := tried.Body.String(); tried.Code != test.status || !strings.Contains(page, test.words) || !strings.Contains(page, "cannot be saved") && fieldsOf(page).Get(test.key) != test.value {
			t.Errorf("%s: %d, and nothing says %q:\n%s", name, tried.Code, test.words, page)
		}
		saved := adam.do(http.MethodPost, policyPath+"/save", with(with(form(), test.key, test.value), "told", "9"))
		if saved.Code < 400 || x.policy().Version != 1 {
			t.Fatalf("%s: saved: %d", name, saved.Code)
		}
	}
	tried := fieldsOf(adam.do(http.MethodPost, policyPath, with(form(), "seats", "5")).Body.String())
	_, err := x.Rules(everything(), "acme").Save(context.Background(), provision.Policy{Create: provision.CreateApprove}, 1, "meanwhile")
	must(t, err)
	late := adam.do(http.MethodPost, policyPath+"/save", tried)
	if page := late.Body.String(); late.Code != http.StatusConflict || !strings.Contains(page, "saved version 2 meanwhile") || !strings.Contains(page, "create: allow → approve") || fieldsOf(page).Get("seats") != "5" || fieldsOf(page).Get("seen") != "2" {
		t.Errorf("%d:\n%s", late.Code, page)
	}
	if x.policy().Version != 2 {
		t.Error("another's change was overwritten")
	}
}

func TestWhatEndsMoreThanWasToldIsToldOnceMore(t *testing.T) {
	x, adam := ruled(t)
	form := with(fieldsOf(adam.get(policyPath).Body.String()), "when", "account.email == 'adam@acme.test'")
	tried := adam.do(http.MethodPost, policyPath, form)
	if !strings.Contains(tried.Body.String(), "Save as version 2") {
		t.Fatalf("%s", tried.Body)
	}
	x.login("acme", "ada") // meanwhile
	again := adam.do(http.MethodPost, policyPath+"/save", fieldsOf(tried.Body.String()))
	if page := again.Body.String(); again.Code != http.StatusConflict || !strings.Contains(page, "Save, and end 1 session") || !strings.Contains(page, "than you were told") || x.policy().Version != 1 {
		t.Fatalf("%d:\n%s", again.Code, page)
	}
	if saved := adam.do(http.MethodPost, policyPath+"/save", fieldsOf(again.Body.String())); saved.Code != http.StatusSeeOther || x.policy().Version != 2 {
		t.Errorf("%d:\n%s", saved.Code, saved.Body)
	}
}

func TestAManifestsPolicyIsTriedAndNotSaved(t *testing.T) {
	x := newTown(t)
	adam := x.admin("acme", "adam", provision.TenantAdminOffice)
	editor := adam.get(policyPath).Body.String()
	if !strings.Contains(editor, "A manifest owns this policy") {
		t.Errorf("%s", editor)
	}
	tried := adam.do(http.MethodPost, policyPath, with(fieldsOf(editor), "seats", "5")).Body.String()
	if !strings.Contains(tried, "A manifest owns this policy. Change it there") || strings.Contains(tried, "Save as version") {
		t.Errorf("%s", tried)
	}
	if saved := adam.do(http.MethodPost, policyPath+"/save", fieldsOf(tried)); saved.Code != http.StatusConflict || x.policy().Seats != 0 {
		t.Errorf("%d: %s", saved.Code, saved.Body)
	}
}

func TestRolesForAWhileAreWrittenInTheEditorAsAManifestHasThem(t *testing.T) {
	x, adam := ruled(t)
	const written = "role: auditor\r\nwho.groups: cn=eng,dc=x\r\nwho.groups: ops: night\r\nmax: 2h\r\napprovers.roles: lead\r\n\r\nrole: root\r\nwho.roles: auditor\r\nmax: 30m\r\napprove: policy\r\nticket: on"
	form := with(fieldsOf(adam.get(policyPath).Body.String()), "elevate", written)
	tried := adam.do(http.MethodPost, policyPath, form)
	if page := tried.Body.String(); tried.Code != http.StatusOK || !strings.Contains(page, "elevate: (none) → auditor for 2h0m0s (groups cn=eng,dc=x, ops: night), by approver (roles lead), root for 30m0s (roles auditor), by policy, with a ticket") {
		t.Fatalf("%d: %s", tried.Code, page)
	}
	if saved := adam.do(http.MethodPost, policyPath+"/save", fieldsOf(tried.Body.String())); saved.Code != http.StatusSeeOther {
		t.Fatalf("%d: %s", saved.Code, saved.Body)
	}
	want := []provision.ElevationRule{
		{Role: "auditor", Who: provision.Circle{Groups: []string{"cn=eng,dc=x", "ops: night"}}, Max: 2 * time.Hour, Approve: provision.ByApprover, Approvers: provision.Circle{Roles: []string{"lead"}}},
		{Role: "root", Who: provision.Circle{Roles: []string{"auditor"}}, Max: 30 * time.Minute, Approve: provision.ByPolicy, Ticket: true},
	}
	if now := x.policy(); !reflect.DeepEqual(now.Elevate, want) {
		t.Errorf("saved is %+v", now.Elevate)
	}
	form = fieldsOf(adam.get(policyPath).Body.String())
	if again := adam.do(http.MethodPost, policyPath, form); !strings.Contains(again.Body.String(), "Nothing.") {
		t.Errorf("what is saved is read as something else: %s", again.Body)
	}
	for faulty, words := range map[string]string{
		"auditor": "line 1: &#34;auditor&#34; is not written as: key: value", "max: 2h": "a rule begins with its role", "role: a\nwhom: b": "line 2: there is no key &#34;whom&#34;",
		"role: a\nticket: maybe": "ticket is on or off", "role: a\nmax: soon": "is no length of time", "role: a\nmax: 1h": "names nobody", "role: a\nwho.roles: b\nmax: 9h\napprove: policy": "is not between",
	} {
		if r := adam.do(http.MethodPost, policyPath, with(form, "elevate", faulty)); r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), words) {
			t.Errorf("%q: %d, and nothing says %q:\n%s", faulty, r.Code, words, r.Body)
		}
	}
}
