package broker_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"leasehold/broker"
	"leasehold/provision"
)

const (
	ticketsURL = "https://tickets.example.com"
	ticketA    = ticketsURL + "/tickets/A"
	ticketB    = ticketsURL + "/tickets/B"
)

// withAgents gives acme an agent, and an app of tickets for it.
func withAgents(h *house) {
	withWorkloads(h)
	tickets := app("tickets", ticketsURL, "acme")
	tickets.Workloads = true
	h.wanted.Apps = append(h.wanted.Apps, tickets)
	p := &h.wanted.Tenants[0].Tenant.Policy
	p.Roles.Ceiling = append(p.Roles.Ceiling, "auditor")
	rule := p.Trust[0]
	rule.ID, rule.Grants, rule.Agent = "helper", []string{"tickets"}, true
	p.Trust = append(p.Trust, rule)
	p.Grants = append(p.Grants, provision.GrantRule{
		ID: "tickets", Apps: []provision.AppID{"tickets"}, Roles: []string{"auditor", "engineer"}, Resources: []string{ticketsURL + "/tickets/*"}, MaxTTL: 10 * time.Minute,
	})
}

// newAgentHouse is a house with an agent's rule, and with ada logged in.
func newAgentHouse(t testing.TB, change ...func(*house)) (*house, provision.Lease) {
	h := newHouse(t, append([]func(*house){withAgents}, change...)...)
	return h, h.login(ada())
}

// commissions makes a code for ticket A in a session.
func (h *house) commissions(l provision.Lease, change ...func(*provision.Commissioning)) (broker.Commissioned, error) {
	w := provision.Commissioning{Rule: "helper", Resource: ticketA, For: 5 * time.Minute}
	for _, c := range change {
		c(&w)
	}
	return h.Commission(context.Background(), h.sso(l), originOf(ssoURL), w, provision.Requester{IP: "192.0.2.7"})
}

func (h *house) code(l provision.Lease) string {
	h.t.Helper()
	made, err := h.commissions(l)
	if err != nil || !strings.HasPrefix(made.Code, "lhc_") {
		h.t.Fatalf("no code: %+v, %v", made, err)
	}
	return made.Code
}

// deputed is an exchange of a code by the agent that the rule is for.
func (h *house) deputed(code string, change ...func(*broker.Trade)) broker.Trade {
	return h.trade(append([]func(*broker.Trade){func(x *broker.Trade) { x.Code, x.Rule, x.Grant = code, "", "" }}, change...)...)
}

// agent is a handle of an agent of a session.
func (h *house) agent(l provision.Lease) broker.Traded {
	h.t.Helper()
	got, err := h.Exchange(context.Background(), h.deputed(h.code(l)))
	if err != nil {
		h.t.Fatal(err)
	}
	return got
}

type saidOfAgent struct {
	Subject string `json:"sub"`
	Act     struct {
		Subject string `json:"sub"`
	} `json:"act"`
	Roles     []string `json:"roles"`
	Resources []string `json:"resources"`
}

func readAgent(t testing.TB, token string) (said saidOfAgent) {
	t.Helper()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err == nil {
		err = parsed.UnsafeClaimsWithoutVerification(&said)
	}
	if err != nil {
		t.Fatal(err)
	}
	return said
}

