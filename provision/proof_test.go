package provision_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"leasehold/provision"
)

// zone is one domain with the claims of several tenants on it, kept as a ledger would keep them.
type zone struct {
	domain  provision.Domain
	claims  map[provision.TenantID]provision.Claim
	events  []provision.Event
	ended   []provision.Revocation
	now     time.Time
	actions int
}

func newZone(t interface{ Fatal(...any) }, tenants ...provision.TenantID) *zone {
	d, err := provision.ParseDomain("acme.test")
	if err != nil {
		t.Fatal(err)
	}
	z := &zone{domain: d, claims: map[provision.TenantID]provision.Claim{}, now: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)}
	for _, tenant := range tenants {
		if err := z.write(provision.NewClaim(z.state(tenant), d, "token-of-"+string(tenant), z.act())); err != nil {
			t.Fatal(err)
		}
	}
	return z
}

func (z *zone) owners() (owners []provision.Claim) {
	for _, c := range z.claims {
		if c.Owns() {
			owners = append(owners, c)
		}
	}
	return owners
}

// state is what a ledger reads for a target of the tenant and the domain.
func (z *zone) state(tenant provision.TenantID) provision.State {
	s := provision.State{Tenant: provision.Tenant{ID: tenant}, OwnClaim: z.claims[tenant], Claim: z.claims[tenant]}
	if owners := z.owners(); len(owners) > 0 {
		s.Claim = owners[0]
	}
	return s
}

func (z *zone) act() provision.Act {
	z.actions++
	id := z.actions
	return provision.Act{
		Actor: provision.Actor{Kind: provision.Operator, ID: "uid:1000", Via: "test"}, Now: z.now, Why: "because",
		IDs: provision.IDs{Event: func(n int) provision.EventID { return provision.EventID(fmt.Sprintf("evt_%d_%d", id, n)) }},
	}
}

func (z *zone) write(c provision.Change, err error) error {
	if err != nil {
		return err
	}
	for _, claim := range c.Claims {
		z.claims[claim.Tenant] = claim
	}
	z.events, z.ended = append(z.events, c.Events...), append(z.ended, c.Revocations...)
	return nil
}

func (z *zone) try(tenant provision.TenantID, answer provision.Answer) error {
	try := provision.Try{Claim: z.claims[tenant], Answer: answer, Revocation: provision.RevocationID(fmt.Sprintf("rev_%d", z.actions))}
	return z.write(provision.ProveClaim(z.state(tenant), try, z.act()))
}

func (z *zone) attest(tenant provision.TenantID) error {
	return z.write(provision.AttestClaim(z.state(tenant), z.domain, z.act()))
}

// step is one look at the claim of tenant "a", some time after the one before.
type step struct {
	after  time.Duration
	answer provision.Answer
	want   provision.ClaimState
	events int // that this step writes
}

