package broker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/idp/oidc/oidctest"
	"leasehold/provision"
)

const deployURL = "https://deploy.example.com"

// withWorkloads gives acme a trusted issuer, a rule that ada answers for, and two apps for it.
func withWorkloads(h *house) {
	h.oidc = oidctest.New(h.t)
	h.oidc.Now = h.clock.Now
	deploy, offPath := app("deploy-api", deployURL, "acme"), app("batch-api", "https://batch.example.com", "acme")
	deploy.Workloads, offPath.OffPath = true, true
	h.wanted.Apps = append(h.wanted.Apps, deploy, offPath)
	acme := &h.wanted.Tenants[0]
	acme.Connections = append(acme.Connections, broker.WantedConnection{Connection: provision.Connection{ID: "ci", Protocol: provision.Workloads, Issuer: h.oidc.URL}})
	p := &acme.Tenant.Policy
	p.Roles.Ceiling = append(p.Roles.Ceiling, "deployer")
	owner, err := provision.ParseEmail("ada@acme.test")
	if err != nil {
		h.t.Fatal(err)
	}
	p.Trust = []provision.TrustRule{{
		ID: "deploy", Connection: "ci", Subject: []string{"repository_id", "workflow"}, Grants: []string{"deploy-prod", "batch"}, Owner: owner,
		Match: map[string][]string{"repository_id": {"123456"}, "ref": {"refs/heads/main"}, "environment": {"production"}, "job_workflow_ref": {"acme/app/.github/workflows/*.yml@refs/heads/main"}},
	}}
	p.Grants = []provision.GrantRule{
		{ID: "deploy-prod", Apps: []provision.AppID{"deploy-api"}, Roles: []string{"deployer"}, NeedsTask: true},
		{ID: "batch", Apps: []provision.AppID{"batch-api"}, Roles: []string{"deployer"}},
	}
}

// newWorkloadHouse is a house whose rule is in force: its owner has an account.
func newWorkloadHouse(t testing.TB, change ...func(*house)) *house {
	h := newHouse(t, append([]func(*house){withWorkloads}, change...)...)
	h.login(ada())
	return h
}

