package provision_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"leasehold/provision"
)

// world is a ledger with two tenants of two connections each, and what a random history did to it.
type world struct {
	*ledger
	t       *rapid.T
	domains []provision.Domain
	byName  map[string]bool // pseudonyms of sign-ins that an administrator gave to an account, whoever had them before
	seen    map[string]int  // what the histories came to, so that no test is empty
}

func newWorld(t *rapid.T, fix testing.TB, seen map[string]int) *world {
	w := &world{t: t, seen: seen, byName: map[string]bool{}, ledger: &ledger{
		now: noon(), installation: 1, tenants: map[provision.TenantID]provision.Tenant{}, connections: map[provision.ConnectionID]provision.Connection{},
		claims: map[string]provision.Claim{}, accounts: map[provision.AccountID]provision.Account{}, leases: map[provision.LeaseID]provision.Lease{},
	}}
	w.domains = []provision.Domain{domain(fix, "acme.test"), domain(fix, "beta.test")}
	for i, id := range []provision.TenantID{"acme", "beta"} {
		w.tenants[id] = provision.Tenant{ID: id, Policy: w.policy(1)}
		w.claims[claimKey(w.domains[i], id)] = provision.Claim{Tenant: id, Domain: w.domains[i], State: provision.ClaimVerified}
		for _, kind := range []provision.ConnectionID{"saml", "oidc"} {
			name := provision.ConnectionID(id) + "-" + kind
			w.connections[name] = provision.Connection{ID: name, Tenant: id, Domains: w.domains} // both: the claim has to tell
		}
	}
	return w
}

// policy draws a policy that mostly lets in.
func (w *world) policy(version int64) provision.Policy {
	return provision.Policy{
		Version: version,
		Create:  rapid.SampledFrom([]provision.CreateRule{provision.CreateAllow, provision.CreateAllow, provision.CreateAllow, provision.CreateApprove, provision.CreateDeny, provision.CreateInvite}).Draw(w.t, "create"),
		Mode:    rapid.SampledFrom([]provision.Mode{"", provision.Ephemeral, provision.Provisioned}).Draw(w.t, "mode"),
		Seats:   rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(w.t, "seats"),
		Groups:  rapid.SampledFrom([]provision.GroupRule{{}, {}, {}, {Any: []string{"eng*"}}, {None: []string{"ext"}}}).Draw(w.t, "groups"),
		Roles: provision.RoleRule{
			Default: []string{"reader"}, Map: map[string][]string{"eng": {"engineer"}}, Ceiling: rapid.SampledFrom([][]string{nil, {"reader"}, {"reader", "engineer"}}).Draw(w.t, "ceiling"),
		},
		MaxSession: rapid.SampledFrom([]time.Duration{0, time.Hour, time.Minute}).Draw(w.t, "max_session"),
		Idle:       rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(w.t, "idle"),
		MaxAuthAge: rapid.SampledFrom([]time.Duration{0, 0, time.Hour}).Draw(w.t, "max_auth_age"),
	}
}

// any draws one of a map's keys, or "" when there is none.
func anyOf[K ~string, V any](w *world, m map[K]V, what string) K {
	if len(m) == 0 {
		return ""
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(m))).Draw(w.t, what)
}

func (w *world) must(faults []string) {
	w.t.Helper()
	for _, fault := range faults {
		w.t.Error(fault)
	}
	if len(faults) > 0 {
		w.t.FailNow()
	}
}

// oddly is true now and then: rapid prefers small numbers.
func (w *world) oddly(what string) bool { return rapid.IntRange(0, 99).Draw(w.t, what) >= 85 }

