package provision_test

import (
	"slices"
	"testing"
	"time"

	"leasehold/provision"
)

const ticketA, ticketB = "https://tickets.example.com/tickets/A", "https://tickets.example.com/tickets/B"

// commissioner is ada's, who is an engineer and an auditor, with an agent's rule for her.
func commissioner(t testing.TB) (provision.State, provision.Act) {
	s := errand(t)
	p := &s.State.Tenant.Policy
	p.Create, p.Roles.Ceiling = provision.CreateAllow, []string{"agent", "auditor", "engineer"}
	p.Trust = append(p.Trust, provision.TrustRule{
		ID: "helper", Connection: "ci", Subject: []string{"workflow", "repository_id"}, Grants: []string{"tickets"}, Owner: email(t, "ada@acme.test"), Match: map[string][]string{"repository_id": {"123456"}}, Agent: true,
	})
	p.Grants = append(p.Grants, provision.GrantRule{
		ID: "tickets", Apps: []provision.AppID{"tickets"}, Roles: []string{"agent", "engineer"}, Resources: []string{"https://tickets.example.com/tickets/*"}, MaxTTL: 10 * time.Minute, Concurrent: 1,
	})
	ada := provision.Account{ID: "acc_ada", Tenant: "acme", State: provision.Active, Email: email(t, "ada@acme.test"), Key: []byte("key"), Generation: 4}
	okta := provision.Connection{ID: "okta", Tenant: "acme", Protocol: provision.OIDC, Domains: []provision.Domain{domain(t, "acme.test")}, Generation: 2}
	claim := provision.Claim{Tenant: "acme", Domain: domain(t, "acme.test"), State: provision.ClaimVerified, Generation: 3}
	former := provision.Standing{Account: ada, Tenant: s.State.Tenant, Connection: okta, Claim: claim, Installation: s.State.Installation}
	former.Lease = provision.Lease{
		ID: "acme.session", Kind: provision.SessionLease, Tenant: "acme", Account: ada.ID, Connection: "okta", Domain: claim.Domain, Grant: provision.Grant{Roles: []string{"auditor", "engineer"}},
		Authn: provision.Authn{At: noon()}, Start: noon(), End: noon().Add(8 * time.Hour), Ceiling: provision.CauseCeiling, Seen: noon(),
		Generations: provision.Generations{Installation: former.Installation, Tenant: s.State.Tenant.Generation, Connection: 2, Domain: 3, Account: 4},
	}
	tickets := provision.App{ID: "tickets", Origins: []provision.Origin{origin(t, "https://tickets.example.com")}, Tenants: []provision.TenantID{"acme"}, Workloads: true}
	st := provision.State{
		Installation: s.State.Installation, Tenant: s.State.Tenant, Former: former, FormerLeases: []provision.Lease{former.Lease}, EmailHolder: ada, Apps: []provision.App{tickets},
	}
	return st, provision.Act{Actor: provision.Actor{Kind: provision.Person, ID: "acc_ada", Via: "web"}, IDs: ids("c"), Now: noon()}
}

