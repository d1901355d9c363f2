package provision_test

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"leasehold/provision"
)

// errand is a CI job's first exchange: nobody knows it, and everything is in order.
func errand(t testing.TB) scene {
	s := firstLogin(t)
	owner := email(t, "ada@acme.test")
	p := &s.State.Tenant.Policy
	p.Roles.Ceiling = append(p.Roles.Ceiling, "deployer")
	p.Trust = []provision.TrustRule{{
		ID: "deploy", Connection: "ci", Subject: []string{"workflow", "repository_id"}, Grants: []string{"prod"}, Owner: owner,
		Match: map[string][]string{"repository_id": {"123456"}, "ref": {"refs/heads/main", "refs/tags/v*"}},
	}}
	p.Grants = []provision.GrantRule{{
		ID: "prod", Apps: []provision.AppID{"deploy-api"}, Roles: []string{"deployer"}, Resources: []string{"https://deploy.example.com/svc/*"}, Concurrent: 1,
		Hours: "Mon-Fri 08:00-18:00 Europe/Berlin", Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, NeedsPurpose: true, NeedsTask: true,
	}}
	s.State.Connection = provision.Connection{ID: "ci", Tenant: "acme", Protocol: provision.Workloads, Generation: 8}
	s.State.EmailHolder = provision.Account{ID: "acc_ada", Tenant: "acme", State: provision.Dormant, Email: owner}
	s.State.Apps = []provision.App{{ID: "deploy-api", Tenants: []provision.TenantID{"acme"}, Workloads: true}}
	s.Request = provision.Request{
		Occasion: provision.OnExchange, Owner: owner, Received: noon(), App: "deploy-api", Pseudonym: "pseudonym of the job", Requester: provision.Requester{IP: "192.0.2.1"},
		Actor: provision.Actor{Kind: provision.Workload, Via: "token"},
		Facts: provision.Facts{Connection: "ci", Subject: "repository_id=123456&workflow=release", Claims: map[string]string{"repository_id": "123456", "workflow": "release", "ref": "refs/heads/main"}},
		Authn: provision.Authn{At: noon(), SessionEnd: noon().Add(10 * time.Minute)},
		Spend: []provision.Spent{{Kind: "token", Scope: "ci", ID: "jti-1", Until: noon().Add(time.Hour)}},
		Over:  []provision.Spent{{Kind: provision.EndedTask, Scope: "acme", ID: "4242"}},
		Errand: provision.Errand{
			Rule: "deploy", Grant: "prod", Audience: []provision.AppID{"deploy-api"}, Resources: []string{"https://deploy.example.com/svc/web"}, Purpose: "release 7", Task: "4242",
		},
	}
	return s
}

// known is the job's next exchange: its account is there and has no lease.
func known(t testing.TB) scene {
	s := errand(t)
	s.State.Account = provision.Account{ID: "acc_job", Tenant: "acme", State: provision.Dormant, Name: "deploy", Key: []byte("key"), Generation: 5, Revision: 9}
	s.State.Link = provision.Link{LinkKey: provision.LinkKey{Connection: "ci", Subject: s.Request.Facts.Subject}, Pseudonym: "pseudonym of the job", Account: "acc_job"}
	s.State.Links = []provision.Link{s.State.Link}
	return s
}