// request draws what an identity provider and a browser may say: honest in the main.
func (w *world) request() provision.Request {
	c := anyOf(w, w.connections, "connection")
	tenant := string(w.connections[c].Tenant)
	name := rapid.SampledFrom([]string{"ada", "eve", "bob"}).Draw(w.t, "name")
	r := provision.Request{
		Occasion:  provision.OnLogin,
		Facts:     provision.Facts{Connection: c, Subject: name, Email: name + "@" + tenant + ".test", EmailVerified: true, Groups: []string{"eng"}},
		Authn:     provision.Authn{At: w.now},
		Pseudonym: fmt.Sprintf("p:%s:%s", c, name),
		Spend:     []provision.Spent{{Kind: "assertion", Scope: string(c), ID: w.draw()}},
		Actor:     provision.Actor{Kind: provision.Person, Via: "login"},
	}
	if w.oddly("another address") {
		r.Facts.Email = rapid.SampledFrom([]string{"ada@" + tenant + ".test", "new@" + tenant + ".test", "ada@acme.test", "ada@evil.test", ""}).Draw(w.t, "email")
	}
	if w.oddly("other facts") {
		r.Facts.EmailVerified, r.Facts.Groups = rapid.Bool().Draw(w.t, "verified"), rapid.SampledFrom([][]string{nil, {"ext"}}).Draw(w.t, "groups")
	}
	if w.oddly("an old login") {
		r.Authn.At = w.now.Add(-time.Duration(rapid.IntRange(0, 90).Draw(w.t, "age")) * time.Minute)
	}
	if w.oddly("an end upstream") {
		r.Authn.SessionEnd = w.now.Add(time.Duration(rapid.IntRange(-1, 20).Draw(w.t, "minutes")) * time.Minute)
	}
	if len(w.spent) > 0 && w.oddly("a replay") {
		r.Spend = append(r.Spend, rapid.SampledFrom(w.spent).Draw(w.t, "spent"))
	}
	if rapid.Bool().Draw(w.t, "same browser") {
		r.Replaces = anyOf(w, w.leases, "former")
	}
	if len(w.leases) > 0 && rapid.Bool().Draw(w.t, "a wish") {
		id := anyOf(w, w.leases, "intent")
		r.Occasion, r.Intent, r.Replaces = provision.OnLink, provision.Intent{Lease: id, Account: w.leases[id].Account}, id
		r.Facts.Email = w.accounts[r.Intent.Account].Email.String()
	}
	return r
}

// login is a random login. Nobody who is kept away comes in, under whatever name (I9, I17).
func (w *world) login() {
	r := w.request()
	before := maps.Clone(w.accounts)
	kept := map[provision.AccountID]bool{}
	for _, x := range w.links {
		a := w.accounts[x.Account]
		if x.Pseudonym != r.Pseudonym || a.Tenant == "" {
			continue
		}
		away := a.State == provision.Revoked || a.State == provision.Suspended || a.Before == provision.Revoked || a.Before == provision.Suspended
		clear(kept) // whom it led to before its connection was deleted is another person
		kept[a.ID] = away
	}
	d, faults := w.ledger.login(r)
	w.must(faults)
	w.seen[string(d.Outcome)]++
	if d.Outcome == provision.Denied {
		w.seen[string(d.Reason)]++
		return
	}
	for id, away := range kept {
		if away && !w.byName[r.Pseudonym] {
			w.t.Fatalf("I17: %s is kept away, and came in as %s", id, d.Account.ID)
		}
	}
	if old := before[d.Account.ID]; d.Outcome == provision.Resumed && old.State != provision.Active && old.State != provision.Dormant {
		w.t.Fatalf("I9: %s was %s", d.Account.ID, old.State)
	}
}