func origin(t testing.TB, s string) provision.Origin {
	o, err := provision.ParseOrigin(s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func wish() provision.Commissioning {
	return provision.Commissioning{Rule: "helper", Resource: ticketA, For: 4 * time.Minute}
}

// behalf is the exchange of ada's code by her agent, for the first time.
func behalf(t testing.TB) scene {
	st, a := commissioner(t)
	made := provision.Commission(st, wish(), a)
	if made.Reason != "" {
		t.Fatalf("no commission: %s", made.Reason)
	}
	s := errand(t)
	s.State.Tenant, s.State.Apps, s.State.EmailHolder = st.Tenant, st.Apps, st.EmailHolder
	s.State.Intended = st.Former
	s.State.Intended.Lease, s.State.Intended.Ancestors = made.Lease, []provision.Lease{st.Former.Lease}
	s.State.IntendedLeases = []provision.Lease{made.Lease, st.Former.Lease}
	s.Request.Intent, s.Request.App, s.Request.Apps = provision.Intent{Account: "acc_ada", Lease: made.Lease.ID}, "tickets", []provision.AppID{"tickets"}
	s.Request.Errand = provision.Errand{Rule: "helper", Grant: "tickets", Audience: []provision.AppID{"tickets"}, Resources: []string{ticketA}, Task: "4242", Agent: true}
	return s
}

// acting is how the lease of a decision stands.
func acting(s scene, d provision.Decision) provision.Standing {
	st := s.State.Intended
	st.Lease = d.Lease
	st.Agent = provision.Acting{Account: d.Account, Connection: s.State.Connection}
	return st
}

func TestAnAgentIsGivenWhatItsPersonItsRuleAndItsErrandHaveInCommon(t *testing.T) {
	s := behalf(t)
	d := provision.Decide(s.State, s.Request, ids("1"), s.Now)
	l := d.Lease
	if !d.Allowed() || d.Outcome != provision.Created || d.Account.State != provision.Dormant {
		t.Fatalf("%s %s by %q", d.Outcome, d.Reason, d.Check)
	}
	session := s.State.Intended.Ancestors[0]
	if l.Kind != provision.AgentLease || l.Account != "acc_ada" || l.Parent != session.ID || l.Agent.Account != d.Account.ID || l.Agent.Connection != "ci" || l.Connection != "okta" || !l.End.Equal(noon().Add(4*time.Minute)) {
		t.Errorf("the lease is %+v", l)
	}
	if !slices.Equal(l.Grant.Roles, []string{"engineer"}) || !slices.Equal(l.Grant.Resources, []string{ticketA}) || !slices.Equal(l.Grant.Audience, []provision.AppID{"tickets"}) {
		t.Errorf("it gives %+v", l.Grant)
	}
	standing := acting(s, d)
	if standing.Refuses(s.Now) != "" || standing.Refuses(l.End) == "" {
		t.Errorf("now %q, at its end %q", standing.Refuses(s.Now), standing.Refuses(l.End))
	}
	if kept, cause := provision.Regate(standing, s.Now); cause != "" || !kept.End.Equal(l.End) {
		t.Errorf("judged again, it ends for %q at %s", cause, kept.End)
	}
	c := d.Change
	for _, fault := range changeFaults(accountsOf(s.State), leasesOf(s.State), c, s.Now) {
		t.Error(fault)
	}
	used := slices.ContainsFunc(c.Leases, func(x provision.Lease) bool {
		return x.ID == s.Request.Intent.Lease && x.EndReason == provision.CauseUsedUp && x.EndedAt.Equal(s.Now)
	})
	if !used || len(c.Leases) != 2 || len(c.Accounts) != 1 || len(c.Links) != 1 || len(c.Entries) != 1 || len(c.Spent) != 1 {
		t.Errorf("it writes %+v", c)
	}
	if got := eventsOf(c, provision.EventExchange); len(got) != 1 || got[0].Account != d.Account.ID || got[0].Actor.ID != string(d.Account.ID) || !slices.Contains(got[0].Changes, "for account acc_ada") {
		t.Errorf("the exchange is %+v", got)
	}
	if got := eventsOf(c, provision.EventAgent); len(got) != 1 || got[0].Account != "acc_ada" || got[0].Outcome != "began" || got[0].Lease.ID != l.ID || !slices.Contains(got[0].Changes, "agent "+string(d.Account.ID)) {
		t.Errorf("the person's event is %+v", got)
	}
}

func TestOneThingWrongWithAnExchangeOnBehalfOfAPersonIsARefusalWithItsReason(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*scene)
		want   provision.Reason
	}{
		"a replayed token":         {func(s *scene) { s.State.Spent = s.Request.Spend }, provision.Replayed},
		"no code":                  {func(s *scene) { s.Request.Intent, s.Request.Errand.Agent = provision.Intent{}, false }, provision.AgentIncomplete},
		"a code that is gone":      {func(s *scene) { s.State.Intended = provision.Standing{} }, provision.CodeExpired},
		"a code of another name":   {func(s *scene) { s.State.Intended.Lease.ID = "acme.x" }, provision.CodeExpired},
		"a session for a code":     {func(s *scene) { s.State.Intended.Lease.Kind = provision.SessionLease }, provision.CodeExpired},
		"a code of another tenant": {func(s *scene) { s.State.Intended.Lease.Tenant = "rival" }, provision.CodeForeign},
		"a code of another rule":   {func(s *scene) { s.State.Intended.Lease.Grant.Rule = "other" }, provision.CodeOfOtherRule},
		"a rule for no agents":     {func(s *scene) { s.State.Tenant.Policy.Trust[1].Agent = false }, provision.CodeOfOtherRule},
		"a rule that is gone":      {func(s *scene) { s.State.Tenant.Policy.Trust = s.State.Tenant.Policy.Trust[:1] }, provision.RuleUnknown},
		"another agent":            {func(s *scene) { s.Request.Facts.Claims["repository_id"] = "666" }, provision.ClaimMismatch},
		"an agent without a claim": {func(s *scene) { delete(s.Request.Facts.Claims, "repository_id") }, provision.ClaimMissing},
		"an agent that is revoked": {func(s *scene) {
			s.State.Account = provision.Account{ID: "acc_job", Tenant: "acme", State: provision.Revoked}
		}, provision.AccountRevoked},
		"an agent that is a person": {func(s *scene) { s.State.Account = s.State.Intended.Account }, provision.LinkRefused},
		"an owner who is gone":      {func(s *scene) { s.State.EmailHolder = provision.Account{} }, provision.RuleHeld},
		"a used code":               {func(s *scene) { l := &s.State.Intended.Lease; l.EndedAt, l.EndReason = s.Now, provision.CauseUsedUp }, provision.CodeUsed},
		"a late code":               {func(s *scene) { s.Now = s.Now.Add(provision.CommissionLife) }, provision.CodeExpired},
		"a late code that was cleared": {func(s *scene) {
			s.Now = s.Now.Add(provision.CommissionLife)
			l := &s.State.Intended.Lease
			l.EndedAt, l.EndReason = s.Now, provision.CauseCeiling
		}, provision.CodeExpired},
		"a code that was taken back": {func(s *scene) { l := &s.State.Intended.Lease; l.EndedAt, l.EndReason = s.Now, provision.CauseLogout }, provision.CodeOver},
		"a person who logged out": {func(s *scene) {
			l := &s.State.Intended.Ancestors[0]
			l.EndedAt, l.EndReason = s.Now, provision.CauseLogout
		}, provision.CodeOver},
		"a session that is over":         {func(s *scene) { s.State.Intended.Ancestors[0].End = s.Now }, provision.CodeOver},
		"a session that is gone":         {func(s *scene) { s.State.Intended.Ancestors = nil }, provision.CodeOver},
		"a person who is suspended":      {func(s *scene) { s.State.Intended.Account.State = provision.Suspended }, provision.AccountSuspended},
		"a person who is revoked":        {func(s *scene) { s.State.Intended.Account.State = provision.Revoked }, provision.AccountRevoked},
		"a person who was revoked":       {func(s *scene) { s.State.Intended.Account.Generation++ }, provision.CodeOver},
		"a person whose provider is out": {func(s *scene) { s.State.Intended.Connection.Disabled = true }, provision.CodeOver},
		"a person out of a condition":    {func(s *scene) { s.State.Tenant.Policy.When, s.State.Intended.Tenant.Policy.When = "false", "false" }, provision.CodeOver},
		"a person out of the groups":     {func(s *scene) { s.State.Intended.Tenant.Policy.Groups.Any = []string{"staff"} }, provision.CodeOver},
		"a person without the roles":     {func(s *scene) { s.State.Intended.Ancestors[0].Grant.Roles = []string{"auditor"} }, provision.RoleMissing},
		"another grant": {func(s *scene) {
			s.State.Tenant.Policy.Trust[1].Grants = []string{"tickets", "prod"}
			s.Request.Errand.Grant = "prod"
		}, provision.AppNotGranted},
		"another grant of the rule": {func(s *scene) {
			p := &s.State.Tenant.Policy
			wide := p.Grants[1]
			wide.ID = "wide"
			p.Grants, p.Trust[1].Grants = append(p.Grants, wide), []string{"tickets", "wide"}
			s.Request.Errand.Grant = "wide"
		}, provision.GrantRefused},
		"another resource": {func(s *scene) { s.Request.Errand.Resources = []string{ticketB} }, provision.ResourceNotGranted},
		"two resources":    {func(s *scene) { s.Request.Errand.Resources = []string{ticketA, ticketA + "/x"} }, provision.ResourceNotGranted},
		"no resource":      {func(s *scene) { s.Request.Errand.Resources = nil }, provision.ResourceNotGranted},
		"a wider resource": {func(s *scene) { s.Request.Errand.Resources = []string{"https://tickets.example.com/tickets/*"} }, provision.ResourceNotGranted},
		"another app":      {func(s *scene) { s.Request.Errand.Audience = []provision.AppID{"deploy-api"} }, provision.AppNotGranted},
		"an app more": {func(s *scene) {
			s.State.Tenant.Policy.Grants[1].Apps = []provision.AppID{"tickets", "wiki"}
			s.Request.Errand.Audience = []provision.AppID{"tickets", "wiki"}
			s.State.Apps = append(s.State.Apps, provision.App{ID: "wiki", Tenants: []provision.TenantID{"acme"}, Workloads: true})
		}, provision.AppNotGranted},
		"a grant without the resource": {func(s *scene) { s.State.Tenant.Policy.Grants[1].Resources = []string{ticketB} }, provision.ResourceNotGranted},
		"an agent that is there already": {func(s *scene) {
			s.State.IntendedLeases = append(s.State.IntendedLeases, provision.Lease{ID: "acme.y", Kind: provision.AgentLease, Grant: provision.Grant{Of: "tickets"}, End: s.Now.Add(time.Minute)})
		}, provision.TooManyLeases},
		"an ended task": {func(s *scene) { s.State.Spent = s.Request.Over }, provision.TaskEnded},
		"an old token":  {func(s *scene) { s.Request.Received = noon().Add(12 * time.Minute) }, provision.TokenStale},
	} {
		s := behalf(t)
		c.change(&s)
		d := provision.Decide(s.State, s.Request, ids("1"), s.Now)
		if d.Allowed() || d.Reason != c.want || d.Lease.ID != "" || len(d.Change.Accounts)+len(d.Change.Leases)+len(d.Change.Links)+len(d.Change.Entries) != 0 || len(d.Change.Events) != 1 {
			t.Errorf("%s: %s %q by %q, want %q", name, d.Outcome, d.Reason, d.Check, c.want)
		}
	}
}