func TestAClaimMovesWithWhatItsZoneAnswers(t *testing.T) {
	proved := step{0, provision.Proved, provision.ClaimVerified, 1}
	tests := map[string][]step{
		"a pending claim that is never proved stays pending": {
			{0, provision.Absent, provision.ClaimPending, 0}, {100 * time.Hour, provision.Absent, provision.ClaimPending, 0},
		},
		"a wildcard proves nothing":   {{0, provision.Wildcard, provision.ClaimPending, 0}},
		"nobody's answer is no proof": {{0, provision.Unknown, provision.ClaimPending, 0}},
		"a proof that stays is no news": {
			proved, {24 * time.Hour, provision.Proved, provision.ClaimVerified, 0},
		},
		"one failure changes nothing": {
			proved, {24 * time.Hour, provision.Absent, provision.ClaimVerified, 0},
		},
		"two failures within the hour change nothing": {
			proved, {time.Hour, provision.Absent, provision.ClaimVerified, 0},
			{time.Hour - time.Nanosecond, provision.Absent, provision.ClaimVerified, 0},
		},
		"two failures an hour apart fail": {
			proved, {time.Hour, provision.Absent, provision.ClaimVerified, 0}, {time.Hour, provision.Absent, provision.ClaimFailing, 1},
		},
		"a wildcard is a failure of a claim that stood": {
			proved, {time.Hour, provision.Wildcard, provision.ClaimVerified, 0}, {time.Hour, provision.Wildcard, provision.ClaimFailing, 1},
		},
		"a good answer between two failures starts anew": {
			proved, {time.Hour, provision.Absent, provision.ClaimVerified, 0}, {time.Hour, provision.Proved, provision.ClaimVerified, 0},
			{time.Hour, provision.Absent, provision.ClaimVerified, 0},
		},
		"time-outs never fail a claim": {
			proved, {time.Hour, provision.Unknown, provision.ClaimVerified, 0}, {1000 * time.Hour, provision.Unknown, provision.ClaimVerified, 0},
		},
		"time-outs never lapse a failing claim": {
			proved, {time.Hour, provision.Absent, provision.ClaimVerified, 0}, {time.Hour, provision.Absent, provision.ClaimFailing, 1},
			{100 * time.Hour, provision.Unknown, provision.ClaimFailing, 0},
		},
		"a claim lapses when the grace is over, and not before": {
			proved, {time.Hour, provision.Absent, provision.ClaimVerified, 0}, {time.Hour, provision.Absent, provision.ClaimFailing, 1},
			{71*time.Hour - time.Nanosecond, provision.Absent, provision.ClaimFailing, 0},
			{time.Nanosecond, provision.Absent, provision.ClaimLapsed, 1}, {time.Hour, provision.Absent, provision.ClaimLapsed, 0},
		},
		"a claim fails before it lapses, however long nobody could tell": {
			proved, {time.Hour, provision.Absent, provision.ClaimVerified, 0}, {200 * time.Hour, provision.Absent, provision.ClaimFailing, 1},
		},
		"one good answer restores a failing claim": {
			proved, {time.Hour, provision.Absent, provision.ClaimVerified, 0}, {time.Hour, provision.Absent, provision.ClaimFailing, 1},
			{time.Hour, provision.Proved, provision.ClaimVerified, 1},
		},
		"one good answer restores a lapsed claim": {
			proved, {time.Hour, provision.Absent, provision.ClaimVerified, 0}, {time.Hour, provision.Absent, provision.ClaimFailing, 1},
			{100 * time.Hour, provision.Absent, provision.ClaimLapsed, 1}, {time.Hour, provision.Proved, provision.ClaimVerified, 1},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			z := newZone(t, "a")
			for i, step := range steps {
				z.now = z.now.Add(step.after)
				before := len(z.events)
				if err := z.try("a", step.answer); err != nil {
					t.Fatal(err)
				}
				if got := z.claims["a"].State; got != step.want {
					t.Fatalf("step %d: the claim is %s, want %s", i, got, step.want)
				}
				if got := len(z.events) - before; got != step.events {
					t.Errorf("step %d wrote %d events, want %d", i, got, step.events)
				}
			}
		})
	}
}