func TestAnAgentActsForItsPersonAtOneTicketUntilSheLogsOut(t *testing.T) {
	h, hers := newAgentHouse(t)
	ctx := context.Background()
	got := h.agent(hers)
	v := h.reach(got.Token, ticketsURL, "/tickets/A/comments")
	h.wantReach(v, "")
	said := readAgent(t, v.Header["X-Leasehold-Assertion"][0])
	agent := string(got.Lease.Agent.Account)
	if said.Subject != string(hers.Account) || said.Act.Subject != agent || agent == "" || !slices.Equal(said.Roles, []string{"engineer"}) || !slices.Equal(said.Resources, []string{ticketA}) {
		t.Errorf("the assertion says %+v", said)
	}
	if a := h.account(got.Lease.Agent.Account); a.State != provision.Dormant || a.Name != "helper" || !a.Email.IsZero() {
		t.Errorf("the agent's account is %+v", a)
	}
	h.wantReach(h.reach(got.Token, ticketsURL, "/tickets/B"), provision.ResourceNotGranted)
	h.wantReach(h.reach(got.Token, ticketsURL, "/tickets/AB"), provision.ResourceNotGranted)
	h.wantReach(h.reach(got.Token, deployURL, "/tickets/A"), provision.AppNotGranted)
	h.wantReach(h.reach(got.Token, wikiURL, "/tickets/A"), provision.SessionMissing)
	h.wantReason(strings.TrimPrefix(got.Token, broker.HandlePrefix), provision.SessionMalformed)
	known, err := h.Introspect(ctx, "acme", got.Token, got.Token)
	if err != nil || !known.Active || known.Standing.Lease.Agent.Account != got.Lease.Agent.Account || !slices.Equal(known.Standing.Roles(), []string{"engineer"}) {
		t.Errorf("an introspection says %+v, %v", known, err)
	}
	h.restart()
	h.wantReach(h.reach(got.Token, ticketsURL, "/tickets/A"), "")
	if err := h.Logout(ctx, h.sso(hers), originOf(ssoURL), provision.Requester{}); err != nil {
		t.Fatal(err)
	}
	h.wantReach(h.reach(got.Token, ticketsURL, "/tickets/A"), provision.LeaseEnded)
	if l := h.lease(got.Lease.ID); l.EndReason != provision.CauseParentEnded {
		t.Errorf("it ended for %q", l.EndReason)
	}
}

func TestASignedTokenOfAnAgentSaysForWhomItActs(t *testing.T) {
	h, hers := newAgentHouse(t, func(h *house) {
		for i := range h.wanted.Apps {
			h.wanted.Apps[i].OffPath = h.wanted.Apps[i].ID == "tickets"
		}
	})
	got, err := h.Exchange(context.Background(), h.deputed(h.code(hers), func(x *broker.Trade) { x.Signed = true }))
	if err != nil {
		t.Fatal(err)
	}
	said := readAgent(t, got.Token)
	if said.Subject != string(hers.Account) || said.Act.Subject != string(got.Lease.Agent.Account) || !slices.Equal(said.Resources, []string{ticketA}) {
		t.Errorf("it says %+v", said)
	}
	h.declined(h.trade(func(x *broker.Trade) { x.Token = got.Token }), provision.NotExchangeable, "")
}

// TestAnAgentEndsWithEachThingThatItHangsOn plays each end: the check that begins after it is refused, and the row follows.
func TestAnAgentEndsWithEachThingThatItHangsOn(t *testing.T) {
	ctx := context.Background()
	account := func(verb func(provision.State, provision.Act) (provision.Change, error), whose func(broker.Traded) provision.AccountID) func(*house, provision.Lease, broker.Traded) error {
		return func(h *house, _ provision.Lease, got broker.Traded) error {
			_, err := h.Account(ctx, operator(), whose(got), verb)
			return err
		}
	}
	person := func(got broker.Traded) provision.AccountID { return got.Lease.Account }
	agent := func(got broker.Traded) provision.AccountID { return got.Lease.Agent.Account }
	revoke := func(s provision.Scope) func(*house, provision.Lease, broker.Traded) error {
		return func(h *house, _ provision.Lease, _ broker.Traded) error {
			_, err := h.Revoke(ctx, operator(), s, provision.CauseAdmin)
			return err
		}
	}
	for name, end := range map[string]func(*house, provision.Lease, broker.Traded) error{
		"the person is suspended": account(provision.SuspendAccount, person),
		"the person is revoked":   account(provision.RevokeAccount, person),
		"the person is ended":     account(provision.EndAccount, person),
		"the person is deleted":   account(provision.DeleteAccount, person),
		"the agent is suspended":  account(provision.SuspendAccount, agent),
		"the agent is revoked":    account(provision.RevokeAccount, agent),
		"the agent is deleted":    account(provision.DeleteAccount, agent),
		"its issuer is revoked":   revoke(provision.Scope{Connection: "ci"}),
		"her provider is revoked": revoke(provision.Scope{Connection: "acme"}),
		"her domain is revoked":   revoke(provision.Scope{Domain: domain("acme.test")}),
		"the tenant is revoked":   revoke(provision.Scope{Tenant: "acme"}),
		"she ends it": func(h *house, hers provision.Lease, got broker.Traded) error {
			return h.EndLease(ctx, h.sso(hers), originOf(ssoURL), got.Lease.ID, provision.Requester{})
		},
		"she logs in anew": func(h *house, hers provision.Lease, _ broker.Traded) error {
			_, err := h.loginIn("another", ada(), h.sso(hers))
			return err
		},
		"its task ends": func(h *house, _ provision.Lease, got broker.Traded) error {
			n, err := h.EndTask(ctx, "acme", "4242", string(got.Lease.ID), provision.Requester{})
			if err == nil && n != 1 {
				return errors.New("nothing ended")
			}
			return err
		},
		"it gives it back": func(h *house, _ provision.Lease, got broker.Traded) error {
			return h.GiveBack(ctx, "acme", got.Token, provision.Requester{})
		},
		"its time": func(h *house, _ provision.Lease, _ broker.Traded) error { h.clock.pass(5 * time.Minute); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, hers := newAgentHouse(t)
			got := h.agent(hers)
			h.wantReach(h.reach(got.Token, ticketsURL, "/tickets/A"), "")
			if err := end(h, hers, got); err != nil {
				t.Fatal(err)
			}
			if v := h.reach(got.Token, ticketsURL, "/tickets/A"); v.Allow {
				t.Fatal("the next check lets it in")
			}
			if _, err := h.Reap(ctx); err != nil {
				t.Fatal(err)
			}
			if err := h.Regate(ctx); err != nil {
				t.Fatal(err)
			}
			if l := h.lease(got.Lease.ID); l.EndedAt.IsZero() {
				t.Error("its row goes on")
			}
			if n := len(slices.DeleteFunc(h.events(provision.EventLeaseEnded), func(e provision.Event) bool { return e.Lease.ID != got.Lease.ID })); n != 1 {
				t.Errorf("%d events of its end", n)
			}
			h.restart()
			if v := h.reach(got.Token, ticketsURL, "/tickets/A"); v.Allow {
				t.Error("after a restart it is let in")
			}
		})
	}
}

