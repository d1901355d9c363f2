package api_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// things are one name for each parameter of a path.
type things map[string]string

// absent names nothing that there is.
func absent(n int) things {
	id, name := strings.ToLower(rand.Text()), fmt.Sprint("nobody", n)
	return things{
		"tenant": name, "domain": name + ".test", "connection": name + "-manifest", "app": name + "-app", "account": "acc_" + id, "lease": name + "." + id, "decision": "dec_" + id,
		"revocation": "rev_" + id, "delivery": "dlv_" + id, "token": "tok_" + id[:16], "version": "1", "office": "admin", "subject": name + "-1",
		"setup": "setup_" + id, "rule": name + "-rule", "grant": name + "-grant", "elevation": "elv_" + id, "credential": "crd_" + id,
	}
}

// op is one operation of the description.
type op struct {
	method, path, id string
	right            broker.Right
	body             bool
}

// surface is every operation that the description names.
func surface(t testing.TB, h *house) []op {
	t.Helper()
	var described struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string          `json:"operationId"`
			Right       broker.Right    `json:"x-right"`
			RequestBody json.RawMessage `json:"requestBody"`
		}
	}
	answer{body: h.ask("", http.MethodGet, "/api/v1/openapi.json", nil).body}.read(t, &described)
	if !strings.HasPrefix(described.OpenAPI, "3.1") {
		t.Errorf("the description is of OpenAPI %s", described.OpenAPI)
	}
	var ops []op
	for path, methods := range described.Paths {
		for method, x := range methods {
			ops = append(ops, op{strings.ToUpper(method), path, x.OperationID, x.Right, x.RequestBody != nil})
		}
	}
	slices.SortFunc(ops, func(a, b op) int { return strings.Compare(rank(a)+a.id, rank(b)+b.id) })
	if len(ops) < 50 {
		t.Fatalf("only %d operations are described", len(ops))
	}
	return ops
}

// rank puts what destroys last.
func rank(x op) string {
	switch {
	case x.method == http.MethodGet:
		return "0"
	case x.id == "put-tenants-tenant-domains-domain": // what somebody claims, they may try to use
		return "01"
	case strings.Contains(x.path, "/elevations"), strings.Contains(x.path, "/credentials"): // while the session is there in which it was asked for
		return "0z"
	case strings.HasSuffix(x.path, "/suspend"), strings.HasSuffix(x.path, "/revoke"), x.path == "/revocations", strings.HasSuffix(x.path, "/disable"):
		return "2"
	case x.method == http.MethodDelete && strings.Contains(x.path, "/offices/"), x.method == http.MethodPost && strings.HasSuffix(x.path, "/resume"):
		return "3"
	case x.method == http.MethodDelete && strings.HasPrefix(x.path, "/tenants/"):
		return "5"
	case x.method == http.MethodDelete:
		return "4"
	}
	return "1"
}