// administer is a random verb on a random account.
func (w *world) administer() {
	id := anyOf(w, w.accounts, "account")
	account := w.accounts[id]
	key := provision.LinkKey{Connection: anyOf(w, w.connections, "connection"), Subject: rapid.SampledFrom([]string{"ada", "eve", "bob"}).Draw(w.t, "subject")}
	if links := w.linksOf(id); len(links) > 0 && rapid.Bool().Draw(w.t, "its own") {
		key = links[0].LinkKey
	}
	link := provision.Link{LinkKey: key, Pseudonym: fmt.Sprintf("p:%s:%s", key.Connection, key.Subject)}
	verbs := map[string]verb{
		"suspend": provision.SuspendAccount, "revoke": provision.RevokeAccount, "end": provision.EndAccount, "release": provision.ReleaseAccount,
		"restore": provision.RestoreAccount, "approve": provision.ApproveAccount, "delete": provision.DeleteAccount, "unlink": provision.UnlinkAccount,
		"link": func(s provision.State, a provision.Act) (provision.Change, error) {
			return provision.LinkAccount(s, link, a)
		},
	}
	name := anyOf(w, verbs, "verb")
	if len(w.linksOf(id)) > 1 && rapid.Bool().Draw(w.t, "unlink") {
		name, key = "unlink", w.linksOf(id)[0].LinkKey
	}
	target := provision.Target{Account: id, Link: key, Connection: key.Connection}
	if name == "unlink" {
		target.Connection = ""
	}
	faults, err := w.amend(target, verbs[name])
	w.must(faults)
	if err == nil {
		w.seen[name]++
		w.byName[link.Pseudonym] = w.byName[link.Pseudonym] || name == "link"
	}
	if now := w.accounts[id]; now.State == provision.Active && account.State != provision.Active {
		w.t.Fatalf("I9: %s made %s active", name, id)
	}
}

// create is a random account made by an administrator.
func (w *world) create() {
	c := w.connections[anyOf(w, w.connections, "connection")]
	address, err := provision.ParseEmail(rapid.SampledFrom([]string{"ada@acme.test", "eve@acme.test", "ada@beta.test"}).Draw(w.t, "email"))
	if err != nil {
		w.t.Fatal(err)
	}
	link := provision.Link{}
	if rapid.Bool().Draw(w.t, "with a sign-in") {
		subject := rapid.SampledFrom([]string{"ada", "eve", "bob"}).Draw(w.t, "subject")
		link = provision.Link{LinkKey: provision.LinkKey{Connection: c.ID, Subject: subject}, Pseudonym: fmt.Sprintf("p:%s:%s", c.ID, subject)}
	}
	faults, err := w.amend(provision.Target{Connection: c.ID, Link: link.LinkKey, Pseudonym: link.Pseudonym, Email: address}, func(s provision.State, a provision.Act) (provision.Change, error) {
		return provision.CreateAccount(s, address, "Ada", link, a)
	})
	w.must(faults)
	if err == nil {
		w.seen["create"]++
	}
}

// end is a random end of one lease or of all of an account.
func (w *world) end() {
	id := anyOf(w, w.leases, "lease")
	e := provision.End{Cause: provision.CauseLogout, Actor: provision.Actor{Kind: provision.Person, Via: "web"}}
	if rapid.Bool().Draw(w.t, "one") {
		e.Leases = []provision.LeaseID{id}
	}
	w.must(w.commit(provision.EndLeases(w.state(provision.Target{Lease: id}).OfFormer(), e, ids(w.draw()), w.now)))
}

// revoke is a random revocation of many at once; nothing below is live afterwards.
func (w *world) revoke() {
	scope := rapid.SampledFrom([]provision.Scope{{Tenant: "acme"}, {Connection: "acme-saml"}, {Domain: w.domains[1]}, {}}).Draw(w.t, "scope")
	target := provision.Target{Tenant: scope.Tenant, Connection: scope.Connection, Domain: scope.Domain}
	if !scope.Domain.IsZero() {
		target.Tenant = "acme"
	}
	faults, err := w.amend(target, func(s provision.State, a provision.Act) (provision.Change, error) {
		return provision.RevokeScope(s, scope, provision.CauseAdmin, provision.RevocationID("rev_"+w.draw()), a)
	})
	w.must(faults)
	if err != nil {
		return
	}
	w.seen["revoke scope"]++
	for id, l := range w.leases {
		below := (scope.Tenant == "" || l.Tenant == scope.Tenant) && (scope.Connection == "" || l.Connection == scope.Connection) && (scope.Domain.IsZero() || l.Domain == scope.Domain)
		if below && w.standing(id).Refuses(w.now) == "" {
			w.t.Fatalf("lease %s outlives the revocation of %+v", id, scope)
		}
	}
}

