//go:build real

package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"leasehold/provision/postgres/postgrestest"
)

// roles are what a gateway tells the wiki about the holder of a cookie.
func (g *replicaProcess) roles(cookie string) string {
	t := g.fleet.t
	t.Helper()
	request, err := http.NewRequest("GET", "http://"+g.listen+"/_sso/check/nginx", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"X-Original-Url": {g.fleet.wiki + "/"}, "X-Original-Method": {"GET"}, "Cookie": {"__Host-lh-app=" + cookie}}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.Status + " " + response.Header.Get("X-Leasehold-Roles")
}

// TestARoleForAWhileInAFleet: an administrator asks at one gateway, somebody else approves at another, and a third one
// tells the app, from the next request on. At its end the next request lacks the role at each, and so does the one after it
// is ended early.
func TestARoleForAWhileInAFleet(t *testing.T) {
	server := postgrestest.Start(t, postgrestest.Options{NoSync: true})
	database := server.Database(t, "")
	f := newFleet(t, 3, berth{database: func(int) string { return database }})
	rules := strings.Replace(f.manifest(), "policy: {create: allow}", `policy:
    create: allow
    roles: {default: [engineer]}
    elevate:
    - {role: admin, who: {roles: [engineer]}, max: 10m, approvers: {roles: [engineer]}}
    - {role: auditor, who: {roles: [engineer]}, max: 10m, approve: policy}`, 1)
	asking, approving, third := f.gateways[0], f.gateways[1], f.gateways[2]
	if err := asking.admin("POST", "/apply", applyOrder{Files: []string{f.write("tenants.yaml", rules)}}, nil); err != nil {
		t.Fatal(err)
	}
	ada, lea := asking.browser(), approving.browser()
	cookie, err := f.logIn(ada, "ada")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.logIn(lea, "lea"); err != nil {
		t.Fatal(err)
	}
	everywhere := func(want string) {
		t.Helper()
		for _, g := range f.gateways {
			if got := g.roles(cookie); got != want {
				t.Errorf("gateway %d says %q, want %q", g.n, got, want)
			}
		}
	}
	say := func(browser *http.Client, path string, form url.Values) int {
		t.Helper()
		response, err := browser.PostForm(f.sso+path, form)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	requests := func() []elevationView {
		t.Helper()
		var found listed[elevationView]
		if err := third.admin("GET", "/api/v1/elevations?ended=true", nil, &found); err != nil {
			t.Fatal(err)
		}
		return found.Items
	}
	everywhere("200 OK engineer")
	if code := say(ada, "/elevate", url.Values{"role": {"admin"}, "minutes": {"0.2"}, "why": {"the disk of db1 is full"}}); code != http.StatusSeeOther {
		t.Fatalf("asked: %d", code)
	}
	asked := requests()
	if len(asked) != 1 || asked[0].Reason != "the disk of db1 is full" {
		t.Fatalf("the requests are %+v", asked)
	}
	everywhere("200 OK engineer")
	if code := say(ada, "/elevate/judge", url.Values{"request": {string(asked[0].ID)}, "answer": {"approve"}}); code != http.StatusForbidden {
		t.Errorf("by herself: %d", code)
	}
	everywhere("200 OK engineer")
	if code := say(lea, "/elevate/judge", url.Values{"request": {string(asked[0].ID)}, "answer": {"approve"}}); code != http.StatusSeeOther {
		t.Fatalf("approved: %d", code)
	}
	everywhere("200 OK admin,engineer")
	if code := say(ada, "/end", url.Values{"lease": {string(requests()[0].Lease)}}); code != http.StatusSeeOther {
		t.Fatalf("ended: %d", code)
	}
	everywhere("200 OK engineer")

	if code := say(ada, "/elevate", url.Values{"role": {"auditor"}, "minutes": {"0.1"}, "why": {"the quarter ends"}}); code != http.StatusSeeOther {
		t.Fatalf("by policy: %d", code)
	}
	everywhere("200 OK auditor,engineer")
	var end time.Time
	for _, e := range requests() {
		if e.Role == "auditor" {
			end = e.Decided.Add(6 * time.Second)
		}
	}
	for time.Now().Before(end.Add(-500 * time.Millisecond)) {
		everywhere("200 OK auditor,engineer")
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(time.Until(end) + 50*time.Millisecond) // their clocks differ by what an answer of the database takes
	everywhere("200 OK engineer")
}