// bodies are what each operation with a body is sent. One that is not here fails the test: write what it could be tricked
// with. own is of the caller's tenant, other is what it must not reach, or what is not there.
func bodies() map[string]func(own, other things) []any {
	type o = map[string]any
	plain := func(things, things) []any { return []any{o{"reason": "why"}} }
	m := map[string]func(own, other things) []any{
		"put-tenants-tenant":                func(_, x things) []any { return []any{o{"name": "Taken", "reason": "why"}} },
		"put-tenants-tenant-domains-domain": func(_, x things) []any { return []any{o{}, o{"proof": "operator", "reason": "why"}} },
		"put-tenants-tenant-policy":         func(_, x things) []any { return []any{o{"create": "deny"}} },
		"post-tenants-tenant-policy-try":    func(_, x things) []any { return []any{o{"create": "deny"}} },
		"put-apps-app": func(own, x things) []any {
			return []any{o{"origins": []string{"https://taken.example.com"}, "tenants": []string{own["tenant"]}}}
		},
		"put-connections-connection": func(own, x things) []any {
			return []any{o{"protocol": "saml", "domains": []string{x["domain"]}, "metadata_url": "https://taken.example.com/m"}, o{"protocol": "saml", "domains": []string{own["domain"]}, "metadata_url": "https://taken.example.com/m"}}
		},
		"post-connections": func(own, x things) []any {
			return []any{
				o{"tenant": x["tenant"], "protocol": "saml", "domains": []string{x["domain"]}, "metadata_url": "https://taken.example.com/m"},
				o{"tenant": own["tenant"], "protocol": "saml", "domains": []string{x["domain"]}, "metadata_url": "https://taken.example.com/m"},
				o{"tenant": own["tenant"], "id": x["connection"], "protocol": "saml", "domains": []string{own["domain"]}, "metadata_url": "https://taken.example.com/m"},
			}
		},
		"post-accounts": func(own, x things) []any {
			return []any{
				o{"tenant": x["tenant"], "email": "new@" + x["domain"]}, o{"tenant": own["tenant"], "email": "new@" + x["domain"]},
				o{"tenant": own["tenant"], "email": "new@" + own["domain"], "connection": x["connection"], "subject": x["subject"]},
			}
		},
		"post-accounts-account-link": func(own, x things) []any {
			return []any{o{"connection": x["connection"], "subject": "new-" + rand.Text()}, o{"connection": x["connection"], "subject": x["subject"]}}
		},
		"post-accounts-account-unlink": func(own, x things) []any { return []any{o{"connection": x["connection"], "subject": x["subject"]}} },
		"post-revocations": func(own, x things) []any {
			return []any{o{"tenant": x["tenant"], "reason": "why"}, o{"connection": x["connection"], "reason": "why"}, o{"domain": x["domain"], "reason": "why"}}
		},
		"post-setups": func(own, x things) []any {
			return []any{o{"tenant": x["tenant"], "reason": "why"}, o{"tenant": own["tenant"], "connection": x["connection"], "reason": "why"}}
		},
		"put-tenants-tenant-rules-rule": func(own, x things) []any {
			rule := func(connection, grant, owner string) o {
				return o{"connection": connection, "match": o{"a": []string{"b"}}, "subject": []string{"a"}, "grants": []string{grant}, "owner": owner}
			}
			return []any{
				rule(own["tenant"]+"-ci", own["grant"], "ada@"+own["domain"]), rule(x["tenant"]+"-ci", own["grant"], "ada@"+own["domain"]),
				rule(own["tenant"]+"-ci", x["grant"], "ada@"+own["domain"]), rule(own["tenant"]+"-ci", own["grant"], "ada@"+x["domain"]),
			}
		},
		"put-tenants-tenant-grants-grant": func(own, x things) []any {
			return []any{o{"apps": []string{own["app"]}}, o{"apps": []string{x["app"]}}}
		},
		"post-elevations": func(own, x things) []any {
			return []any{o{"lease": x["lease"], "role": "root", "for": "5m", "reason": "why"}}
		},
		"post-tokens": func(own, x things) []any {
			return []any{o{"tenant": x["tenant"], "name": "taken", "scope": []string{"tenants:read"}, "expires": "1d"}, o{"everywhere": true, "name": "taken", "scope": []string{"tenants:read"}, "expires": "1d"}}
		},
	}
	for _, id := range []string{
		"post-tenants-tenant-rules-rule-disable", "post-tenants-tenant-rules-rule-enable", "post-tenants-tenant-suspend", "post-tenants-tenant-resume", "post-tenants-tenant-domains-domain-check", "post-connections-connection-enable", "post-connections-connection-disable",
		"post-connections-connection-confirm", "post-connections-connection-reject", "post-accounts-account-approve", "post-accounts-account-end", "post-accounts-account-suspend", "post-accounts-account-release",
		"post-accounts-account-revoke", "post-accounts-account-restore", "post-leases-lease-end", "post-elevations-elevation-approve", "post-elevations-elevation-deny", "post-elevations-elevation-end", "post-credentials-credential-end", "post-credentials-credential-retry", "post-deliveries-delivery-retry", "post-deliveries-delivery-drop",
	} {
		m[id] = plain
	}
	return m
}

// call is one request of an operation.
type call struct {
	op
	path string
	body any
	text string // all that it says
}