func TestAnAgentActsNoLongerThanAnythingItHangsOn(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*scene)
		want   time.Duration
		cause  provision.Cause
	}{
		"as was said, from then on": {func(s *scene) { s.Now = s.Now.Add(time.Minute) }, 4 * time.Minute, provision.CauseCeiling},
		"the grant":                 {func(s *scene) { s.State.Tenant.Policy.Grants[1].MaxTTL = 2 * time.Minute }, 2 * time.Minute, provision.CauseCeiling},
		"the agent's token":         {func(s *scene) { s.Request.Authn.SessionEnd = noon().Add(time.Minute) }, time.Minute, provision.CauseCeiling},
		"the session":               {func(s *scene) { s.State.Intended.Ancestors[0].End = noon().Add(3 * time.Minute) }, 3 * time.Minute, provision.CauseParentEnded},
		"the contract":              {func(s *scene) { s.State.Tenant.ContractEnd = noon().Add(2 * time.Minute) }, 2 * time.Minute, provision.CauseContractEnded},
	} {
		s := behalf(t)
		c.change(&s)
		if d := provision.Decide(s.State, s.Request, ids("1"), s.Now); !d.Allowed() || !d.Lease.End.Equal(noon().Add(c.want)) || d.Lease.Ceiling != c.cause {
			t.Errorf("%s: %s by %q, until %s for %s", name, d.Reason, d.Check, d.Lease.End, d.Lease.Ceiling)
		}
	}
}