func TestALapseEndsTheDomainsLeasesInOneChangeWithOneEvent(t *testing.T) {
	z := newZone(t, "a")
	z.lapse(t)
	c := z.claims["a"]
	if c.Generation != 2 {
		t.Errorf("the generation is %d, want 2: leases of generation 1 have to end", c.Generation)
	}
	want := provision.Scope{Domain: z.domain}
	if len(z.ended) != 1 || z.ended[0].Scope != want || z.ended[0].Cause != provision.CauseDomainLapsed || z.ended[0].ID == "" || !z.ended[0].Requested.Equal(z.now) {
		t.Fatalf("the revocations are %+v, want one of %v", z.ended, want)
	}
	last := z.events[len(z.events)-1]
	if last.Kind != provision.EventDomainClaim || last.Outcome != "lapsed" || last.Reason != "domain_lapsed" || last.Check != "absent" || last.Domain != z.domain || last.Revocation.ID != z.ended[0].ID {
		t.Errorf("the event is %+v", last)
	}
	lease := provision.Lease{Tenant: "a", Domain: z.domain, ID: "a.x", Account: "acc", Connection: "c", End: z.now.Add(time.Hour)}
	lease.Generations.Domain = 1
	if cause, ref := provision.Over(provision.Standing{Lease: lease, Claim: c}, z.ended, z.now); cause != provision.CauseDomainLapsed || ref.ID != z.ended[0].ID {
		t.Errorf("a lease of before is over by %q, %q", cause, ref.ID)
	}
	if err := z.try("a", provision.Proved); err != nil {
		t.Fatal(err)
	}
	if got := z.claims["a"].Generation; got != 2 {
		t.Errorf("after the proof came back the generation is %d: leases that ended would be live again", got)
	}
}

// lapse proves the claim of "a" and lets it fail until it has lapsed.
func (z *zone) lapse(t *testing.T) {
	t.Helper()
	for _, step := range []step{{0, provision.Proved, provision.ClaimVerified, 0}, {time.Hour, provision.Absent, provision.ClaimVerified, 0}, {time.Hour, provision.Absent, provision.ClaimFailing, 0}, {71 * time.Hour, provision.Absent, provision.ClaimLapsed, 0}} {
		z.now = z.now.Add(step.after)
		if err := z.try("a", step.answer); err != nil {
			t.Fatal(err)
		}
		if got := z.claims["a"].State; got != step.want {
			t.Fatalf("the claim is %s, want %s", got, step.want)
		}
	}
}

func TestAnOwnerThatStandsIsNotDisplaced(t *testing.T) {
	for _, failures := range []int{0, 1, 2} {
		z := newZone(t, "a", "b")
		if err := z.try("a", provision.Proved); err != nil {
			t.Fatal(err)
		}
		for range failures {
			z.now = z.now.Add(time.Hour)
			if err := z.try("a", provision.Absent); err != nil {
				t.Fatal(err)
			}
		}
		before := len(z.events)
		for range 3 {
			if err := z.try("b", provision.Proved); err != nil {
				t.Fatal(err)
			}
		}
		if owners := z.owners(); len(owners) != 1 || owners[0].Tenant != "a" {
			t.Fatalf("after %d failures the owners are %+v, want a alone", failures, owners)
		}
		if b := z.claims["b"]; b.State != provision.ClaimPending || b.Answer != provision.Foreign {
			t.Errorf("b's claim is %s, %s", b.State, b.Answer)
		}
		if len(z.events) != before+1 || z.events[before].Outcome != "denied" || z.events[before].Reason != "domain_foreign" || z.events[before].Tenant != "b" {
			t.Errorf("three refusals wrote %+v, want one event", z.events[before:])
		}
		if err := z.attest("b"); !errors.Is(err, provision.ErrConflict) {
			t.Errorf("attesting b's claim says %v, want a conflict", err)
		}
	}
}

func TestALapsedOwnerIsDisplacedByAnothersProof(t *testing.T) {
	for name, win := range map[string]func(*zone) error{
		"dns":      func(z *zone) error { return z.try("b", provision.Proved) },
		"operator": func(z *zone) error { return z.attest("b") },
	} {
		t.Run(name, func(t *testing.T) {
			z := newZone(t, "a", "b")
			z.lapse(t)
			lapsed, before := z.claims["a"], len(z.events)
			if err := win(z); err != nil {
				t.Fatal(err)
			}
			a, b := z.claims["a"], z.claims["b"]
			if a.State != provision.ClaimPending || b.State != provision.ClaimVerified {
				t.Fatalf("a's claim is %s and b's is %s", a.State, b.State)
			}
			if a.Generation <= lapsed.Generation || b.Generation <= lapsed.Generation {
				t.Errorf("generations are %d and %d: leases of generation %d would not be past", a.Generation, b.Generation, lapsed.Generation)
			}
			written := z.events[before:]
			if len(written) != 2 || written[0].Tenant != "a" || written[0].Outcome != "pending" || written[1].Tenant != "b" || written[1].Outcome != "verified" || written[0].ID == written[1].ID {
				t.Errorf("the events are %+v", written)
			}
			if written[0].Personal != (provision.Personal{}) || written[1].Personal.Detail != "because" {
				t.Errorf("a is told %+v, and b %+v", written[0].Personal, written[1].Personal)
			}
			if err := z.try("a", provision.Proved); err != nil || z.claims["a"].State != provision.ClaimPending {
				t.Errorf("the former owner's claim is %s (%v), though b's stands", z.claims["a"].State, err)
			}
		})
	}
}