var parameter = regexp.MustCompile(`\{(\w+)\}`)

// calls are the requests of an operation that name others' things: in every place, and of several places in the last one
// alone, with the caller's own before it.
func (x op) calls(t testing.TB, own, other things) (calls []call) {
	t.Helper()
	names := parameter.FindAllStringSubmatch(x.path, -1)
	for foreign := range max(1, len(names)) { // from which place on it is the other's
		at := -1
		path := parameter.ReplaceAllStringFunc(x.path, func(name string) string {
			at++
			from := other
			if at < foreign {
				from = own
			}
			value, ok := from[strings.Trim(name, "{}")]
			if !ok {
				t.Fatalf("%s %s has the parameter %s, of which this test has no object: add one to things", x.method, x.path, name)
			}
			return value
		})
		if x.method == http.MethodDelete {
			path += "?reason=why"
		}
		sent := []any{nil}
		if x.body {
			make, ok := bodies()[x.id]
			if !ok {
				t.Fatalf("%s has a body, and this test does not know what it could be tricked with: add it to bodies", x.id)
			}
			sent = make(own, other)
			if foreign == len(names)-1 && len(names) > 0 { // and the caller's own things alone, with another's in the body
				mine := parameter.ReplaceAllStringFunc(x.path, func(name string) string { return own[strings.Trim(name, "{}")] })
				for _, body := range sent {
					calls = append(calls, x.call(mine, body))
				}
			}
		}
		for _, body := range sent {
			calls = append(calls, x.call(path, body))
		}
	}
	if x.method == http.MethodGet && len(names) == 0 {
		calls = append(calls, x.call(path(x.path, "tenant", other["tenant"]), nil), x.call(path(x.path, "cursor", "AAAA"), nil))
	}
	return calls
}

func path(path, key, value string) string { return path + "?" + key + "=" + value }

func (x op) call(path string, body any) call {
	text, _ := json.Marshal(body)
	return call{x, "/api/v1" + path, body, path + " " + string(text)}
}

func (h *house) send(token string, c call, revision string) answer {
	h.t.Helper()
	headers := []string{}
	if c.method == http.MethodPut && !strings.Contains(c.id, "domain") && !strings.Contains(c.id, "office") {
		headers = []string{"If-Match", revision}
	}
	return h.ask(token, c.method, c.path, c.body, headers...)
}

// town is a house with everything there can be of acme and of two others: one that manifests registered, and one of the API.
func town(t testing.TB) (h *house, own things, others []things) {
	t.Helper()
	h = newHouse(t)
	ctx, o := context.Background(), broker.Order{Mandate: everywhere(), Why: "why"}
	h.register("acme", "rival")
	d := domain("rivalapi.test")
	_, err := h.desk.PutTenant(ctx, o, broker.TenantOrder{Tenant: provision.Tenant{ID: "rivalapi", Name: "The rivalapi"}}, broker.IsNew)
	must(t, err)
	_, err = h.desk.PutPolicy(ctx, o, "rivalapi", policyOf(), 1)
	must(t, err)
	_, err = h.desk.AttestDomain(ctx, o, "rivalapi", d)
	must(t, err)
	_, err = h.desk.CreateConnection(ctx, o, broker.ConnectionOrder{Connection: provision.Connection{ID: "rivalapi-manifest", Tenant: "rivalapi", Protocol: provision.SAML, Domains: []provision.Domain{d}, Subject: "nameid", MetadataURL: "https://idp.rivalapi.test/metadata"}})
	must(t, err)
	_, err = h.desk.CreateConnection(ctx, o, broker.ConnectionOrder{Connection: provision.Connection{ID: "rivalapi-ci", Tenant: "rivalapi", Protocol: provision.Workloads, Issuer: "https://ci.rivalapi.test"}})
	must(t, err)
	_, err = h.desk.PutApp(ctx, o, provision.App{ID: "rivalapi-app", Origins: []provision.Origin{origin("https://rivalapi-app.example.com")}, Headers: "leasehold", Tenants: []provision.TenantID{"rivalapi"}, Notify: provision.Notify{URL: "https://hooks.example/rivalapi"}}, []byte("0123456789012345678901234567"), broker.IsNew)
	must(t, err)
	_, err = h.desk.PutGrant(ctx, o, "rivalapi", grantOf("rivalapi"), broker.IsNew)
	must(t, err)
	_, err = h.desk.PutTrustRule(ctx, o, "rivalapi", ruleOf("rivalapi"), broker.IsNew)
	must(t, err)
	return h, h.people("acme"), []things{h.people("rival"), h.people("rivalapi")}
}