func TestAWorkloadIsGivenWhatItsGrantHasAndNoMore(t *testing.T) {
	for name, s := range map[string]scene{"first": errand(t), "next": known(t)} {
		d := provision.Decide(s.State, s.Request, ids("1"), s.Now)
		l := d.Lease
		if !d.Allowed() || d.Account.State != provision.Active || (d.Outcome == provision.Created) != (name == "first") {
			t.Fatalf("%s: %s %s by %q", name, d.Outcome, d.Reason, d.Check)
		}
		if l.Kind != provision.WorkloadLease || !l.End.Equal(noon().Add(5*time.Minute)) || !slices.Equal(l.Grant.Roles, []string{"deployer"}) || l.Grant.Task != "4242" || !l.Domain.IsZero() || l.ID.Tenant() != "acme" {
			t.Errorf("%s: %+v", name, l)
		}
		standing := provision.Standing{Lease: l, Account: d.Account, Tenant: s.State.Tenant, Connection: s.State.Connection, Installation: s.State.Installation}
		if standing.Refuses(s.Now) != "" || standing.Refuses(l.End) == "" {
			t.Errorf("%s: now %q, at its end %q", name, standing.Refuses(s.Now), standing.Refuses(l.End))
		}
		if kept, cause := provision.Regate(standing, s.Now); cause != "" || !kept.End.Equal(l.End) {
			t.Errorf("%s: judged again, it ends for %q at %s", name, cause, kept.End)
		}
		standing.Lease.Domain = domain(t, "acme.test")
		if standing.Refuses(s.Now) == "" {
			t.Errorf("%s: a workload of a domain gets in", name)
		}
		c := d.Change
		if len(c.Spent) != 1 || len(c.Entries) != 1 || len(c.Events) != 1 || c.Events[0].Kind != provision.EventExchange || c.Events[0].Lease.ID != l.ID || len(c.Decisions) != 1 {
			t.Errorf("%s: writes %+v", name, c)
		}
		if len(c.Links) != map[string]int{"first": 1}[name] || len(c.Accounts) != 1 {
			t.Errorf("%s: writes %+v", name, c)
		}
	}
}