func TestTheChangeOfATakeoverWritesTheFormerOwnerFirst(t *testing.T) {
	z := newZone(t, "a", "b")
	z.lapse(t)
	change, err := provision.ProveClaim(z.state("b"), provision.Try{Claim: z.claims["b"], Answer: provision.Proved}, z.act())
	if err != nil || len(change.Claims) != 2 || change.Claims[0].Tenant != "a" || change.Claims[1].Tenant != "b" {
		t.Errorf("the claims are %+v (%v): a unique index over owners would break", change.Claims, err)
	}
}

func TestAnAnswerToAnOlderQuestionIsRefused(t *testing.T) {
	z := newZone(t, "a")
	asked := z.claims["a"]
	if err := z.try("a", provision.Proved); err != nil {
		t.Fatal(err)
	}
	z.now = z.now.Add(time.Hour)
	otherToken := z.claims["a"]
	otherToken.Token = "other"
	for name, claim := range map[string]provision.Claim{"older": asked, "other token": otherToken} {
		_, err := provision.ProveClaim(z.state("a"), provision.Try{Claim: claim, Answer: provision.Absent}, z.act())
		if !errors.Is(err, provision.ErrConflict) {
			t.Errorf("%s: %v, want a conflict", name, err)
		}
	}
}

func TestNothingFollowsFromNothing(t *testing.T) {
	z := newZone(t, "a")
	full := provision.Try{Claim: z.claims["a"], Answer: provision.Proved}
	if _, err := provision.ProveClaim(provision.State{}, full, z.act()); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("the zero State: %v", err)
	}
	if _, err := provision.ProveClaim(z.state("a"), provision.Try{Claim: z.claims["a"]}, z.act()); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("the zero Answer: %v", err)
	}
	if _, err := provision.ProveClaim(z.state("a"), provision.Try{Answer: provision.Proved}, z.act()); err == nil {
		t.Error("a try of the zero Claim changed something")
	}
	if _, err := provision.ProveClaim(provision.State{OwnClaim: provision.Claim{State: provision.ClaimPending, Proof: provision.ProofDNS}}, provision.Try{Answer: provision.Proved}, z.act()); err == nil {
		t.Error("a claim without a token was proved")
	}
	if _, err := provision.NewClaim(provision.State{}, z.domain, "t", z.act()); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("a claim of no tenant: %v", err)
	}
	if _, err := provision.NewClaim(z.state("b"), z.domain, "", z.act()); err == nil {
		t.Error("a claim without a token was made")
	}
	if _, err := provision.NewClaim(z.state("a"), z.domain, "t", z.act()); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("a second claim: %v", err)
	}
}

func TestAStateThatContradictsItselfProvesNothing(t *testing.T) {
	other, err := provision.ParseDomain("other.test")
	if err != nil {
		t.Fatal(err)
	}
	z := newZone(t, "a")
	z.lapse(t)
	owner := z.state("a")
	owner.Claim = provision.Claim{}
	abroad := z.state("a")
	abroad.Claim.Domain = other
	for name, s := range map[string]provision.State{"an owner of whom the domain does not know": owner, "another domain's owner": abroad} {
		change, err := provision.ProveClaim(s, provision.Try{Claim: s.OwnClaim, Answer: provision.Proved}, z.act())
		if err != nil || len(change.Claims) != 1 || change.Claims[0].State != provision.ClaimLapsed {
			t.Errorf("%s: %+v, %v", name, change.Claims, err)
		}
	}
}