// people gives a tenant an account with a lease that an app was handed, and everything that follows from a life.
func (h *house) people(tenant provision.TenantID) things {
	h.t.Helper()
	ctx, t, name := context.Background(), h.t, string(tenant)
	connection := provision.ConnectionID(name + "-manifest")
	gone := h.login(connection, name+"-subject-2", "gone@"+name+".test")
	h.enter(gone, provision.AppID(name+"-app"))
	must(t, h.desk.EndLease(ctx, broker.Order{Mandate: everywhere(), Why: "why"}, gone.ID))
	revocation, err := h.desk.Revoke(ctx, broker.Order{Mandate: everywhere(), Why: "why of " + name}, provision.Scope{Connection: connection})
	must(t, err)
	l := h.login(connection, name+"-subject-1", "ada@"+name+".test")
	token, _, err := h.desk.CreateToken(ctx, broker.Order{Mandate: everywhere()}, broker.NewToken{Tenant: tenant, Name: "token of " + name, Permits: []provision.Permit{"read"}, Life: time.Hour})
	must(t, err)
	x := things{
		"tenant": name, "domain": name + ".test", "connection": string(connection), "app": name + "-app", "account": string(l.Account), "lease": string(l.ID), "revocation": string(revocation),
		"rule": name + "-rule", "grant": name + "-grant", "token": string(token.ID), "version": "1", "office": "admin", "subject": name + "-subject-1",
	}
	decisions, err := h.store.Decisions(ctx, provision.Page{Tenant: tenant})
	must(t, err)
	x["decision"] = string(decisions[0].ID)
	deliveries, err := h.broker.Deliveries(ctx, provision.DeliveryFilter{App: provision.AppID(name + "-app")})
	must(t, err)
	x["delivery"] = string(deliveries[0].ID)
	asked, err := h.broker.AskElevation(ctx, h.broker.Token(l.ID, origin(sso)), origin(sso), broker.Wanting{Role: "root", For: time.Minute, Said: provision.Said{Reason: "why of " + name}}, provision.Requester{})
	must(t, err)
	x["elevation"] = string(asked.ID)
	over, err := h.broker.Issue(ctx, l.ID, "reports", provision.Requester{})
	must(t, err)
	x["credential"], x["user"] = string(over.ID), over.Name
	link, err := h.desk.MakeSetup(ctx, broker.Order{Mandate: everywhere(), Why: "why of " + name}, broker.NewSetup{Tenant: tenant})
	must(t, err)
	x["setup"] = string(link.Setup.ID)
	return x
}

// enter hands a lease to an app.
func (h *house) enter(l provision.Lease, app provision.AppID) {
	h.t.Helper()
	a, err := h.store.App(context.Background(), app)
	must(h.t, err)
	start := fmt.Sprintf("%064x", 1)
	code, err := h.broker.Enter(context.Background(), h.broker.Token(l.ID, origin(sso)), a.Origins[0], "/", start, provision.Requester{})
	must(h.t, err)
	_, _, err = h.broker.Redeem(context.Background(), code, start, a.Origins[0])
	must(h.t, err)
}

// marks are the words by which something of others is known.
func marks(others []things) (words []string) {
	for _, x := range others {
		for key, value := range x {
			if key != "version" && key != "office" {
				words = append(words, value)
			}
		}
		words = append(words, "The "+x["tenant"], "ada@"+x["domain"], "gone@"+x["domain"], "Name of "+x["tenant"], "why of "+x["tenant"], "token of "+x["tenant"], "hooks.example/"+x["tenant"])
	}
	return words
}