func TestAnAgentsLeaseGivesNoAccessWhenOneThingIsWrong(t *testing.T) {
	for name, change := range map[string]func(*provision.Standing){
		"nobody acts":                func(s *provision.Standing) { s.Agent = provision.Acting{} },
		"another acts":               func(s *provision.Standing) { s.Agent.Account.ID = "acc_x" },
		"an agent that was revoked":  func(s *provision.Standing) { s.Agent.Account.Generation++ },
		"an agent that is suspended": func(s *provision.Standing) { s.Agent.Account.State = provision.Suspended },
		"an agent that is deleted":   func(s *provision.Standing) { s.Agent.Account.State = provision.Deleted },
		"an agent that waits":        func(s *provision.Standing) { s.Agent.Account.State = provision.Pending },
		"an agent of another tenant": func(s *provision.Standing) { s.Agent.Account.Tenant = "rival" },
		"an agent that is a person":  func(s *provision.Standing) { s.Agent.Account.Email = s.Account.Email },
		"an issuer that is disabled": func(s *provision.Standing) { s.Agent.Connection.Disabled = true },
		"an issuer that was revoked": func(s *provision.Standing) { s.Agent.Connection.Generation++ },
		"an issuer of another":       func(s *provision.Standing) { s.Agent.Connection.Tenant = "rival" },
		"no session":                 func(s *provision.Standing) { s.Lease.Parent, s.Ancestors = "", nil },
		"a session that ended":       func(s *provision.Standing) { s.Ancestors[0].EndedAt = noon() },
		"a session that is over":     func(s *provision.Standing) { s.Ancestors[0].End = noon() },
		"a person who was revoked":   func(s *provision.Standing) { s.Account.Generation++ },
		"a person who is suspended":  func(s *provision.Standing) { s.Account.State = provision.Suspended },
		"a domain that lapsed":       func(s *provision.Standing) { s.Claim.State = provision.ClaimLapsed },
		"a workload's for nobody": func(s *provision.Standing) {
			s.Lease.Kind, s.Lease.Domain = provision.WorkloadLease, provision.Domain{}
		},
		"a session with an agent": func(s *provision.Standing) { s.Lease.Kind = provision.SessionLease },
	} {
		s := behalf(t)
		standing := acting(s, provision.Decide(s.State, s.Request, ids("1"), s.Now))
		standing.Ancestors = slices.Clone(standing.Ancestors)
		if standing.Refuses(s.Now) != "" {
			t.Fatal("the honest one is refused")
		}
		change(&standing)
		if standing.Refuses(s.Now) == "" {
			t.Errorf("%s: it gives access", name)
		}
	}
}