func TestOnlyTheOperatorsWordAttests(t *testing.T) {
	z := newZone(t)
	for _, kind := range []string{"", provision.Person, provision.TenantAdmin, provision.Partner, provision.Workload, provision.System} {
		act := z.act()
		act.Actor.Kind = kind
		if _, err := provision.AttestClaim(z.state("a"), z.domain, act); !errors.Is(err, provision.ErrDenied) {
			t.Errorf("%q: %v, want denied", kind, err)
		}
	}
	if err := z.attest("a"); err != nil {
		t.Fatal(err)
	}
	c, e := z.claims["a"], z.events[len(z.events)-1]
	if c.State != provision.ClaimVerified || c.Proof != provision.ProofOperator || c.Note != "attested by operator uid:1000" {
		t.Errorf("the claim is %+v", c)
	}
	if e.Outcome != "verified" || e.Check != "attested" || e.Actor.ID != "uid:1000" {
		t.Errorf("the event is %+v", e)
	}
	if next := c.NextTry(24 * time.Hour); !next.IsZero() {
		t.Errorf("an attested claim is due at %s", next)
	}
	if err := z.try("a", provision.Absent); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("a try of an attested claim: %v, want a conflict", err)
	}
}

func TestAnAttestedClaimThatGoesOverToDNSStandsAndIsDueAtOnce(t *testing.T) {
	z := newZone(t)
	if err := z.attest("a"); err != nil {
		t.Fatal(err)
	}
	if err := z.write(provision.NewClaim(z.state("a"), z.domain, "token", z.act())); err != nil {
		t.Fatal(err)
	}
	c := z.claims["a"]
	if c.State != provision.ClaimVerified || c.Proof != provision.ProofDNS || c.Token != "token" || c.Note != "" || c.NextTry(24*time.Hour).After(z.now) {
		t.Errorf("the claim is %+v, due %s", c, c.NextTry(24*time.Hour))
	}
}