// job is a token of the CI job that the rule is for, with claims that are said otherwise. Each has a name of its own.
func (h *house) job(other map[string]any) string {
	now := h.clock.Now()
	claims := map[string]any{
		"iss": h.oidc.URL, "aud": ssoURL + "/t/acme", "sub": "repo:acme/app:environment:production", "iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(), "jti": fmt.Sprintf("jti-%p-%d", h, h.drawn.Add(1)),
		"repository_id": "123456", "repository": "acme/app", "ref": "refs/heads/main", "environment": "production", "workflow": "release", "run_id": "4242",
		"job_workflow_ref": "acme/app/.github/workflows/release.yml@refs/heads/main",
	}
	maps.Copy(claims, other)
	for name, value := range claims {
		if value == nil {
			delete(claims, name)
		}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.oidc.Key.Sign(map[string]any{"alg": h.oidc.Key.Algorithm, "kid": h.oidc.Key.ID, "typ": "JWT"}, payload)
}

func (h *house) trade(change ...func(*broker.Trade)) broker.Trade {
	x := broker.Trade{Tenant: "acme", Token: h.job(nil), Rule: "deploy", Grant: "deploy-prod", Task: "4242", Requester: provision.Requester{IP: "192.0.2.9"}}
	for _, c := range change {
		c(&x)
	}
	return x
}

func (h *house) exchanged(change ...func(*broker.Trade)) broker.Traded {
	h.t.Helper()
	got, err := h.Exchange(context.Background(), h.trade(change...))
	if err != nil {
		h.t.Fatal(err)
	}
	return got
}

// reach asks the check of an app for a workload.
func (h *house) reach(handle, origin, path string) broker.Verdict {
	return h.Check(context.Background(), broker.Ask{Origin: origin, Path: path, Method: "POST", Handle: strings.TrimPrefix(handle, broker.HandlePrefix)})
}

func (h *house) wantReach(v broker.Verdict, reason provision.Reason) {
	h.t.Helper()
	if v.Reason != reason || v.Allow != (reason == "") {
		h.t.Fatalf("allowed %t for %q, want %q", v.Allow, v.Reason, reason)
	}
}

func (h *house) declined(x broker.Trade, reason provision.Reason, check string) {
	h.t.Helper()
	got, err := h.Exchange(context.Background(), x)
	denied := new(provision.DeniedError)
	if !errors.As(err, &denied) || denied.Reason != reason || denied.Check != check {
		h.t.Fatalf("got %v (check %q), want %s by %q", err, denied.Check, reason, check)
	}
	if got.Token != "" || got.Lease.ID != "" {
		h.t.Errorf("a refusal with a lease: %+v", got)
	}
}

func TestAJobDeploysForItsTaskAndNoLonger(t *testing.T) {
	h := newWorkloadHouse(t)
	got := h.exchanged()
	if !strings.HasPrefix(got.Token, "lh_") || got.Lease.Kind != provision.WorkloadLease || got.Left != 5*time.Minute || got.Latency != 0 {
		t.Fatalf("got %+v", got)
	}
	v := h.reach(got.Token, deployURL, "/release")
	h.wantReach(v, "")
	if v.Header["X-Leasehold-Roles"][0] != "deployer" || v.Header["X-Leasehold-User"][0] != string(got.Lease.Account) {
		t.Errorf("the app is told %v", v.Header)
	}
	ended, err := h.EndTask(context.Background(), "acme", "4242", got.Token, provision.Requester{})
	if err != nil || ended != 1 {
		t.Fatalf("%d ended, %v", ended, err)
	}
	h.wantReach(h.reach(got.Token, deployURL, "/release"), provision.LeaseEnded)
	l := h.lease(got.Lease.ID)
	if l.EndReason != provision.CauseTaskEnd {
		t.Errorf("it ended for %q", l.EndReason)
	}
	h.declined(h.trade(), provision.TaskEnded, "task goes on")
	if ended, err = h.EndTask(context.Background(), "acme", "4242", got.Token, provision.Requester{}); ended != 0 || err != nil {
		t.Errorf("said again, %d ended, %v", ended, err)
	}
}

func TestAJobThatSaysNoMoreIsDeadAtItsTTL(t *testing.T) {
	h := newWorkloadHouse(t)
	got := h.exchanged()
	h.clock.pass(5*time.Minute - time.Second)
	h.wantReach(h.reach(got.Token, deployURL, "/"), "")
	h.clock.pass(time.Second)
	h.wantReach(h.reach(got.Token, deployURL, "/"), provision.LeaseEnded)
	if _, err := h.Reap(context.Background()); err != nil {
		t.Fatal(err)
	}
	if l := h.lease(got.Lease.ID); l.EndReason != provision.CauseCeiling {
		t.Errorf("it ended for %q", l.EndReason)
	}
	if a := h.account(got.Lease.Account); a.State != provision.Dormant {
		t.Errorf("its account is %s", a.State)
	}
}

func TestEachThingWrongWithATokenHasAReasonOfItsOwn(t *testing.T) {
	h := newWorkloadHouse(t)
	with := func(name string, value any) broker.Trade {
		return h.trade(func(x *broker.Trade) { x.Token = h.job(map[string]any{name: value}) })
	}
	used := h.trade()
	if _, err := h.Exchange(context.Background(), used); err != nil {
		t.Fatal(err)
	}
	now := h.clock.Now()
	for _, c := range []struct {
		trade  broker.Trade
		reason provision.Reason
		check  string
	}{
		{with("ref", "refs/heads/evil"), provision.ClaimMismatch, "claim ref"},
		{with("environment", "staging"), provision.ClaimMismatch, "claim environment"},
		{with("environment", nil), provision.ClaimMissing, "claim environment"},
		{with("environment", []string{"production"}), provision.ClaimMissing, "claim environment"},
		{with("repository_id", "666"), provision.ClaimMismatch, "claim repository_id"},
		{with("job_workflow_ref", "acme/app/.github/workflows/a/b.yml@refs/heads/main"), provision.ClaimMismatch, "claim job_workflow_ref"},
		{with("workflow", nil), provision.SubjectMissing, "subject"},
		{with("aud", ssoURL+"/t/rival"), provision.AudienceMismatch, ""},
		{with("aud", []string{ssoURL + "/t/acme", "https://other.example"}), provision.AudienceMismatch, ""},
		{with("iss", "https://evil.example"), provision.IssuerMismatch, ""},
		{with("exp", now.Add(-time.Second).Unix()), provision.Expired, ""},
		{with("nbf", now.Add(time.Hour).Unix()), provision.NotYetValid, ""},
		{with("iat", now.Add(-12*time.Minute).Unix()), provision.TokenStale, "age of the token"},
		{used, provision.Replayed, "single use"},
		{h.trade(func(x *broker.Trade) { x.Token += "x" }), provision.DocumentMalformed, ""},
		{h.trade(func(x *broker.Trade) { x.Token = x.Token[:strings.LastIndex(x.Token, ".")] + "." }), provision.SignatureMissing, ""},
		{h.trade(func(x *broker.Trade) { x.Rule = "nobody" }), provision.RuleUnknown, "rule"},
		{h.trade(func(x *broker.Trade) { x.Grant = "root" }), provision.GrantRefused, "grant"},
		{h.trade(func(x *broker.Trade) { x.Grant = "" }), provision.GrantRefused, "grant"},
		{h.trade(func(x *broker.Trade) { x.Audience = []string{wikiURL} }), provision.AppNotGranted, "apps"},
		{h.trade(func(x *broker.Trade) { x.Resources = []string{"urn:secret"} }), provision.ResourceNotGranted, "resources"},
		{h.trade(func(x *broker.Trade) { x.Signed = true }), provision.AppNotGranted, "app takes it"},
		{h.trade(func(x *broker.Trade) { x.Grant = "batch" }), provision.AppNotGranted, "app takes it"},
		{h.trade(func(x *broker.Trade) { x.Task = "" }), provision.TaskMissing, "task"},
		{h.trade(func(x *broker.Trade) { x.Tenant = "nobody" }), provision.TenantUnknown, ""},
		{h.trade(func(x *broker.Trade) { x.Tenant = "rival" }), provision.IssuerMismatch, ""},
	} {
		h.declined(c.trade, c.reason, c.check)
	}
	h.exchanged(func(x *broker.Trade) { x.Task = "after" }) // and the honest one still gets in
}

func TestHoweverManyJobsRaceOneAccountIsMade(t *testing.T) {
	h := newWorkloadHouse(t)
	const jobs = 24
	var wait sync.WaitGroup
	accounts := make([]provision.AccountID, jobs)
	for i := range jobs {
		x := h.trade()
		wait.Go(func() {
			got, err := h.Exchange(context.Background(), x)
			if err != nil {
				t.Error(err)
			}
			accounts[i] = got.Lease.Account
		})
	}
	wait.Wait()
	for _, id := range accounts {
		if id != accounts[0] || id == "" {
			t.Fatalf("several accounts: %v", accounts)
		}
	}
	if ended, err := h.EndTask(context.Background(), "acme", "4242", h.exchanged().Token, provision.Requester{}); ended != jobs+1 || err != nil {
		t.Errorf("%d ended, %v", ended, err)
	}
}

func TestOneTokenIsExchangedOnceHoweverManyBringIt(t *testing.T) {
	h := newWorkloadHouse(t)
	x := h.trade()
	var wait sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 16 {
		wait.Go(func() {
			if _, err := h.Exchange(context.Background(), x); err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if won != 1 {
		t.Errorf("%d times", won)
	}
}

func TestARuleIsHeldWhileItsOwnerIsNotInForce(t *testing.T) {
	h := newWorkloadHouse(t)
	owner := h.login(ada()).Account
	if _, err := h.Account(context.Background(), operator(), owner, provision.SuspendAccount); err != nil {
		t.Fatal(err)
	}
	h.declined(h.trade(), provision.RuleHeld, "owner of the rule")
	if _, err := h.Account(context.Background(), operator(), owner, provision.ReleaseAccount); err != nil {
		t.Fatal(err)
	}
	h.exchanged()
}

func TestAHandleOpensWhatItWasGivenForAndNothingElse(t *testing.T) {
	h := newWorkloadHouse(t, policy(func(p *provision.Policy) {
		p.Grants[0].Resources = []string{deployURL + "/svc/web"}
	}), func(h *house) {
		other := app("other-api", "https://other.example.com", "acme")
		other.Workloads = true
		h.wanted.Apps = append(h.wanted.Apps, other)
	})
	h.declined(h.trade(func(x *broker.Trade) { x.Resources = []string{deployURL + "/svc/website"} }), provision.ResourceNotGranted, "resources")
	less := h.exchanged(func(x *broker.Trade) { x.Resources = []string{deployURL + "/svc/web/one"} })
	h.wantReach(h.reach(less.Token, deployURL, "/svc/web/one"), "")
	h.wantReach(h.reach(less.Token, deployURL, "/svc/web/two"), provision.ResourceNotGranted)
	got := h.exchanged()
	h.wantReach(h.reach(got.Token, deployURL, "/svc/web"), "")
	h.wantReach(h.reach(got.Token, deployURL, "/svc/web/restart"), "")
	h.wantReach(h.reach(got.Token, deployURL, "/svc/website"), provision.ResourceNotGranted)
	h.wantReach(h.reach(got.Token, deployURL, ""), provision.ResourceNotGranted)
	h.wantReach(h.reach(got.Token, "https://other.example.com", "/svc/web"), provision.AppNotGranted)
	h.wantReach(h.reach(got.Token, wikiURL, "/"), provision.SessionMissing) // takes no workloads: the bearer token is its own
	h.wantReach(h.reach(got.Token+"x", deployURL, "/svc/web"), provision.SessionMalformed)
	cookie := h.Token(got.Lease.ID, originOf(deployURL)) // even if somebody could make one
	h.wantReach(h.Check(context.Background(), broker.Ask{Origin: deployURL, Path: "/svc/web", Method: "GET", Token: cookie}), provision.SessionMalformed)
	person := h.login(ada())
	h.wantReach(h.reach(h.Token(person.ID, originOf(deployURL)), deployURL, "/svc/web"), provision.SessionMalformed)
}

func TestALeaseIsGivenBackByItsTokenOrItsName(t *testing.T) {
	h := newWorkloadHouse(t)
	ctx := context.Background()
	for _, name := range []func(broker.Traded) string{
		func(got broker.Traded) string { return got.Token }, func(got broker.Traded) string { return string(got.Lease.ID) },
	} {
		got := h.exchanged()
		h.wantReach(h.reach(string(got.Lease.ID), deployURL, "/"), provision.SessionMalformed) // the name ends, and opens nothing
		if err := h.GiveBack(ctx, "rival", name(got), provision.Requester{}); err != nil {
			t.Fatal(err)
		}
		h.wantReach(h.reach(got.Token, deployURL, "/"), "")
		if err := h.GiveBack(ctx, "acme", name(got), provision.Requester{}); err != nil {
			t.Fatal(err)
		}
		h.wantReach(h.reach(got.Token, deployURL, "/"), provision.LeaseEnded)
	}
	person := h.login(ada())
	if err := h.GiveBack(ctx, "acme", string(person.ID), provision.Requester{}); err != nil {
		t.Fatal(err)
	}
	if l := h.lease(person.ID); !l.EndedAt.IsZero() {
		t.Error("a person's session was ended by its name")
	}
}

func TestASignedTokenIsForAppsOffThePathAndSaysHowLongItMayBeTaken(t *testing.T) {
	h := newWorkloadHouse(t)
	got := h.exchanged(func(x *broker.Trade) { x.Grant, x.Signed = "batch", true })
	if got.Left > broker.AccessLife || got.Latency != got.Left || strings.HasPrefix(got.Token, "lh_") {
		t.Fatalf("got %+v", got)
	}
	if known, err := h.Introspect(context.Background(), "acme", got.Token, got.Token); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("a stranger learned %+v, %v", known, err)
	}
	if err := h.GiveBack(context.Background(), "acme", got.Token, provision.Requester{}); err != nil {
		t.Fatal(err)
	}
	if l := h.lease(got.Lease.ID); l.EndedAt.IsZero() {
		t.Error("it was not ended")
	}
}

func TestATokenIsKnownToWhoHoldsItWhileItsLeaseLives(t *testing.T) {
	h := newWorkloadHouse(t)
	got, ctx := h.exchanged(), context.Background()
	known, err := h.Introspect(ctx, "acme", got.Token, got.Token)
	if err != nil || !known.Active || known.Standing.Lease.ID != got.Lease.ID || known.Audience[0] != deployURL {
		t.Fatalf("%+v, %v", known, err)
	}
	if _, err := h.Introspect(ctx, "acme", got.Token, ""); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("nobody in particular was told: %v", err)
	}
	if known, err := h.Introspect(ctx, "rival", got.Token, got.Token); err != nil || known.Active {
		t.Errorf("another tenant was told %+v, %v", known, err)
	}
	if _, err := h.Account(ctx, operator(), got.Lease.Account, provision.RevokeAccount); err != nil {
		t.Fatal(err)
	}
	if known, err = h.Introspect(ctx, "acme", got.Token, got.Token); err != nil || known.Active {
		t.Errorf("after the end: %+v, %v", known, err)
	}
	h.declined(h.trade(), provision.AccountRevoked, "account not revoked")
}

func TestARuleThatIsTightenedEndsTheLeasesThatItWouldNotGiveAnyMore(t *testing.T) {
	for name, tighten := range map[string]func(*provision.Policy){
		"another branch": func(p *provision.Policy) { p.Trust[0].Match["ref"] = []string{"refs/heads/release"} },
		"no rule":        func(p *provision.Policy) { p.Trust = nil },
		"no grant":       func(p *provision.Policy) { p.Trust[0].Grants = []string{"batch"} },
		"no role":        func(p *provision.Policy) { p.Grants[0].Roles = nil },
		"another app":    func(p *provision.Policy) { p.Grants[0].Apps = []provision.AppID{"batch-api"} },
		"a resource":     func(p *provision.Policy) { p.Grants[0].Resources = []string{deployURL + "/x"} },
		"other hours": func(p *provision.Policy) {
			p.Grants[0].Hours = time.Now().Add(72*time.Hour).UTC().Format("Mon") + " 00:00-24:00 UTC"
		},
		"a purpose":  func(p *provision.Policy) { p.Grants[0].NeedsPurpose = true },
		"fewer uses": func(p *provision.Policy) { p.Grants[0].Uses = 3 },
	} {
		h := newWorkloadHouse(t)
		got := h.exchanged()
		tighten(&h.wanted.Tenants[0].Tenant.Policy)
		h.register(h.wanted)
		if err := h.Regate(context.Background()); err != nil {
			t.Fatal(err)
		}
		if l := h.lease(got.Lease.ID); l.EndReason != provision.CausePolicyTightened {
			t.Errorf("%s: it ended for %q", name, l.EndReason)
		}
	}
}

func TestHoursAndTasksThatAreWantedNowAreWantedOfLiveLeases(t *testing.T) {
	h := newWorkloadHouse(t)
	got, idle := h.exchanged(), h.exchanged(func(x *broker.Trade) { x.Grant, x.Task, x.Signed = "batch", "", true })
	until := h.clock.Now().UTC().Truncate(time.Minute).Add(2 * time.Minute)
	ahead := 12 - until.Hour() // of a zone where it is noon: no day ends meanwhile
	there := until.Add(time.Duration(ahead) * time.Hour)
	p := &h.wanted.Tenants[0].Tenant.Policy
	p.Grants[0].Hours, p.Grants[1].NeedsTask = there.Format("Mon")+" 00:00-"+there.Format("15:04")+" "+fmt.Sprintf("Etc/GMT%+d", -ahead), true
	h.register(h.wanted)
	if err := h.Regate(context.Background()); err != nil {
		t.Fatal(err)
	}
	if l := h.lease(got.Lease.ID); !l.EndedAt.IsZero() || !l.End.Equal(until) {
		t.Errorf("it ended for %q, or ends at %s and not at %s", l.EndReason, l.End, until)
	}
	if l := h.lease(idle.Lease.ID); l.EndReason != provision.CausePolicyTightened {
		t.Errorf("without a task it ended for %q", l.EndReason)
	}
}

func TestARuleThatStaysAsItIsEndsNothing(t *testing.T) {
	h := newWorkloadHouse(t)
	got := h.exchanged()
	h.wanted.Tenants[0].Tenant.Policy.Seats = 5
	h.register(h.wanted)
	if err := h.Regate(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.wantReach(h.reach(got.Token, deployURL, "/"), "")
}

func TestStrangersCannotFillTheAuditWithExchanges(t *testing.T) {
	h := newWorkloadHouse(t)
	before := len(h.events(""))
	for range 5 {
		h.declined(h.trade(func(x *broker.Trade) { x.Token = h.job(map[string]any{"repository_id": "666"}) }), provision.ClaimMismatch, "claim repository_id")
		h.declined(h.trade(func(x *broker.Trade) { x.Token += "x" }), provision.DocumentMalformed, "")
	}
	if after := len(h.events("")); after != before {
		t.Errorf("%d events came of it", after-before)
	}
}

func TestAnExplanationGivesNothingSpendsNothingAndIsAudited(t *testing.T) {
	h := newWorkloadHouse(t)
	ctx := context.Background()
	h.exchanged() // the account is known
	x := h.trade(func(x *broker.Trade) { x.Task, x.Audience = "", []string{wikiURL} })
	e, err := h.Explain(ctx, x)
	if err != nil {
		t.Fatal(err)
	}
	failed := map[string]provision.Reason{}
	for _, c := range e.Checks {
		if c.Reason != "" {
			failed[c.Of+"/"+c.Check] = c.Reason
		}
	}
	if e.Allowed || e.Reason != provision.AppNotGranted || failed["target/apps"] != provision.AppNotGranted || failed["context/task"] != provision.TaskMissing {
		t.Errorf("%+v", failed)
	}
	events := h.events("")
	if last := events[len(events)-1]; last.Kind != provision.EventExplained || last.Reason != string(provision.AppNotGranted) {
		t.Errorf("the last event is %+v", last)
	}
	x.Task, x.Audience = "4242", nil
	if e, err = h.Explain(ctx, x); err != nil || !e.Allowed {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := h.Exchange(ctx, x); err != nil {
		t.Errorf("the token was spent by asking: %v", err)
	}
}

func TestALeaseOfSoManyUsesLetsInThatOften(t *testing.T) {
	h := newWorkloadHouse(t, policy(func(p *provision.Policy) { p.Grants[0].Uses = 5 }))
	got := h.exchanged()
	h.wantReach(h.reach(got.Token, deployURL, "/"), "")
	var wait sync.WaitGroup
	var mu sync.Mutex
	allowed := 0
	for range 12 {
		wait.Go(func() {
			if v := h.reach(got.Token, deployURL, "/"); v.Allow {
				mu.Lock()
				allowed++
				mu.Unlock()
			} else if v.Reason != provision.LeaseEnded {
				t.Errorf("refused as %s", v.Reason)
			}
		})
	}
	wait.Wait()
	if l := h.lease(got.Lease.ID); allowed != 4 || l.EndReason != provision.CauseUsedUp {
		t.Errorf("let in %d times after the first, ended for %q", allowed, l.EndReason)
	}
}

func TestTheEndOfATaskIsHeededByEveryReplica(t *testing.T) {
	w := newTown(t, 2, withWorkloads)
	one, other := w.houses[0], w.houses[1]
	one.login(ada())
	got := one.exchanged()
	other.wantReach(other.reach(got.Token, deployURL, "/"), "")
	if ended, err := one.EndTask(context.Background(), "acme", "4242", got.Token, provision.Requester{}); ended != 1 || err != nil {
		t.Fatalf("%d ended, %v", ended, err)
	}
	other.wantReach(other.reach(got.Token, deployURL, "/"), provision.LeaseEnded)
	other.declined(other.trade(), provision.TaskEnded, "task goes on")
}

func TestWhoSavesAPolicyForPeopleKeepsTheRulesOfWorkloads(t *testing.T) {
	h, ctx := newWorkloadHouse(t), context.Background()
	if _, err := h.Register(ctx, operator(), h.wanted, broker.Plan{Owner: provision.ByAPI, Adopt: true}); err != nil {
		t.Fatal(err)
	}
	got := h.exchanged()
	p := h.policyNow()
	changed := p
	changed.Trust, changed.Grants, changed.Seats = nil, nil, 7 // as a form and a body have it
	impact, err := h.Rules(everywhere(), "acme").Try(ctx, changed, "")
	if err != nil || impact.Ended != 0 {
		t.Fatalf("it would end %d sessions, %v", impact.Ended, err)
	}
	if _, err := h.Rules(everywhere(), "acme").Save(ctx, changed, p.Version, "seats"); err != nil {
		t.Fatal(err)
	}
	if now := h.policyNow(); now.Seats != 7 || len(now.Trust) != 1 || len(now.Grants) != 2 {
		t.Errorf("%+v", now)
	}
	if err := h.Regate(ctx); err != nil {
		t.Fatal(err)
	}
	h.wantReach(h.reach(got.Token, deployURL, "/"), "")
}