func TestOneThingWrongWithAnExchangeIsARefusalWithItsReason(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*scene)
		want   provision.Reason
	}{
		"a replayed token":             {func(s *scene) { s.State.Spent = s.Request.Spend }, provision.Replayed},
		"an ended task":                {func(s *scene) { s.State.Spent = s.Request.Over }, provision.TaskEnded},
		"nothing known":                {func(s *scene) { s.State = provision.State{} }, provision.TenantUnknown},
		"a connection that logs in":    {func(s *scene) { s.State.Connection.Protocol = provision.OIDC }, provision.TenantUnknown},
		"a connection of another":      {func(s *scene) { s.State.Connection.Tenant = "other" }, provision.TenantUnknown},
		"a suspended tenant":           {func(s *scene) { s.State.Tenant.Suspended = true }, provision.TenantSuspended},
		"a contract that ended":        {func(s *scene) { s.State.Tenant.ContractEnd = s.Now }, provision.ContractEnded},
		"a disabled issuer":            {func(s *scene) { s.State.Connection.Disabled = true }, provision.ConnectionDisabled},
		"a held issuer":                {func(s *scene) { s.State.Connection.Held = true }, provision.ConnectionHeld},
		"no such rule":                 {func(s *scene) { s.Request.Errand.Rule = "x" }, provision.RuleUnknown},
		"no rule":                      {func(s *scene) { s.Request.Errand.Rule = "" }, provision.RuleUnknown},
		"a rule of another issuer":     {func(s *scene) { s.State.Tenant.Policy.Trust[0].Connection = "other" }, provision.RuleUnknown},
		"a rule that wants nothing":    {func(s *scene) { s.State.Tenant.Policy.Trust[0].Match = nil }, provision.RuleUnknown},
		"an absent claim":              {func(s *scene) { delete(s.Request.Facts.Claims, "ref") }, provision.ClaimMissing},
		"another branch":               {func(s *scene) { s.Request.Facts.Claims["ref"] = "refs/heads/main2" }, provision.ClaimMismatch},
		"a star beyond its segment":    {func(s *scene) { s.Request.Facts.Claims["ref"] = "refs/tags/v1/x" }, provision.ClaimMismatch},
		"an owner who is gone":         {func(s *scene) { s.State.EmailHolder = provision.Account{} }, provision.RuleHeld},
		"an owner who is revoked":      {func(s *scene) { s.State.EmailHolder.State = provision.Revoked }, provision.RuleHeld},
		"an owner of another name":     {func(s *scene) { s.State.EmailHolder.Email = email(t, "eve@acme.test") }, provision.RuleHeld},
		"another subject":              {func(s *scene) { s.Request.Facts.Subject += "x" }, provision.SubjectMissing},
		"no subject":                   {func(s *scene) { delete(s.Request.Facts.Claims, "workflow"); s.Request.Facts.Subject = "" }, provision.SubjectMissing},
		"an account that is revoked":   {func(s *scene) { s.State.Account.State = provision.Revoked }, provision.AccountRevoked},
		"an account that is suspended": {func(s *scene) { s.State.Account.State = provision.Suspended }, provision.AccountSuspended},
		"an account of another tenant": {func(s *scene) { s.State.Account.Tenant = "other" }, provision.TenantUnknown},
		"an account of a person":       {func(s *scene) { s.State.Account.Email = email(t, "eve@acme.test") }, provision.LinkRefused},
		"an account that waits":        {func(s *scene) { s.State.Account.State = provision.Pending }, provision.ApprovalPending},
		"a grant of another rule":      {func(s *scene) { s.State.Tenant.Policy.Trust[0].Grants = []string{"x"} }, provision.GrantRefused},
		"a grant that is not there":    {func(s *scene) { s.State.Tenant.Policy.Grants = nil }, provision.GrantRefused},
		"another app":                  {func(s *scene) { s.Request.Errand.Audience = []provision.AppID{"wiki"} }, provision.AppNotGranted},
		"an app that takes none":       {func(s *scene) { s.State.Apps[0].Workloads = false }, provision.AppNotGranted},
		"an app that is gone":          {func(s *scene) { s.State.Apps = nil }, provision.AppNotGranted},
		"an app of other tenants":      {func(s *scene) { s.State.Apps[0].Tenants = nil }, provision.TenantNotOfApp},
		"a signed token on the path":   {func(s *scene) { s.Request.Errand.Direct = true }, provision.AppNotGranted},
		"another resource":             {func(s *scene) { s.Request.Errand.Resources[0] = "https://deploy.example.com/admin" }, provision.ResourceNotGranted},
		"a wider resource":             {func(s *scene) { s.Request.Errand.Resources[0] = "https://deploy.example.com/svc" }, provision.ResourceNotGranted},
		"a star of its own":            {func(s *scene) { s.Request.Errand.Resources[0] = "https://deploy.example.com/svc/*/x" }, provision.ResourceNotGranted},
		"no purpose":                   {func(s *scene) { s.Request.Errand.Purpose = "" }, provision.PurposeMissing},
		"no task":                      {func(s *scene) { s.Request.Errand.Task = "" }, provision.TaskMissing},
		"another address":              {func(s *scene) { s.Request.Requester.IP = "198.51.100.1" }, provision.AddressRefused},
		"no address":                   {func(s *scene) { s.Request.Requester.IP = "" }, provision.AddressRefused},
		"an old token":                 {func(s *scene) { s.Request.Received = noon().Add(12 * time.Minute) }, provision.TokenStale},
		"a token of no time":           {func(s *scene) { s.Request.Authn.At = time.Time{} }, provision.TokenStale},
		"a token that is over":         {func(s *scene) { s.Request.Authn.SessionEnd = s.Now }, provision.SessionOver},
		"a token without an end":       {func(s *scene) { s.Request.Authn.SessionEnd = time.Time{} }, provision.SessionOver},
		"hours that nobody can read":   {func(s *scene) { s.State.Tenant.Policy.Grants[0].Hours = "always" }, provision.OutsideHours},
		"the weekend":                  {func(s *scene) { s.Now = s.Now.AddDate(0, 0, 5); s.Request.Authn.SessionEnd = s.Now.Add(time.Hour) }, provision.OutsideHours},
		"a second lease at once": {func(s *scene) {
			s.State.Leases = []provision.Lease{{ID: "acme.x", Kind: provision.WorkloadLease, Account: "acc_job", Grant: provision.Grant{Of: "prod"}, End: s.Now.Add(time.Second)}}
		}, provision.TooManyLeases},
	} {
		s := known(t)
		c.change(&s)
		d := provision.Decide(s.State, s.Request, ids("1"), s.Now)
		if d.Allowed() || d.Reason != c.want || d.Lease.ID != "" || len(d.Change.Accounts)+len(d.Change.Leases)+len(d.Change.Links)+len(d.Change.Entries) != 0 || len(d.Change.Events) != 1 {
			t.Errorf("%s: %s %q by %q, want %q", name, d.Outcome, d.Reason, d.Check, c.want)
		}
	}
}

