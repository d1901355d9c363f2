package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web"
)

func (g *fakeGate) Privileges(ctx context.Context, token string, o provision.Origin) (broker.Privileges, error) {
	s, err := g.Session(ctx, token, o)
	if err != nil {
		return broker.Privileges{}, err
	}
	g.desk.Standing, g.desk.Now = s, noon
	return g.desk, g.fails["Privileges"]
}

func (g *fakeGate) AskElevation(_ context.Context, _ string, _ provision.Origin, w broker.Wanting, from provision.Requester) (provision.Elevation, error) {
	g.wanted, g.from = append(g.wanted, w), from
	return provision.Elevation{}, g.fails["AskElevation"]
}

func (g *fakeGate) JudgeElevation(_ context.Context, _ string, _ provision.Origin, j broker.Judgement) (provision.Elevation, error) {
	g.judged = append(g.judged, j)
	return provision.Elevation{}, g.fails["JudgeElevation"]
}

// deskOfAda has one of everything.
func (g *fakeGate) deskOfAda() {
	bob, _ := provision.ParseEmail("bob@acme.test")
	g.desk = broker.Privileges{
		Rules: []provision.ElevationRule{
			{Role: "admin", Max: 15 * time.Minute, Approve: provision.ByApprover, Ticket: true}, {Role: "auditor", Max: time.Hour, Approve: provision.ByPolicy},
		},
		Live: []provision.Lease{{ID: "acme.elevated", Kind: provision.ElevationLease, Parent: "acme.lease1", Grant: provision.Grant{Roles: []string{"auditor"}}, Start: noon.Add(-20 * time.Second), End: noon.Add(9*time.Minute + 40*time.Second)}},
		Mine: []provision.Elevation{{ID: "elv_1", Role: "admin", For: 10 * time.Minute, Asked: noon, Expires: noon.Add(15 * time.Minute)}},
		ForMe: []broker.Petition{{
			Elevation: provision.Elevation{ID: "elv_2", Role: "admin", For: 5 * time.Minute, Asked: noon, Expires: noon.Add(15 * time.Minute), Said: provision.Said{Reason: "the disk of db1 is full <b>", Ticket: "OPS-7"}},
			Asker:     provision.Account{ID: "acc_2", Name: "Bob", Email: bob},
		}},
	}
	g.me.Leases = append(g.me.Leases, g.desk.Live[0])
}

func adaIn(t *testing.T) (*fakeGate, *jar) {
	g := newGate(t)
	b := newBrowser(t, g)
	b.cookies["sso.example.com"] = map[string]string{"__Host-lh": g.Token("acme.lease1", origin(t, sso)), "__Host-lh-browser": strings.Repeat("b", 43)}
	return g, b
}

func TestAskingForARoleSaysWhatAndWhy(t *testing.T) {
	g, b := adaIn(t)
	r := b.post(sso+"/elevate", url.Values{"role": {"admin"}, "minutes": {" 10 "}, "why": {" the disk is full "}, "ticket": {"OPS-7"}})
	want := broker.Wanting{Role: "admin", For: 10 * time.Minute, Said: provision.Said{Reason: "the disk is full", Ticket: "OPS-7"}}
	if r.StatusCode != http.StatusSeeOther || onward(t, r) != "/elevate" || len(g.wanted) != 1 || g.wanted[0] != want || g.from.IP != "203.0.113.9" {
		t.Errorf("%s, asked %+v by %+v", r.Status, g.wanted, g.from)
	}
	for _, minutes := range []string{"", "x", "-5", "1,5", "NaN", "1e9"} {
		b.post(sso+"/elevate", url.Values{"role": {"admin"}, "minutes": {minutes}})
		if last := g.wanted[len(g.wanted)-1]; last.For != 0 {
			t.Errorf("%q is %s", minutes, last.For)
		}
	}
	if r := b.do("POST", sso+"/elevate", url.Values{"role": {"admin"}}, "Sec-Fetch-Site", "cross-site"); r.StatusCode != http.StatusForbidden || len(g.wanted) != 7 {
		t.Errorf("another site's form: %s", r.Status)
	}
}