func TestNextTry(t *testing.T) {
	created := time.Date(2026, 1, 5, 9, 10, 20, 0, time.UTC)
	at := func(d time.Duration) time.Time { return created.Add(d) }
	pending := provision.Claim{Proof: provision.ProofDNS, State: provision.ClaimPending, Created: created}
	with := func(change func(*provision.Claim)) provision.Claim {
		c := pending
		c.State, c.LastTried = provision.ClaimVerified, at(10*time.Hour)
		change(&c)
		return c
	}
	tried := func(d time.Duration) provision.Claim { c := pending; c.LastTried = at(d); return c }
	tests := map[string]struct {
		claim provision.Claim
		want  time.Time
	}{
		"a new claim, at once":                    {pending, created},
		"pending, the next minute":                {tried(time.Second), time.Date(2026, 1, 5, 9, 11, 0, 0, time.UTC)},
		"pending for almost an hour, still":       {tried(59 * time.Minute), time.Date(2026, 1, 5, 10, 10, 0, 0, time.UTC)},
		"pending for an hour, an hour later":      {tried(time.Hour), at(2 * time.Hour)},
		"verified, with the others":               {with(func(*provision.Claim) {}), time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC)},
		"failed once, an hour later":              {with(func(c *provision.Claim) { c.FirstFail = at(9 * time.Hour) }), at(11 * time.Hour)},
		"verified and not checked, an hour later": {with(func(c *provision.Claim) { c.Unchecked = at(9 * time.Hour) }), at(11 * time.Hour)},
		"failing, an hour later":                  {with(func(c *provision.Claim) { c.State = provision.ClaimFailing }), at(11 * time.Hour)},
		"lapsed, an hour later":                   {with(func(c *provision.Claim) { c.State = provision.ClaimLapsed }), at(11 * time.Hour)},
		"attested, never":                         {with(func(c *provision.Claim) { c.Proof = provision.ProofOperator }), time.Time{}},
		"the zero claim, never":                   {provision.Claim{}, time.Time{}},
	}
	for name, test := range tests {
		if got := test.claim.NextTry(24 * time.Hour); !got.Equal(test.want) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestClaimsMoveAlongTheArrowsAndADomainHasOneOwner(t *testing.T) {
	arrows := map[[2]provision.ClaimState]bool{
		{provision.ClaimPending, provision.ClaimVerified}: true,
		{provision.ClaimFailing, provision.ClaimVerified}: true,
		{provision.ClaimLapsed, provision.ClaimVerified}:  true,
		{provision.ClaimVerified, provision.ClaimFailing}: true,
		{provision.ClaimFailing, provision.ClaimLapsed}:   true,
		{provision.ClaimLapsed, provision.ClaimPending}:   true,
	}
	tenants := []provision.TenantID{"a", "b", "c"}
	answers := []provision.Answer{provision.Proved, provision.Absent, provision.Wildcard, provision.Unknown}
	seen := map[[2]provision.ClaimState]bool{}
	rapid.Check(t, func(t *rapid.T) {
		z := newZone(t, tenants...)
		leases := []provision.Lease{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			z.now = z.now.Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "hours")) * time.Hour)
			tenant, answer := rapid.SampledFrom(tenants).Draw(t, "tenant"), rapid.SampledFrom(answers).Draw(t, "answer")
			before, events, revocations := map[provision.TenantID]provision.Claim{}, len(z.events), len(z.ended)
			for id, c := range z.claims {
				before[id] = c
			}
			if err := z.try(tenant, answer); err != nil {
				t.Fatal(err)
			}
			if owners := z.owners(); len(owners) > 1 {
				t.Fatalf("%d owners: %+v", len(owners), owners)
			}
			moves := 0
			for id, c := range z.claims {
				if c.Generation < before[id].Generation {
					t.Fatalf("%s: the generation went back from %d to %d", id, before[id].Generation, c.Generation)
				}
				if move := [2]provision.ClaimState{before[id].State, c.State}; move[0] != move[1] {
					if !arrows[move] {
						t.Fatalf("%s went from %s to %s", id, move[0], move[1])
					}
					if (answer == provision.Unknown) || (c.State == provision.ClaimVerified) != (answer == provision.Proved && id == tenant) {
						t.Fatalf("%s went from %s to %s by %s of %s", id, move[0], move[1], answer, tenant)
					}
					seen[move] = true
					moves++
				}
			}
			told := slices.DeleteFunc(slices.Clone(z.events[events:]), func(e provision.Event) bool { return e.Outcome == "denied" })
			if len(told) != moves {
				t.Fatalf("%d changes of state and %d events: %+v", moves, len(told), told)
			}
			if lapsed := z.claims[tenant].State == provision.ClaimLapsed && before[tenant].State != provision.ClaimLapsed; lapsed != (len(z.ended) > revocations) {
				t.Fatalf("lapsed: %v, revocations: %d", lapsed, len(z.ended)-revocations)
			}
			for _, owner := range z.owners() {
				for _, l := range leases { // what was past may not come back to life
					if l.Tenant == owner.Tenant && l.Generations.Domain == owner.Generation {
						t.Fatalf("a lease of generation %d of %s would be live again", l.Generations.Domain, l.Tenant)
					}
				}
				if owner.State == provision.ClaimLapsed {
					for g := provision.Generation(0); g < owner.Generation; g++ {
						leases = append(leases, provision.Lease{Tenant: owner.Tenant, Generations: provision.Generations{Domain: g}})
					}
				}
			}
		}
	})
	for arrow := range arrows {
		if !seen[arrow] {
			t.Errorf("no run went from %s to %s", arrow[0], arrow[1])
		}
	}
}