func TestNobodyLogsInByAnIssuerOfWorkloads(t *testing.T) {
	s := nextLogin(t)
	s.State.Connection.Protocol = provision.Workloads
	if d := provision.Decide(s.State, s.Request, ids("1"), s.Now); d.Allowed() || d.Reason != provision.TenantUnknown {
		t.Errorf("%s %s", d.Outcome, d.Reason)
	}
}

func TestALeaseEndsWithItsHoursItsTokenAndTheContract(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		now, token, contract, want string
	}{
		{"17:58:00", "18:30", "", "18:00"},
		{"17:59:59", "18:30", "", "18:00"},
		{"12:00:00", "12:02", "", "12:02"},
		{"12:00:00", "12:30", "12:01", "12:01"},
		{"08:00:00", "08:30", "", "08:05"},
	} {
		at := func(clock string) time.Time {
			x, err := time.ParseInLocation("2006-01-02 15:04:05", "2026-03-02 "+(clock + ":00")[:8], berlin)
			if err != nil {
				t.Fatal(err)
			}
			return x.UTC()
		}
		s := known(t)
		s.Now = at(c.now)
		s.Request.Authn = provision.Authn{At: s.Now, SessionEnd: at(c.token)}
		s.Request.Received = s.Now
		if c.contract != "" {
			s.State.Tenant.ContractEnd = at(c.contract)
		}
		if d := provision.Decide(s.State, s.Request, ids("1"), s.Now); !d.Allowed() || !d.Lease.End.Equal(at(c.want)) {
			t.Errorf("at %s: %q, until %s, want %s", c.now, d.Reason, d.Lease.End.In(berlin), c.want)
		}
	}
}