func TestARefusedRequestComesBackWithWhatWasWritten(t *testing.T) {
	g, b := adaIn(t)
	g.deskOfAda()
	g.fails["AskElevation"] = &provision.DeniedError{Reason: provision.TicketMissing, Ref: "evt_7"}
	r := b.post(sso+"/elevate", url.Values{"role": {"auditor"}, "minutes": {"7"}, "why": {"<script>"}})
	page := body(t, r)
	for _, want := range []string{"That role needs a ticket.", "evt_7", `value="auditor" selected`, `value="7"`, "&lt;script&gt;"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if r.StatusCode != http.StatusForbidden {
		t.Error(r.Status)
	}
}

func TestAnOldLoginLeadsToANewOneFirst(t *testing.T) {
	g, b := adaIn(t)
	g.fails["AskElevation"] = denied(provision.AuthTooOld)
	page := body(t, b.post(sso+"/elevate", url.Values{"role": {"admin"}, "minutes": {"7"}, "why": {"x"}}))
	if !strings.Contains(page, "First, sign in again") || !strings.Contains(page, "/login?another=1&amp;connection=acme-saml") {
		t.Error(page)
	}
}

func TestAWordOnARequestIsYesOrNo(t *testing.T) {
	g, b := adaIn(t)
	for answer, yes := range map[string]bool{"approve": true, "deny": false, "withdraw": false} {
		r := b.post(sso+"/elevate/judge", url.Values{"request": {"elv_2"}, "answer": {answer}})
		if last := g.judged[len(g.judged)-1]; last.Yes != yes || last.ID != "elv_2" || onward(t, r) != "/elevate" {
			t.Errorf("%s is %+v, %s", answer, last, r.Status)
		}
	}
	for _, answer := range []string{"", "yes", "Approve"} {
		if r := b.post(sso+"/elevate/judge", url.Values{"request": {"elv_2"}, "answer": {answer}}); r.StatusCode != http.StatusBadRequest || len(g.judged) != 3 {
			t.Errorf("%q: %s", answer, r.Status)
		}
	}
	g.fails["JudgeElevation"] = denied(provision.ApproverRefused)
	if r := b.post(sso+"/elevate/judge", url.Values{"request": {"elv_2"}, "answer": {"approve"}}); r.StatusCode != http.StatusForbidden || !strings.Contains(body(t, r), "You cannot decide on that request.") {
		t.Error(r.Status)
	}
}

func TestTheAccountPageCountsARoleDownAndListsItAsNoSession(t *testing.T) {
	g, b := adaIn(t)
	if r := b.get(sso + "/"); r.Header.Get("Refresh") != "" || strings.Contains(body(t, r), "Roles for a while") {
		t.Error("it speaks of roles for a while where there are none")
	}
	g.deskOfAda()
	r := b.get(sso + "/")
	page := body(t, r)
	for _, want := range []string{"auditor</strong>", "9 min 40 s left", `name="lease" value="acme.elevated"`, "Decide on what others ask for (1)"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if n := strings.Count(page, `value="acme.elevated"`); n != 1 || r.Header.Get("Refresh") != "10" {
		t.Errorf("it is there %d times, Refresh %q", n, r.Header.Get("Refresh"))
	}
}

func TestWithoutASessionThePageOfRolesIsTheLogin(t *testing.T) {
	b := newBrowser(t, newGate(t))
	if r := b.get(sso + "/elevate"); r.StatusCode != http.StatusSeeOther || onward(t, r) != "/login" {
		t.Error(r.Status)
	}
}

func TestAnAddressMayAskForOnlySoManyRoles(t *testing.T) {
	g := newGate(t)
	b := newBrowser(t, g, func(c *web.Config) { c.Attempts = web.Limit{N: 2, Per: time.Minute} })
	b.cookies["sso.example.com"] = map[string]string{"__Host-lh": g.Token("acme.lease1", origin(t, sso))}
	for i, want := range []int{http.StatusSeeOther, http.StatusSeeOther, http.StatusTooManyRequests} {
		path := []string{"/elevate", "/elevate/judge", "/elevate"}[i]
		if r := b.post(sso+path, url.Values{"role": {"admin"}, "answer": {"deny"}}); r.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, r.Status, want)
		}
	}
	if r := b.post(sso+"/elevate/judge", url.Values{"answer": {"deny"}}); r.StatusCode != http.StatusTooManyRequests || len(g.wanted) != 1 || len(g.judged) != 1 {
		t.Errorf("%s, asked %d, judged %d", r.Status, len(g.wanted), len(g.judged))
	}
}