// change is a random change of a tenant's rules or of a claim, applied to live leases.
func (w *world) change() {
	id := anyOf(w, w.tenants, "tenant")
	tenant := w.tenants[id]
	switch rapid.IntRange(0, 3).Draw(w.t, "what") {
	case 0, 1:
		tenant.Policy = w.policy(tenant.Policy.Version + 1)
	case 2:
		tenant.Suspended = !tenant.Suspended
	case 3:
		claim := w.claims[claimKey(w.domains[0], "acme")]
		claim.State = rapid.SampledFrom([]provision.ClaimState{provision.ClaimVerified, provision.ClaimFailing, provision.ClaimLapsed}).Draw(w.t, "claim")
		w.claims[claimKey(w.domains[0], "acme")] = claim
	}
	w.tenants[id] = tenant
	w.must(w.regate(id))
	for lease := range w.leases {
		s := w.standing(lease)
		for _, role := range s.Roles() {
			if !slices.Contains(s.Lease.Grant.Roles, role) || len(tenant.Policy.Roles.Within([]string{role})) == 0 && s.Tenant.ID == id {
				w.t.Fatalf("I12: %s has role %s", lease, role)
			}
		}
	}
}

// descend puts a lease below a random one, as an elevation would.
func (w *world) descend() {
	up := w.leases[anyOf(w, w.leases, "parent")]
	if w.standing(up.ID).Refuses(w.now) != "" {
		return
	}
	child := up
	child.ID, child.Parent = provision.NewLeaseID(up.Tenant, "child"+w.draw()), up.ID
	child.End = up.End.Add(-time.Duration(rapid.IntRange(0, 1000).Draw(w.t, "seconds")) * time.Second)
	w.leases[child.ID] = child
}

// wait moves the clock on, and with it the reaper, mostly.
func (w *world) wait() {
	live := map[provision.LeaseID]bool{}
	for id := range w.leases {
		live[id] = w.standing(id).Refuses(w.now) == ""
	}
	w.now = w.now.Add(time.Duration(rapid.SampledFrom([]int{1, 30, 120, 2000, 40000}).Draw(w.t, "seconds")) * time.Second)
	for id, was := range live {
		if !was && w.standing(id).Refuses(w.now) == "" {
			w.t.Fatalf("lease %s came to life by waiting", id)
		}
	}
	if rapid.IntRange(0, 3).Draw(w.t, "reaper") > 0 {
		w.must(w.reap())
	}
}

func TestTheInvariantsHoldThroughEveryHistory(t *testing.T) { // I1, I3 to I9, I11, I12, I17
	seen := map[string]int{}
	history := func(rt *rapid.T) {
		w := newWorld(rt, t, seen)
		ended := map[provision.LeaseID]provision.Lease{}
		for range rapid.IntRange(40, 150).Draw(rt, "steps") {
			do := rapid.SampledFrom([]func(){w.login, w.login, w.login, w.login, w.login, w.login, w.administer, w.administer, w.administer, w.create, w.wait, w.enter, w.enter, w.deliver, w.end, w.descend, w.change, w.revoke, w.remake}).Draw(rt, "step")
			do()
			for id, l := range w.leases {
				if was, ok := ended[id]; ok && (l.EndedAt != was.EndedAt || l.EndReason != was.EndReason) {
					rt.Fatalf("lease %s ended twice", id)
				}
				if !l.EndedAt.IsZero() {
					ended[id] = l
				}
			}
		}
		w.must(w.reap())
	}
	missing := func() []string {
		return slices.DeleteFunc([]string{
			"created", "linked", "resumed", "pending", "denied", "email_taken", "replayed", "account_revoked", "account_suspended", "link_refused", "seats_full",
			"suspend", "revoke", "end", "release", "restore", "approve", "delete", "link", "unlink", "create", "revoke scope", "remake", "session.ended",
			"account.deactivated", "void", "told that it is gone",
		}, func(what string) bool { return seen[what] > 0 })
	}
	for round := 0; round < 20 && len(missing()) > 0; round++ { // what is rare comes in a few rounds
		rapid.Check(t, history)
	}
	if none := missing(); len(none) > 0 {
		t.Errorf("no history came to %q: %v", none, seen)
	}
}