func TestACodeIsExchangedOnceHoweverManyBringIt(t *testing.T) {
	h, hers := newAgentHouse(t)
	code := h.code(hers)
	h.restart()
	const crowd = 100
	errs := make([]error, crowd)
	var wait sync.WaitGroup
	for i := range crowd {
		x := h.deputed(code)
		wait.Go(func() { _, errs[i] = h.Exchange(context.Background(), x) })
	}
	wait.Wait()
	won := 0
	for _, err := range errs {
		denied := new(provision.DeniedError)
		switch {
		case err == nil:
			won++
		case !errors.As(err, &denied) || denied.Reason != provision.CodeUsed || denied.Ref == "":
			t.Errorf("refused with %v", err)
		}
	}
	live := 0
	_, _, leases, err := h.store.Account(context.Background(), hers.Account)
	for _, l := range leases {
		if l.Kind != provision.SessionLease {
			live++
		}
	}
	if won != 1 || live != 1 || err != nil {
		t.Errorf("%d exchanges gave %d leases, %v", won, live, err)
	}
	h.restart()
	h.declined(h.deputed(code), provision.CodeUsed, "code used once")
}

func TestEachThingWrongWithACodeHasAReasonAndAnEventOfItsOwn(t *testing.T) {
	h, hers := newAgentHouse(t)
	got := h.agent(hers)
	ctx := context.Background()
	code := h.code(hers)
	by := func(change func(*broker.Trade)) broker.Trade { return h.deputed(code, change) }
	for name, c := range map[string]struct {
		trade  broker.Trade
		reason provision.Reason
		check  string
	}{
		"forged":                {h.deputed(code[:len(code)-3] + "AAA"), provision.CodeUnknown, ""},
		"cut":                   {h.deputed(code[:20]), provision.CodeUnknown, ""},
		"a session's cookie":    {h.deputed("lhc_" + h.sso(hers)), provision.CodeUnknown, ""},
		"a handle":              {h.deputed(got.Token), provision.NotExchangeable, ""},
		"a handle as the agent": {by(func(x *broker.Trade) { x.Token = got.Token }), provision.NotExchangeable, ""},
		"a handle by itself":    {h.trade(func(x *broker.Trade) { x.Token = got.Token }), provision.NotExchangeable, ""},
		"a handle for a code":   {h.deputed("lhc_" + strings.TrimPrefix(got.Token, "lh_")), provision.CodeUnknown, ""},
		"no agent":              {by(func(x *broker.Trade) { x.Token = "" }), provision.AgentIncomplete, ""},
		"no code":               {h.trade(func(x *broker.Trade) { x.Rule, x.Grant = "helper", "tickets" }), provision.AgentIncomplete, "code and token"},
		"another agent":         {by(func(x *broker.Trade) { x.Token = h.job(map[string]any{"environment": "staging"}) }), provision.ClaimMismatch, "claim environment"},
		"another issuer":        {by(func(x *broker.Trade) { x.Token = h.job(map[string]any{"iss": "https://evil.example"}) }), provision.IssuerMismatch, ""},
		"a forged agent":        {by(func(x *broker.Trade) { x.Token = x.Token[:len(x.Token)-6] + "AAAAAA" }), provision.SignatureInvalid, ""},
		"another rule":          {by(func(x *broker.Trade) { x.Rule = "deploy" }), provision.CodeOfOtherRule, "rule of the code"},
		"another tenant":        {by(func(x *broker.Trade) { x.Tenant = "rival" }), provision.CodeForeign, ""},
		"another grant":         {by(func(x *broker.Trade) { x.Grant = "batch" }), provision.GrantRefused, "grant"},
		"another ticket":        {by(func(x *broker.Trade) { x.Resources = []string{ticketB} }), provision.ResourceNotGranted, "resource of the code"},
		"all tickets":           {by(func(x *broker.Trade) { x.Resources = []string{ticketsURL + "/tickets/*"} }), provision.ResourceNotGranted, "resource of the code"},
		"another app":           {by(func(x *broker.Trade) { x.Audience = []string{deployURL} }), provision.AppNotGranted, "apps"},
	} {
		before := len(h.events(provision.EventExchange))
		h.declined(c.trade, c.reason, c.check)
		h.stop()
		counted := h.count(provision.EventExchangeProtocol, string(c.reason)) > 0
		if own := len(h.events(provision.EventExchange)) - before; own != map[bool]int{true: 1}[c.check != ""] || own == 0 && !counted {
			t.Errorf("%s: %d events, counted %t", name, own, counted)
		}
	}
	narrower := by(func(x *broker.Trade) { x.Resources = []string{ticketA + "/comments"} })
	last, err := h.Exchange(ctx, narrower) // none of that used it up, and it may be narrowed
	if err != nil || !slices.Equal(last.Lease.Grant.Resources, []string{ticketA + "/comments"}) {
		t.Fatalf("%+v, %v", last.Lease.Grant, err)
	}
	h.declined(h.deputed(code), provision.CodeUsed, "code used once")
	late := h.code(hers)
	h.clock.pass(provision.CommissionLife)
	h.declined(h.deputed(late), provision.CodeExpired, "code in time")
	h.reap()
	h.declined(h.deputed(late), provision.CodeExpired, "code in time")
	gone := h.code(hers)
	if err := h.Logout(ctx, h.sso(hers), originOf(ssoURL), provision.Requester{}); err != nil {
		t.Fatal(err)
	}
	h.declined(h.deputed(gone), provision.CodeOver, "person's session")
	for _, e := range h.events(provision.EventExchange) {
		if e.Reason == string(provision.CodeOver) && !slices.Contains(e.Changes, "for account "+string(hers.Account)) {
			t.Errorf("the event does not say for whom: %+v", e)
		}
	}
}