// stillThere wants every row of others as it was, and none about them that is not the caller's own.
func stillThere(t testing.TB, before, after, words []string) {
	t.Helper()
	about := func(row string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(row, word) })
	}
	for _, row := range before {
		if _, kept := slices.BinarySearch(after, row); about(row) && !kept {
			t.Errorf("a row of another tenant was changed, or is gone:\n%s", row)
		}
	}
	for _, row := range after {
		if _, old := slices.BinarySearch(before, row); about(row) && !old && !strings.Contains(row, `"Tenant":"acme"`) {
			t.Errorf("a row of another tenant was made, or changed:\n%s", row)
		}
	}
}

// TestNoTokenReadsGuessesOrChangesAnythingOfAnotherTenant walks every operation that the description names, with every scope.
func TestNoTokenReadsGuessesOrChangesAnythingOfAnotherTenant(t *testing.T) {
	h, own, others := town(t)
	ops, words := surface(t, h), marks(others)
	permits := []provision.Permit{provision.MayRead, provision.MayWrite}
	for _, kind := range provision.PermitKinds() {
		permits = append(permits, provision.Permit(kind+":read"), provision.Permit(kind+":write"))
	}
	before := h.rows()
	walk := func(method string, words []string) {
		for _, permit := range permits {
			token := h.token("acme", time.Hour, permit)
			for _, x := range ops {
				for n, other := range others {
					nobody := absent(n)
					calls, none := x.calls(t, own, other), x.calls(t, own, nobody)
					for i, c := range calls {
						if method == "" == (x.method == http.MethodGet) || method == "" && c.text == none[i].text {
							continue // of the other round; or nothing of others is in it
						}
						h.compare(token, c, none[i], other, nobody, words)
					}
				}
			}
		}
	}
	walk(http.MethodGet, words)
	walk("", words)
	claimed := func(word string) bool { // acme has claimed them itself, which anybody may, and nobody is told whose they are
		return slices.ContainsFunc(others, func(x things) bool { return word == x["domain"] || word == x["tenant"] })
	}
	walk(http.MethodGet, slices.DeleteFunc(slices.Clone(words), claimed))
	stillThere(t, before, h.rows(), words)
}

// compare wants the answer about something of others to be the answer about what is not there, with nothing in it that was
// not in the question.
func (h *house) compare(token string, c, none call, other, nobody things, words []string) {
	h.t.Helper()
	h.past += time.Second // of what is counted a minute, nothing is used up
	got, want := h.send(token, c, "*"), h.send(token, none, "*")
	if got.status != want.status || got.reason() != want.reason() {
		h.t.Errorf("%s %s is %d %s, and of what is not there %d %s\n%s", c.method, c.text, got.status, got.body, want.status, want.body, none.text)
	}
	if got.status >= 400 && named(got.body, other) != named(want.body, nobody) {
		h.t.Errorf("%s %s is answered\n%s\nand of what is not there\n%s", c.method, c.text, got.body, want.body)
	}
	for name := range got.header {
		if name != "X-Request-Id" && got.status >= 400 && !slices.Equal(got.header[name], want.header[name]) {
			h.t.Errorf("%s %s has the header %s: %q, and of what is not there %q", c.method, c.text, name, got.header[name], want.header[name])
		}
	}
	said := got.body + fmt.Sprint(got.header)
	for _, word := range words {
		if strings.Contains(said, word) && !strings.Contains(c.text, word) {
			h.t.Errorf("%s %s tells of %q:\n%s", c.method, c.text, word, got.body)
		}
	}
}

// named is a text with the things that it names by what they are, so that two may be compared that echo what they were asked.
func named(text string, x things) string {
	for _, key := range slices.SortedFunc(maps.Keys(x), func(a, b string) int { return len(x[b]) - len(x[a]) }) {
		if key != "version" && key != "office" {
			text = strings.ReplaceAll(text, x[key], "<"+key+">")
		}
	}
	return text
}