func TestAnAgentHasOnlyRolesThatTheSessionAboveStillHas(t *testing.T) {
	s := behalf(t)
	standing := acting(s, provision.Decide(s.State, s.Request, ids("1"), s.Now))
	if got := standing.Effective(s.Now); !slices.Equal(got, []string{"engineer"}) {
		t.Fatalf("it has %v", got)
	}
	fewer := standing
	fewer.Ancestors = []provision.Lease{standing.Ancestors[0]}
	fewer.Ancestors[0].Grant.Roles = []string{"auditor"}
	if got := fewer.Effective(s.Now); len(got) != 0 {
		t.Errorf("with a session that has it no more: %v", got)
	}
	standing.Tenant.Policy.Roles.Ceiling = []string{"auditor"}
	if got := standing.Effective(s.Now); len(got) != 0 {
		t.Errorf("with a policy that allows it no more: %v", got)
	}
}

func TestRulesThatTightenEndAgentsAndCodes(t *testing.T) {
	for name, change := range map[string]func(*provision.Policy){
		"a rule for no agents": func(p *provision.Policy) { p.Trust[1].Agent = false },
		"a disabled rule":      func(p *provision.Policy) { p.Trust[1].Disabled = true },
		"no rule":              func(p *provision.Policy) { p.Trust = p.Trust[:1] },
		"a rule for others":    func(p *provision.Policy) { p.Trust[1].Match = map[string][]string{"repository_id": {"7"}} },
		"no grant":             func(p *provision.Policy) { p.Grants = p.Grants[:1] },
	} {
		s := behalf(t)
		code, agent := s.State.Intended, acting(s, provision.Decide(s.State, s.Request, ids("1"), s.Now))
		if _, cause := provision.Regate(code, s.Now); cause != "" {
			t.Fatalf("the honest code ends for %s", cause)
		}
		for _, standing := range []*provision.Standing{&code, &agent} {
			p := &standing.Tenant.Policy
			p.Trust, p.Grants = slices.Clone(p.Trust), slices.Clone(p.Grants)
			change(p)
			if _, cause := provision.Regate(*standing, s.Now); cause != provision.CausePolicyTightened {
				t.Errorf("%s: %s goes on: %q", name, standing.Lease.Kind, cause)
			}
		}
	}
	s := behalf(t)
	agent := acting(s, provision.Decide(s.State, s.Request, ids("1"), s.Now))
	agent.Ancestors = []provision.Lease{agent.Ancestors[0]}
	agent.Ancestors[0].End = noon().Add(time.Minute)
	if kept, cause := provision.Regate(agent, s.Now); cause != "" || !kept.End.Equal(noon().Add(time.Minute)) || kept.Ceiling != provision.CauseParentEnded {
		t.Errorf("below a session that ends earlier it goes on until %s for %s (%s)", kept.End, kept.Ceiling, cause)
	}
}