func TestACodeOfAPersonWhoIsOutOfTheConditionIsNotExchanged(t *testing.T) {
	h, hers := newAgentHouse(t)
	code := h.code(hers)
	h.wanted.Tenants[0].Tenant.Policy.When = `request.ip == "203.0.113.1"`
	h.register(h.wanted)
	h.declined(h.deputed(code), provision.CodeOver, "person's session")
	if _, err := h.commissions(hers); err == nil {
		t.Error("she commissions another")
	}
}

func TestAnAgentIsNotRenewedWhateverItsGrantSays(t *testing.T) {
	h, hers := newAgentHouse(t, policy(func(p *provision.Policy) { p.Grants[len(p.Grants)-1].Renewals = 2 }))
	got := h.agent(hers)
	if !got.Lease.Term.IsZero() || got.Lease.End.Sub(got.Lease.Start) > 5*time.Minute {
		t.Errorf("it goes on until %s", got.Lease.End)
	}
	h.clock.pass(time.Minute)
	_, err := h.renewed(got.Token)
	h.wantDenied("an agent's", err, provision.NotExchangeable)
}

func TestNothingOfACodeIsKept(t *testing.T) {
	h, hers := newAgentHouse(t)
	code := h.code(hers)
	h.declined(h.deputed(code, func(x *broker.Trade) { x.Resources = []string{ticketB} }), provision.ResourceNotGranted, "resource of the code")
	h.stop()
	files, err := filepath.Glob(h.path + "*")
	kept := ""
	for _, file := range files {
		content, fault := os.ReadFile(file)
		err = errors.Join(err, fault)
		kept += string(content)
	}
	id := string(h.events(provision.EventAgent)[0].Lease.ID)
	if err != nil || !strings.Contains(kept, id) || strings.Contains(kept, code[20:]) {
		t.Errorf("its lease is there: %t, the code: %t, %v", strings.Contains(kept, id), strings.Contains(kept, code[20:]), err)
	}
}