// TestEveryOperationIsReachedByWhoMay keeps the test above from passing because nothing is reached at all.
func TestEveryOperationIsReachedByWhoMay(t *testing.T) {
	h, own, others := town(t)
	ops := surface(t, h)
	everyone, rules := h.token("", time.Hour, provision.MayWrite), map[broker.Right]broker.RightRule{}
	for _, rule := range broker.Rights() {
		rules[rule.Right] = rule
	}
	reached := func(who string, token string, x op, of things) {
		t.Helper()
		c := x.calls(t, of, of)[0]
		a := h.send(token, c, "*")
		if a.status/100 != 2 && a.status != http.StatusConflict {
			t.Errorf("%s: %s %s is %d %s", who, c.method, c.text, a.status, a.body)
		}
		if a.status/100 == 2 && x.method == http.MethodGet && len(a.body) < 20 {
			t.Errorf("%s: %s is empty: %s", who, c.text, a.body)
		}
	}
	for _, x := range ops {
		if rules[x.right].Kind == "" {
			t.Errorf("%s wants the right %q, which nobody knows", x.id, x.right)
		}
		if rules[x.right].Write == (x.method == http.MethodGet) {
			t.Errorf("%s wants the right %q, and is a %s", x.id, x.right, x.method)
		}
		if !rules[x.right].Everywhere {
			reached("acme", h.token("acme", time.Hour, provision.MayWrite), x, own) // what a tenant's revocation ends, too
		}
		for _, other := range others {
			reached("an operator", everyone, x, other)
		}
	}
}

// TestATokenThatIsNotGoodIsToldNothing asks every operation with every token that is none.
func TestATokenThatIsNotGoodIsToldNothing(t *testing.T) {
	h, own, others := town(t)
	ctx, o := context.Background(), broker.Order{Mandate: everywhere()}
	expired, revoked, good := h.token("acme", time.Second, provision.MayWrite), "", h.token("acme", time.Hour, provision.MayWrite)
	x, revoked, err := h.desk.CreateToken(ctx, o, broker.NewToken{Tenant: "acme", Name: "x", Permits: []provision.Permit{provision.MayWrite}, Life: time.Hour})
	must(t, err)
	must(t, h.desk.RevokeToken(ctx, o, x.ID))
	h.past = 2 * time.Second
	before := h.rows()
	for _, c := range surface(t, h) {
		for _, token := range []string{"", "garbage", "lht_", expired, revoked, good[:len(good)-1] + "!", good + "a", strings.ToUpper(good)} {
			h.past += time.Second
			for _, of := range []things{own, others[0], absent(0)} {
				for _, call := range c.calls(t, of, of) {
					a := h.send(token, call, "*")
					if a.status != http.StatusUnauthorized || a.reason() != string(provision.TokenInvalid) || a.body != `{"title":"Unauthorized","status":401,"reason":"token_invalid"}`+"\n" {
						t.Fatalf("%s with %q is %d %s", call.text, token, a.status, a.body)
					}
				}
			}
		}
	}
	if after := h.rows(); !slices.Equal(before, after) {
		t.Error("something was written for somebody without a token")
	}
}

// TestAScopeIsAllThatATokenMay asks every operation with every narrow scope.
func TestAScopeIsAllThatATokenMay(t *testing.T) {
	h, _, _ := town(t)
	rules := map[broker.Right]broker.RightRule{}
	for _, rule := range broker.Rights() {
		rules[rule.Right] = rule
	}
	for _, kind := range provision.PermitKinds() {
		for _, what := range []string{"read", "write"} {
			permit := provision.Permit(kind + ":" + what)
			token := h.token("acme", time.Hour, permit)
			for _, x := range surface(t, h) {
				rule := rules[x.right]
				may := rule.Kind == kind && (!rule.Write || what == "write")
				h.past += time.Second
				calls := x.calls(t, absent(0), absent(0)) // of what is not there, so that nothing is done
				a := h.send(token, calls[0], "*")
				refused := a.status == http.StatusForbidden && a.reason() == string(provision.ScopeMissing)
				office := a.status == http.StatusForbidden && a.reason() == string(provision.OfficeMissing)
				if rule.Everywhere != office && !refused || !rule.Everywhere && may == refused {
					t.Errorf("%s with %s is %d %s", calls[0].text, permit, a.status, a.body)
				}
			}
		}
	}
}