func TestALeaseFromBeforeARevocationIsDeadInEveryHistory(t *testing.T) { // I10
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, t, map[string]int{})
		for range rapid.IntRange(1, 20).Draw(rt, "before") {
			rapid.SampledFrom([]func(){w.login, w.login, w.create}).Draw(rt, "step")()
		}
		id := anyOf(w, w.accounts, "account")
		if id == "" {
			return
		}
		old := w.leasesOf(id)
		faults, err := w.amend(provision.Target{Account: id}, provision.RevokeAccount)
		if w.must(faults); err != nil {
			return
		}
		_, _ = w.amend(provision.Target{Account: id}, provision.RestoreAccount) // an ephemeral one keeps its tombstone
		for range rapid.IntRange(0, 20).Draw(rt, "after") {
			rapid.SampledFrom([]func(){w.login, w.login, w.administer, w.wait}).Draw(rt, "step")()
		}
		for _, l := range old { // the rows as they were, put back
			w.leases[l.ID] = l
			if w.standing(l.ID).Refuses(l.Start) == "" || w.standing(l.ID).Refuses(w.now) == "" {
				rt.Fatalf("lease %s gives access again", l.ID)
			}
		}
	})
}

func TestAClockThatGoesBackRevivesNothingThatEnded(t *testing.T) { // I13
	revived := 0
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, t, map[string]int{})
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			rapid.SampledFrom([]func(){w.login, w.login, w.administer, w.end, w.revoke, w.wait}).Draw(rt, "step")()
		}
		w.must(w.reap())
		for id, l := range w.leases {
			if l.EndedAt.IsZero() {
				continue
			}
			back := w.now.Add(-time.Duration(rapid.IntRange(0, 1_000_000).Draw(rt, "seconds back")) * time.Second)
			if revived++; w.standing(id).Refuses(back) == "" {
				rt.Fatalf("lease %s is live again at %s", id, back)
			}
		}
	})
	if revived == 0 {
		t.Error("no lease ended")
	}
}

func TestEveryTestThatTheInvariantsNameExists(t *testing.T) {
	document, err := os.ReadFile("../docs/invariants.md")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(source)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`").FindAllSubmatch(document, -1)
	for _, name := range named {
		if !strings.Contains(sources.String(), "func "+string(name[1])+"(") {
			t.Errorf("there is no %s", name[1])
		}
	}
	for i := 1; i <= 17; i++ {
		if !strings.Contains(string(document), fmt.Sprintf("| I%d |", i)) {
			t.Errorf("I%d is not there", i)
		}
	}
	if len(named) < 20 {
		t.Errorf("only %d tests are named", len(named))
	}
}

func TestAZeroedPartOfAStandingGivesNoAccess(t *testing.T) { // I14
	for name, zero := range map[string]func(*provision.Standing){
		"lease":      func(s *provision.Standing) { s.Lease = provision.Lease{} },
		"account":    func(s *provision.Standing) { s.Account = provision.Account{} },
		"tenant":     func(s *provision.Standing) { s.Tenant = provision.Tenant{} },
		"connection": func(s *provision.Standing) { s.Connection = provision.Connection{} },
		"claim":      func(s *provision.Standing) { s.Claim = provision.Claim{} },
		"end":        func(s *provision.Standing) { s.Lease.End = time.Time{} },
	} {
		s := live(t)
		zero(&s)
		if s.Refuses(noon()) == "" {
			t.Errorf("without its %s it gives access", name)
		}
	}
}

func TestAZeroedPartOfAStateLetsNobodyNewIn(t *testing.T) { // I14
	for name, zero := range map[string]func(*scene){
		"tenant":     func(s *scene) { s.State.Tenant = provision.Tenant{} },
		"policy":     func(s *scene) { s.State.Tenant.Policy = provision.Policy{} },
		"connection": func(s *scene) { s.State.Connection = provision.Connection{} },
		"claim":      func(s *scene) { s.State.Claim = provision.Claim{} },
		"facts":      func(s *scene) { s.Request.Facts = provision.Facts{} },
		"occasion":   func(s *scene) { s.Request.Occasion = "" },
	} {
		s := firstLogin(t)
		zero(&s)
		if d := s.decide(t); d.Outcome != provision.Denied {
			t.Errorf("without its %s: %s", name, d.Outcome)
		}
	}
}