func TestARefusedCommissionIsInTheAuditAndOpensNothing(t *testing.T) {
	h, hers := newAgentHouse(t)
	for reason, change := range map[provision.Reason]func(*provision.Commissioning){
		provision.RuleUnknown:        func(w *provision.Commissioning) { w.Rule = "deploy" },
		provision.ResourceNotGranted: func(w *provision.Commissioning) { w.Resource = ticketsURL + "/admin" },
		provision.AppNotGranted:      func(w *provision.Commissioning) { w.Resource = wikiURL + "/tickets/A" },
		provision.AgentTooLong:       func(w *provision.Commissioning) { w.For = time.Hour },
	} {
		made, err := h.commissions(hers, change)
		denied := new(provision.DeniedError)
		if !errors.As(err, &denied) || denied.Reason != reason || made.Code != "" {
			t.Errorf("%+v, %v, want %s", made, err, reason)
			continue
		}
		if !slices.ContainsFunc(h.events(provision.EventAgent), func(e provision.Event) bool {
			return e.Ref() == denied.Ref && e.Account == hers.Account && e.Outcome == "refused"
		}) {
			t.Errorf("%s: no event", reason)
		}
	}
	for range provision.MaxAgents {
		h.code(hers)
	}
	if _, err := h.commissions(hers); err == nil {
		t.Error("one more than anybody may have")
	}
}

func TestRolesForAWhileAreNotAnAgents(t *testing.T) {
	h, hers := newAgentHouse(t, policy(func(p *provision.Policy) {
		p.Elevate = []provision.ElevationRule{{Role: "auditor", Who: provision.Circle{Roles: []string{"engineer"}}, Max: 10 * time.Minute, Approve: provision.ByPolicy}}
	}))
	if _, err := h.wants(hers, wanting("auditor")); err != nil {
		t.Fatal(err)
	}
	got := h.agent(hers)
	if v := h.reach(got.Token, ticketsURL, "/tickets/A"); !slices.Equal(v.Header["X-Leasehold-Roles"], []string{"engineer"}) {
		t.Errorf("the app is told %v", v.Header["X-Leasehold-Roles"])
	}
}

func TestAnExplanationOfACodeSaysWhatWouldComeAndUsesNothingUp(t *testing.T) {
	h, hers := newAgentHouse(t)
	code := h.code(hers)
	for want, resource := range map[provision.Reason]string{"": ticketA, provision.ResourceNotGranted: ticketB} {
		said, err := h.Explain(context.Background(), h.deputed(code, func(x *broker.Trade) { x.Resources = []string{resource} }))
		if err != nil || said.Reason != want || said.Allowed != (want == "") {
			t.Errorf("%s: %+v, %v", resource, said, err)
		}
	}
	if _, err := h.Exchange(context.Background(), h.deputed(code)); err != nil {
		t.Fatal(err)
	}
}

func TestAnAgentThatIsTakenAwayIsRefusedByEveryReplica(t *testing.T) {
	for name, whose := range map[string]func(provision.Lease) provision.AccountID{
		"the agent":  func(l provision.Lease) provision.AccountID { return l.Agent.Account },
		"the person": func(l provision.Lease) provision.AccountID { return l.Account },
	} {
		w := newTown(t, 2, withAgents)
		one, other := w.houses[0], w.houses[1]
		got, err := other.Exchange(context.Background(), other.deputed(one.code(one.login(ada()))))
		if err != nil {
			t.Fatal(err)
		}
		other.wantReach(other.reach(got.Token, ticketsURL, "/tickets/A"), "")
		if _, err := one.Account(context.Background(), operator(), whose(got.Lease), provision.SuspendAccount); err != nil {
			t.Fatal(err)
		}
		if v := other.reach(got.Token, ticketsURL, "/tickets/A"); v.Allow {
			t.Errorf("%s is suspended, and let in", name)
		}
	}
}