func TestHoursBeginAndEndToTheSecondInTheirZone(t *testing.T) {
	h, err := provision.ParseHours("Mon-Fri 08:00-18:00 Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for text, open := range map[string]bool{
		"2026-03-02T06:59:59Z": false, "2026-03-02T07:00:00Z": true, "2026-03-02T16:59:59Z": true, "2026-03-02T17:00:00Z": false, // winter: an hour ahead
		"2026-07-06T05:59:59Z": false, "2026-07-06T06:00:00Z": true, "2026-07-06T15:59:59Z": true, "2026-07-06T16:00:00Z": false, // summer: two
		"2026-03-01T12:00:00Z": false, "2026-03-07T12:00:00Z": false, "2026-03-06T12:00:00Z": true,
	} {
		at, _ := time.Parse(time.RFC3339, text)
		if until := h.Until(at); until.IsZero() == open || open && !until.After(at) {
			t.Errorf("%s: until %s", text, until)
		}
	}
	for _, bad := range []string{"Mon-Fri", "Fri-Mon 08:00-18:00 UTC", "Mon 18:00-08:00 UTC", "Mon 8:00-9:00 UTC", "Mon 08:00-25:00 UTC", "Mon 08:00-09:00 Nowhere/Nothing", "mon 08:00-09:00 UTC", "Mon 08:00-09:00 Local"} {
		if _, err := provision.ParseHours(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestTwoWorkloadsThatDifferInANamedClaimHaveTwoNames(t *testing.T) {
	rule := provision.TrustRule{Subject: []string{"a", "b"}}
	seen := map[string]bool{}
	for _, claims := range []map[string]string{
		{"a": "1", "b": "2"}, {"a": "1&b=2", "b": "2"}, {"a": "1", "b": "2&a=1"}, {"a": "2", "b": "1"}, {"a": "1=", "b": "2"},
	} {
		name := rule.SubjectOf(claims)
		if name == "" || seen[name] {
			t.Errorf("%v is %q", claims, name)
		}
		seen[name] = true
	}
	if name := rule.SubjectOf(map[string]string{"a": "1"}); name != "" {
		t.Errorf("without b: %q", name)
	}
}

func TestAResourceCoversItselfAndWhatIsBelow(t *testing.T) {
	const at = "https://x.test"
	for _, c := range []struct {
		resource, path string
		covers         bool
	}{
		{"/a", "/a", true}, {"/a", "/a/b", true}, {"/a", "/ab", false}, {"/a", "/", false}, {"/a", "", false}, {"/t/*", "/t/1", true}, {"/t/*", "/t/1/2", true}, {"/t/*/x", "/t/1/y", false}, {"/t/*/x", "/t/1/x/z", true}, {"/t/*", "/t", false},
	} {
		if got := (provision.Grant{Resources: []string{at + c.resource}}).Covers(at, c.path); got != c.covers {
			t.Errorf("%s covers %s: %t", c.resource, c.path, got)
		}
	}
	if (provision.Grant{Resources: []string{"https://y.test/a"}}).Covers(at, "/a") {
		t.Error("a resource of another origin")
	}
	if !(provision.Grant{}).Covers(at, "") {
		t.Error("without resources everything is covered")
	}
}

func TestRulesAndGrantsThatCannotBeMeantAreFaults(t *testing.T) {
	for want, change := range map[string]func(*provision.Policy){
		"rules[0].match: names no claim": func(p *provision.Policy) { p.Trust[0].Match = nil },
		`rules[0].match: "*" of ref`:     func(p *provision.Policy) { p.Trust[0].Match["ref"] = []string{"*"} },
		"rules[0].subject: is empty":     func(p *provision.Policy) { p.Trust[0].Subject = nil },
		"rules[0].grants: there is no":   func(p *provision.Policy) { p.Trust[0].Grants = []string{"x"} },
		"rules[0].owner: is missing":     func(p *provision.Policy) { p.Trust[0].Owner = provision.Email{} },
		"rules[0].token_age: 2h":         func(p *provision.Policy) { p.Trust[0].TokenAge = 2 * time.Hour },
		"rules[1].id":                    func(p *provision.Policy) { p.Trust = append(p.Trust, p.Trust[0]) },
		"rules[1].subject: a rule above": func(p *provision.Policy) {
			other := p.Trust[0]
			other.ID, other.Subject = "other", []string{"workflow"}
			p.Trust = append(p.Trust, other)
		},
		"grants[0].apps: is empty":              func(p *provision.Policy) { p.Grants[0].Apps = nil },
		`grants[0].roles: "root"`:               func(p *provision.Policy) { p.Grants[0].Roles = []string{"root"} },
		"grants[0].max_ttl: 16m":                func(p *provision.Policy) { p.Grants[0].MaxTTL = 16 * time.Minute },
		`grants[0].resources: "svc:web"`:        func(p *provision.Policy) { p.Grants[0].Resources = []string{"svc:web"} },
		"grants[0].when.hours":                  func(p *provision.Policy) { p.Grants[0].Hours = "never" },
		"grants[1].id":                          func(p *provision.Policy) { p.Grants = append(p.Grants, p.Grants[0]) },
		`grants[0].resources: "https://x.test"`: func(p *provision.Policy) { p.Grants[0].Resources = []string{"https://x.test"} },
	} {
		p := errand(t).State.Tenant.Policy
		change(&p)
		faults := p.WorkloadFaults()
		if !slices.ContainsFunc(faults, func(f string) bool { return strings.HasPrefix(f, want) }) {
			t.Errorf("%s: %q", want, faults)
		}
	}
	if faults := errand(t).State.Tenant.Policy.WorkloadFaults(); len(faults) > 0 {
		t.Errorf("an honest policy: %q", faults)
	}
}

// TestRulesAndGrantsAreBounded has each bound met, and passed by one.
func TestRulesAndGrantsAreBounded(t *testing.T) {
	t.Parallel()
	long := func(extra int) string { return strings.Repeat("x", provision.MaxRuleText+extra) }
	many := func(n int) (list []string) {
		for i := range n {
			list = append(list, strconv.Itoa(i))
		}
		return list
	}
	for _, x := range []struct {
		want   string
		change func(p *provision.Policy, extra int)
	}{
		{"rules: there are 201, ", func(p *provision.Policy, extra int) { p.Trust = slices.Repeat(p.Trust[:1], provision.MaxRules+extra) }},
		{"grants: there are 201, ", func(p *provision.Policy, extra int) { p.Grants = slices.Repeat(p.Grants[:1], provision.MaxRules+extra) }},
		{"rules[0].match: has 51 entries", func(p *provision.Policy, extra int) {
			for _, name := range many(provision.MaxMatches - len(p.Trust[0].Match) + extra) {
				p.Trust[0].Match[name] = []string{"x"}
			}
		}},
		{"rules[0].match: has 51 entries", func(p *provision.Policy, extra int) { p.Trust[0].Match["ref"] = many(provision.MaxMatches + extra) }},
		{`rules[0].match: "xxx`, func(p *provision.Policy, extra int) { p.Trust[0].Match["ref"] = []string{long(extra)} }},
		{`rules[0].match: "xxx`, func(p *provision.Policy, extra int) { p.Trust[0].Match[long(extra)] = []string{"x"} }},
		{"rules[0].subject: has 101 entries", func(p *provision.Policy, extra int) { p.Trust[0].Subject = many(provision.MaxRuleList + extra) }},
		{"rules[0].grants: has 101 entries", func(p *provision.Policy, extra int) { p.Trust[0].Grants = many(provision.MaxRuleList + extra) }},
		{"grants[0].apps: has 101 entries", func(p *provision.Policy, extra int) {
			p.Grants[0].Apps = make([]provision.AppID, provision.MaxRuleList+extra)
		}},
		{"grants[0].roles: has 101 entries", func(p *provision.Policy, extra int) { p.Grants[0].Roles = many(provision.MaxRuleList + extra) }},
		{"grants[0].resources: has 101 entries", func(p *provision.Policy, extra int) { p.Grants[0].Resources = many(provision.MaxRuleList + extra) }},
		{`grants[0].resources: "xxx`, func(p *provision.Policy, extra int) { p.Grants[0].Resources = []string{long(extra)} }},
		{`grants[0].when.hours: "xxx`, func(p *provision.Policy, extra int) { p.Grants[0].Hours = long(extra) }},
		{"grants[0].when.addresses: has 101 entries", func(p *provision.Policy, extra int) {
			p.Grants[0].Addresses = make([]netip.Prefix, provision.MaxRuleList+extra)
		}},
	} {
		for extra, found := range []bool{false, true} {
			p := errand(t).State.Tenant.Policy
			x.change(&p, extra)
			faults := p.WorkloadFaults()
			is := func(f string) bool { return strings.HasPrefix(f, x.want) && strings.Contains(f, " may ") }
			if slices.ContainsFunc(faults, is) != found {
				t.Errorf("%s, %d more than may be: %.300q", x.want, extra, faults)
			}
		}
	}
}

// TestRulesThatAreEachWithinTheirBoundsAreBoundedInAll has nine rules of 27 KB, and then ten.
func TestRulesThatAreEachWithinTheirBoundsAreBoundedInAll(t *testing.T) {
	t.Parallel()
	p := errand(t).State.Tenant.Policy
	p.Trust[0].Match["ref"] = slices.Repeat([]string{strings.Repeat("x", provision.MaxRuleText)}, provision.MaxMatches)
	p.Trust[0].Match["sub"] = []string{strings.Repeat("x", provision.MaxRuleText), strings.Repeat("y", provision.MaxRuleText)}
	rule := p.Trust[0]
	for i := 1; i < 10; i++ {
		rule.ID = "r" + strconv.Itoa(i)
		faults := p.WorkloadFaults()
		if len(faults) > 0 {
			t.Fatalf("%d rules: %.300q", i, faults)
		}
		p.Trust = append(p.Trust, rule)
	}
	if faults := p.WorkloadFaults(); len(faults) != 1 || !strings.HasPrefix(faults[0], "rules: they and the grants are ") {
		t.Errorf("ten of them: %.300q", faults)
	}
}