func TestAPersonCommissionsOnlyWhatSheMayAndTheRuleGives(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*provision.State, *provision.Commissioning)
		want   provision.Reason
	}{
		"all in order":         {func(*provision.State, *provision.Commissioning) {}, ""},
		"below the resources":  {func(_ *provision.State, w *provision.Commissioning) { w.Resource += "/comments" }, ""},
		"the zero state":       {func(s *provision.State, _ *provision.Commissioning) { *s = provision.State{} }, provision.SessionMissing},
		"a session that ended": {func(s *provision.State, _ *provision.Commissioning) { s.Former.Lease.EndedAt = noon() }, provision.LeaseEnded},
		"an agent's lease":     {func(s *provision.State, _ *provision.Commissioning) { s.Former.Lease.Kind = provision.CommissionLease }, provision.LeaseEnded},
		"a policy that lets her out": {func(s *provision.State, _ *provision.Commissioning) {
			s.Former.Tenant.Policy.Groups.Any = []string{"x"}
		}, provision.LeaseEnded},
		"a rule for no agents":    {func(_ *provision.State, w *provision.Commissioning) { w.Rule = "deploy" }, provision.RuleUnknown},
		"no rule":                 {func(_ *provision.State, w *provision.Commissioning) { w.Rule = "" }, provision.RuleUnknown},
		"an owner who is gone":    {func(s *provision.State, _ *provision.Commissioning) { s.EmailHolder = provision.Account{} }, provision.RuleHeld},
		"another resource":        {func(_ *provision.State, w *provision.Commissioning) { w.Resource = "https://tickets.example.com/admin" }, provision.ResourceNotGranted},
		"a rule that is disabled": {func(s *provision.State, _ *provision.Commissioning) { s.Former.Tenant.Policy.Trust[1].Disabled = true }, provision.RuleHeld},
		"many resources": {func(_ *provision.State, w *provision.Commissioning) {
			w.Resource = "https://tickets.example.com/tickets/*"
		}, provision.ResourceNotGranted},
		"no resource": {func(_ *provision.State, w *provision.Commissioning) { w.Resource = "" }, provision.ResourceNotGranted},
		"a resource of another app": {func(s *provision.State, w *provision.Commissioning) {
			w.Resource = "https://wiki.example.com/tickets/A"
			s.Apps = nil
		}, provision.AppNotGranted},
		"an app that takes none":   {func(s *provision.State, _ *provision.Commissioning) { s.Apps[0].Workloads = false }, provision.AppNotGranted},
		"an app of other tenants":  {func(s *provision.State, _ *provision.Commissioning) { s.Apps[0].Tenants = nil }, provision.TenantNotOfApp},
		"none of the roles":        {func(s *provision.State, _ *provision.Commissioning) { s.Former.Lease.Grant.Roles = []string{"auditor"} }, provision.RoleMissing},
		"too long":                 {func(_ *provision.State, w *provision.Commissioning) { w.For = 10*time.Minute + time.Second }, provision.AgentTooLong},
		"no time":                  {func(_ *provision.State, w *provision.Commissioning) { w.For = 0 }, provision.AgentTooLong},
		"time that runs backwards": {func(_ *provision.State, w *provision.Commissioning) { w.For = -time.Minute }, provision.AgentTooLong},
		"a grant that is gone":     {func(s *provision.State, _ *provision.Commissioning) { s.Former.Tenant.Policy.Grants = nil }, provision.AppNotGranted},
		"as many as anybody may have": {func(s *provision.State, _ *provision.Commissioning) {
			s.FormerLeases = slices.Repeat([]provision.Lease{{Kind: provision.AgentLease}}, provision.MaxAgents)
		}, provision.TooManyLeases},
		"many sessions, and no agents": {func(s *provision.State, _ *provision.Commissioning) {
			s.FormerLeases = slices.Repeat(s.FormerLeases, provision.MaxAgents)
		}, ""},
	} {
		s, a := commissioner(t)
		w := wish()
		c.change(&s, &w)
		made := provision.Commission(s, w, a)
		if made.Reason != c.want || len(made.Change.Events) != 1 || made.Change.Events[0].Kind != provision.EventAgent || len(made.Change.Leases) != map[bool]int{true: 1}[c.want == ""] {
			t.Errorf("%s: %q, want %q, writing %+v", name, made.Reason, c.want, made.Change)
		}
		if l := made.Lease; c.want == "" && (l.Parent != "acme.session" || len(l.Grant.Roles) != 0 || !l.End.Equal(noon().Add(provision.CommissionLife)) || l.Grant.Resources[0] != w.Resource) {
			t.Errorf("%s: %+v", name, l)
		}
	}
}

func TestAnAgentIsHandedNoSecret(t *testing.T) {
	s := behalf(t)
	agent := acting(s, provision.Decide(s.State, s.Request, ids("1"), s.Now))
	hers := agent
	hers.Lease, hers.Ancestors, hers.Agent = agent.Ancestors[0], nil, provision.Acting{}
	secret := provision.Secret{ID: "db", Tenant: "acme", Roles: []string{"engineer"}}
	if !secret.Gives(hers) || secret.Gives(agent) {
		t.Errorf("to her: %t, to her agent: %t", secret.Gives(hers), secret.Gives(agent))
	}
}
