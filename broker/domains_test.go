package broker_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// book is a ledger of nothing but claims, as far as a Prover reads and writes them.
type book struct {
	provision.Ledger
	provision.Registry

	mu     sync.Mutex
	claims map[string]provision.Claim // by "DOMAIN/TENANT"
	events []provision.Event
	ended  []provision.Revocation
	writes int
	broken error
	refuse error  // of every Amend
	meet   func() // between reading and writing, for races
}

func (b *book) Now() time.Time { return time.Now() }

func (b *book) Claims(_ context.Context, p provision.Page) ([]provision.Claim, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken != nil {
		return nil, b.broken
	}
	var found []provision.Claim
	for _, id := range slices.Sorted(maps.Keys(b.claims)) {
		c := b.claims[id]
		if id > p.After && (p.Tenant == "" || p.Tenant == c.Tenant) && len(found) < p.Limit {
			found = append(found, c)
		}
	}
	return found, nil
}

func (b *book) read(t provision.Target) provision.State {
	s := provision.State{Tenant: provision.Tenant{ID: t.Tenant}, OwnClaim: b.claims[t.Domain.String()+"/"+string(t.Tenant)]}
	s.Claim = s.OwnClaim
	for _, c := range b.claims {
		if c.Domain == t.Domain && c.Owns() {
			s.Claim = c
		}
	}
	return s
}

// Amend tries again on fresh state when another wrote in between, as a ledger does.
func (b *book) Amend(_ context.Context, t provision.Target, amend func(provision.State) (provision.Change, error)) (provision.Change, error) {
	for {
		b.mu.Lock()
		s, before, meet, refuse := b.read(t), b.writes, b.meet, b.refuse
		b.mu.Unlock()
		if refuse != nil {
			return provision.Change{}, refuse
		}
		change, err := amend(s)
		if err != nil {
			return provision.Change{}, err
		}
		if meet != nil {
			meet()
		}
		if b.commit(before, change) {
			return change, nil
		}
	}
}

func (b *book) commit(before int, change provision.Change) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.writes != before {
		return false
	}
	b.writes++
	for _, c := range change.Claims {
		b.claims[c.Domain.String()+"/"+string(c.Tenant)] = c
	}
	b.events, b.ended = append(b.events, change.Events...), append(b.ended, change.Revocations...)
	return true
}

func (b *book) claim(domain string, t provision.TenantID) provision.Claim {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.claims[domain+"/"+string(t)]
}

// written is every event and every revocation so far.
func (b *book) written() ([]provision.Event, []provision.Revocation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.events), slices.Clone(b.ended)
}

func (b *book) all() map[string]provision.Claim {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.claims)
}

func (b *book) states() map[provision.ClaimState]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	count := map[provision.ClaimState]int{}
	for _, c := range b.claims {
		count[c.State]++
	}
	return count
}

// world answers for zones: the records at a name, or that nobody can tell.
type world struct {
	mu      sync.Mutex
	records map[string][]string
	dead    map[string]bool   // names that time out
	broken  bool              // all of them do
	wild    map[string]string // domain: value at every other name below it
	asked   map[string]int
}

func (w *world) TXT(ctx context.Context, name string) ([]string, error) {
	w.mu.Lock()
	w.asked[name]++
	values, dead := slices.Clone(w.records[name]), w.broken || w.dead[name]
	for domain, value := range w.wild {
		if strings.HasSuffix(name, "."+domain) && values == nil {
			values = []string{value}
		}
	}
	w.mu.Unlock()
	if dead {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	time.Sleep(20 * time.Millisecond)
	return values, nil
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) count(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[name]
}

// scene is a Prover on a book and a world of its own.
type scene struct {
	*testing.T
	book   *book
	world  *world
	prover *broker.Prover
	mu     sync.Mutex
	alarms map[string]int
}

func newScene(t *testing.T) *scene {
	s := &scene{
		T: t, alarms: map[string]int{}, book: &book{claims: map[string]provision.Claim{}},
		world: &world{records: map[string][]string{}, dead: map[string]bool{}, wild: map[string]string{}, asked: map[string]int{}},
	}
	s.prover = &broker.Prover{Ledger: s.book, Registry: s.book, Resolver: s.world, Alarms: func(kind string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.alarms[kind]++
	}}
	return s
}

func (s *scene) alarmed(kind string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.alarms[kind]
}

func domain(name string) provision.Domain {
	d, err := provision.ParseDomain(name)
	if err != nil {
		panic(err)
	}
	return d
}

func operator() broker.Deed {
	return broker.Deed{Actor: provision.Actor{Kind: provision.Operator, ID: "uid:1000", Via: "test"}}
}

// claimed makes a claim and returns the name and the value of the record that proves it.
func (s *scene) claimed(t provision.TenantID, name string) (record, value string) {
	s.Helper()
	c, err := s.prover.Claim(context.Background(), operator(), t, domain(name))
	if err != nil {
		s.Fatal(err)
	}
	return provision.ProofName(c.Domain), provision.ProofValue(c.Token)
}

func (s *scene) publish(record string, values ...string) {
	s.world.set(func() { s.world.records[record] = values })
}

// proved makes a claim, publishes its record and checks it.
func (s *scene) proved(t provision.TenantID, name string) (record, value string) {
	s.Helper()
	record, value = s.claimed(t, name)
	s.publish(record, value)
	if f := s.check(t, name); f.Claim.State != provision.ClaimVerified {
		s.Fatalf("the claim is %s: %s", f.Claim.State, f)
	}
	return record, value
}

func (s *scene) check(t provision.TenantID, name string) broker.Finding {
	s.Helper()
	f, err := s.prover.Check(context.Background(), operator(), t, domain(name))
	if err != nil {
		s.Fatal(err)
	}
	return f
}

func (s *scene) state(name string, t provision.TenantID, want provision.ClaimState) {
	s.Helper()
	if got := s.book.claim(name, t).State; got != want {
		s.Fatalf("%s of %s is %s, want %s", name, t, got, want)
	}
}

// play runs story in a bubble of its own time that begins at half past nine, with the rounds going on beside it.
func play(t *testing.T, story func(*scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(9*time.Hour + 30*time.Minute)
		s := newScene(t)
		ctx, stop := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { s.prover.Run(ctx, nil) })
		defer running.Wait()
		defer stop()
		time.Sleep(time.Second) // the first rounds are over
		story(s)
	})
}

func TestAPendingClaimIsTriedEachMinuteForAnHourAndThenHourly(t *testing.T) {
	play(t, func(s *scene) {
		record, value := s.claimed("acme", "acme.test")
		time.Sleep(time.Hour)
		if n := s.world.count(record); n < 58 || n > 61 {
			t.Errorf("in its first hour it was tried %d times, want 60", n)
		}
		before := s.world.count(record)
		time.Sleep(10 * time.Hour)
		if n := s.world.count(record) - before; n < 9 || n > 11 {
			t.Errorf("in the ten hours after it was tried %d times, want 10", n)
		}
		if events, _ := s.book.written(); len(events) != 1 {
			t.Errorf("%d events for a claim that nothing became of, want its making alone", len(events))
		}
		s.publish(record, "v=spf1 -all", value)
		time.Sleep(time.Hour + time.Minute)
		s.state("acme.test", "acme", provision.ClaimVerified)
	})
}

func TestOnlyTheRecordItselfProves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, distort := range []func(string) string{
			func(v string) string { return v + " " }, func(v string) string { return " " + v }, strings.ToUpper,
			func(v string) string { return v[:len(v)-1] }, func(v string) string { return v + "x" },
			func(v string) string { return strings.TrimPrefix(v, "leasehold-proof=") }, func(string) string { return "leasehold-proof=" },
		} {
			s := newScene(t)
			record, value := s.claimed("acme", "acme.test")
			s.publish(record, distort(value))
			if f := s.check("acme", "acme.test"); f.Answer != provision.Absent || f.Claim.State != provision.ClaimPending {
				t.Errorf("%q passes for %q", distort(value), value)
			}
		}
	})
}

func TestTheParentsProofIsNotTheSubdomains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		record, value := s.claimed("acme", "acme.test")
		s.claimed("acme", "eng.acme.test")
		s.publish(record, value)
		s.check("acme", "acme.test")
		if f := s.check("acme", "eng.acme.test"); f.Answer != provision.Absent {
			t.Errorf("the subdomain's claim is answered %s", f.Answer)
		}
	})
}

func TestAWildcardIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		record, value := s.claimed("acme", "acme.test")
		s.world.wild["acme.test"] = value
		f := s.check("acme", "acme.test")
		if f.Answer != provision.Wildcard || f.Claim.State != provision.ClaimPending || !strings.Contains(f.String(), "wildcard") {
			t.Errorf("the finding is %s: %s", f.Answer, f)
		}
		s.publish(record, value)
		if f := s.check("acme", "acme.test"); f.Answer != provision.Wildcard {
			t.Errorf("with the record beside the wildcard it is %s", f.Answer)
		}
		s.world.wild["acme.test"] = "other"
		if f := s.check("acme", "acme.test"); f.Answer != provision.Proved {
			t.Errorf("with a wildcard of something else it is %s", f.Answer)
		}
	})
}

func TestTheSiblingIsAnotherEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		record, _ := s.proved("acme", "acme.test")
		s.check("acme", "acme.test")
		for name, n := range s.world.asked {
			if name != record && (n != 1 || !strings.HasSuffix(name, ".acme.test") || len(name) < 30) {
				t.Errorf("%s was asked for %d times", name, n)
			}
		}
		if len(s.world.asked) != 3 {
			t.Errorf("asked: %v, want the record and two siblings", s.world.asked)
		}
	})
}

func TestAProofThatCannotBeToldFromAWildcardIsNoProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		record, value := s.claimed("acme", "acme.test")
		s.publish(record, value)
		s.prover.Resolver = resolverFunc(func(ctx context.Context, name string) ([]string, error) {
			if name != record {
				return nil, errors.New("SERVFAIL")
			}
			return s.world.TXT(ctx, name)
		})
		if f := s.check("acme", "acme.test"); f.Answer != provision.Unknown || f.Claim.State != provision.ClaimPending {
			t.Errorf("the finding is %s, the claim %s", f.Answer, f.Claim.State)
		}
	})
}

type resolverFunc func(context.Context, string) ([]string, error)

func (f resolverFunc) TXT(ctx context.Context, name string) ([]string, error) { return f(ctx, name) }

func TestADomainWhoseRecordGoesFailsAndLapsesAndComesBack(t *testing.T) {
	play(t, func(s *scene) {
		record, value := s.proved("acme", "acme.test")
		time.Sleep(15 * time.Hour) // past midnight
		tries := s.world.count(record)
		if tries != 2 {
			t.Errorf("a claim that stands was tried %d times, want at its proof and at midnight", tries)
		}
		s.publish(record)
		time.Sleep(24 * time.Hour) // past the next midnight: half past midnight
		s.state("acme.test", "acme", provision.ClaimVerified)
		time.Sleep(time.Hour)
		s.state("acme.test", "acme", provision.ClaimFailing)
		if s.alarmed(broker.AlarmFailing) != 1 {
			t.Error("not one alarm")
		}
		time.Sleep(70 * time.Hour)
		s.state("acme.test", "acme", provision.ClaimFailing)
		time.Sleep(3 * time.Hour)
		s.state("acme.test", "acme", provision.ClaimLapsed)
		if _, ended := s.book.written(); len(ended) != 1 || ended[0].Scope.Domain != domain("acme.test") || s.alarmed(broker.AlarmLapsed) != 1 {
			t.Errorf("revocations: %+v", ended)
		}
		s.publish(record, value)
		time.Sleep(time.Hour + 2*time.Minute)
		s.state("acme.test", "acme", provision.ClaimVerified)
		var told []string
		events, _ := s.book.written()
		for _, e := range events {
			told = append(told, e.Outcome)
		}
		if want := []string{"pending", "verified", "failing", "lapsed", "verified"}; !slices.Equal(told, want) {
			t.Errorf("the audit tells %v, want %v", told, want)
		}
	})
}

func TestWhatNobodyCanTellChangesNothingAndAlarmsAfterADay(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		record, value := s.proved("acme", "acme.test")
		pending, _ := s.claimed("acme", "other.test")
		s.world.set(func() { s.world.broken = true })
		time.Sleep(15*time.Hour + 23*time.Hour)
		if n := s.alarmed(broker.AlarmUnchecked); n != 0 {
			t.Errorf("%d alarms before a day was over", n)
		}
		time.Sleep(2 * time.Hour)
		if s.alarmed(broker.AlarmUnchecked) == 0 {
			t.Error("no alarm after a day")
		}
		time.Sleep(200 * time.Hour)
		s.state("acme.test", "acme", provision.ClaimVerified)
		s.state("other.test", "acme", provision.ClaimPending)
		if events, ended := s.book.written(); len(events) != 3 || len(ended) != 0 {
			t.Errorf("%d events, want the two claims and the one proof", len(events))
		}
		s.world.set(func() { s.world.broken = false })
		s.publish(record, value)
		before := s.alarmed(broker.AlarmUnchecked)
		time.Sleep(30 * time.Hour)
		if s.alarmed(broker.AlarmUnchecked) > before || !s.book.claim("acme.test", "acme").Unchecked.IsZero() {
			t.Error("it still alarms, though somebody answers")
		}
		if s.world.count(pending) == 0 {
			t.Error("the pending claim was never tried")
		}
	})
}

func TestARoundInWhichMostFailIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ claims, gone, broken, believed int }{
		{10, 5, 0, 1}, {10, 6, 0, 0}, {10, 10, 0, 0}, {9, 9, 0, 1}, {12, 5, 3, 0}, {12, 4, 3, 1}, {10, 0, 10, 1},
	} {
		t.Run(fmt.Sprintf("%d of %d and %d unknown", test.gone, test.claims, test.broken), func(t *testing.T) {
			play(t, func(s *scene) {
				var records []string
				for i := range test.claims {
					record, _ := s.proved(provision.TenantID(fmt.Sprint("t", i)), fmt.Sprintf("d%d.test", i))
					records = append(records, record)
				}
				s.world.set(func() {
					for i, record := range records {
						if i < test.gone {
							s.world.records[record] = nil
						} else if i < test.gone+test.broken {
							s.world.dead[record] = true
						}
					}
				})
				before := s.book.all()
				time.Sleep(19 * time.Hour) // past midnight, and hours of trying again
				failing, alarms := s.book.states()[provision.ClaimFailing], s.alarmed(broker.AlarmMassFailure)
				if test.believed == 1 && (failing != test.gone || alarms > 0) {
					t.Errorf("%d claims fail and %d alarms rang, want %d and none", failing, alarms, test.gone)
				}
				if test.believed == 0 && (!maps.Equal(s.book.all(), before) || alarms < 2 || alarms > 5) {
					t.Errorf("%d claims fail and %d alarms rang, want nothing changed and one an hour", failing, alarms)
				}
			})
		})
	}
}

func TestARoundOfTheFewThatFailIsBelieved(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		for i := range 30 {
			record, _ := s.proved("acme", fmt.Sprintf("d%d.test", i))
			if i < 12 {
				s.publish(record)
			}
		}
		time.Sleep(18*time.Hour + 80*time.Hour)
		if n := s.book.states()[provision.ClaimLapsed]; n != 12 || s.alarmed(broker.AlarmMassFailure) > 0 {
			t.Errorf("%d lapsed, want the 12 whose records are gone", n)
		}
	})
}

func TestClaimsThatARoundDoesNotLookAtCountAsTheyStand(t *testing.T) {
	play(t, func(s *scene) {
		var records []string
		for i := range 10 {
			record, _ := s.proved("acme", fmt.Sprintf("d%d.test", i))
			records = append(records, record)
			if i < 5 {
				s.publish(record)
			}
		}
		time.Sleep(15 * time.Hour) // half past midnight: five have failed, and are due on the hour
		s.world.set(func() { s.world.dead[records[5]] = true })
		s.check("acme", "d5.test") // nobody can tell: due at half past
		s.world.set(func() { s.world.dead[records[5]] = false })
		s.publish(records[5])
		time.Sleep(90 * time.Minute)
		if !s.book.claim("d5.test", "acme").FirstFail.IsZero() || s.alarmed(broker.AlarmMassFailure) == 0 {
			t.Error("the sixth failure of ten was believed")
		}
	})
}

func TestAQuestionCutShortByTheEndIsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		record, _ := s.claimed("acme", "acme.test")
		s.world.dead[record] = true
		ctx, stop := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { s.prover.Run(ctx, nil) })
		time.Sleep(time.Second)
		stop()
		running.Wait()
		if c := s.book.claim("acme.test", "acme"); s.world.count(record) != 1 || !c.LastTried.IsZero() {
			t.Errorf("asked %d times, tried %s", s.world.count(record), c.LastTried)
		}
	})
}

func TestWhatHasLapsedCastsNoDoubtOnARound(t *testing.T) {
	play(t, func(s *scene) {
		var records []string
		for i := range 12 {
			record, _ := s.proved("acme", fmt.Sprintf("d%d.test", i))
			records = append(records, record)
			if i < 6 {
				s.publish(record)
			}
		}
		time.Sleep(18*time.Hour + 80*time.Hour)
		if n := s.book.states()[provision.ClaimLapsed]; n != 6 {
			t.Fatalf("%d lapsed, want 6", n)
		}
		s.publish(records[6])
		time.Sleep(26 * time.Hour)
		s.state("d6.test", "acme", provision.ClaimFailing)
	})
}

func TestALapsedDomainGoesToTheTenantThatProvesIt(t *testing.T) {
	play(t, func(s *scene) {
		record, _ := s.proved("acme", "acme.test")
		_, theirs := s.claimed("globex", "acme.test")
		s.publish(record, theirs)
		if f := s.check("globex", "acme.test"); f.Answer != provision.Foreign || f.Claim.State != provision.ClaimPending || strings.Contains(f.String(), "of acme ") {
			t.Errorf("while its owner stands: %s", f)
		}
		if s.alarmed(broker.AlarmForeign) != 1 {
			t.Error("not one alarm")
		}
		time.Sleep(15*time.Hour + 80*time.Hour)
		s.state("acme.test", "acme", provision.ClaimPending)
		s.state("acme.test", "globex", provision.ClaimVerified)
		if _, ended := s.book.written(); len(ended) != 1 || s.alarmed(broker.AlarmForeign) != 1 {
			t.Errorf("revocations: %+v, %d alarms; want the lapse's, and to hear once of the other tenant", ended, s.alarmed(broker.AlarmForeign))
		}
	})
}

func TestTwoTenantsRaceAndOneWins(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t)
			record, ours := s.claimed("acme", "acme.test")
			_, theirs := s.claimed("globex", "acme.test")
			s.publish(record, ours, theirs)
			var both sync.WaitGroup
			both.Add(2)
			var arrived atomic.Int32
			s.book.meet = func() { // both have decided on the same state before either writes
				if arrived.Add(1) <= 2 {
					both.Done()
					both.Wait()
				}
			}
			var racers sync.WaitGroup
			for _, tenant := range []provision.TenantID{"acme", "globex"} {
				racers.Go(func() { s.check(tenant, "acme.test") })
			}
			racers.Wait()
			if got := s.book.states(); got[provision.ClaimVerified] != 1 || got[provision.ClaimPending] != 1 {
				t.Errorf("states: %v, want one winner", got)
			}
		})
	}
}

func TestDeadNameServersOfOneTenantDelayNobodyElse(t *testing.T) {
	play(t, func(s *scene) {
		for i := range 300 {
			record, _ := s.claimed("mallory", fmt.Sprintf("dead%d.test", i))
			s.world.set(func() { s.world.dead[record] = true })
		}
		time.Sleep(5 * time.Minute) // their questions fill every round
		record, value := s.claimed("zeta", "zeta.test")
		s.publish(record, value)
		time.Sleep(3 * time.Minute)
		s.state("zeta.test", "zeta", provision.ClaimVerified)
	})
}

func TestStandingClaimsDoNotWaitForPendingOnes(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		record, _ := s.proved("acme", "acme.test")
		s.publish(record)
		for i := range 300 {
			record, _ := s.claimed("mallory", fmt.Sprintf("dead%d.test", i))
			s.world.set(func() { s.world.dead[record] = true })
		}
		time.Sleep(16 * time.Hour)
		s.state("acme.test", "acme", provision.ClaimFailing)
	})
}

func TestCheckSaysWhatWasAskedAndWhatCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		record, value := s.claimed("acme", "acme.test")
		says := func(want ...string) {
			t.Helper()
			text := s.check("acme", "acme.test").String()
			for _, part := range want {
				if !strings.Contains(text, part) {
					t.Errorf("%q is not in %q", part, text)
				}
			}
			if strings.ContainsAny(text, "\x1b\n") {
				t.Errorf("%q would move the cursor", text)
			}
		}
		says("_leasehold.acme.test", "no TXT record", value, "pending")
		s.publish(record, "\x1b[2J", strings.Repeat("y", 5000), "\n")
		says("other TXT records", `\x1b`, value)
		if text := s.check("acme", "acme.test").String(); len(text) > 1000 {
			t.Errorf("it says %d characters", len(text))
		}
		s.publish(record, slices.Repeat([]string{"v"}, 50)...)
		says("and 40 more")
		s.world.broken = true
		says("Nobody could tell", "nothing changes", "deadline")
		s.world.broken = false
		s.publish(record, value)
		says("holds the record", "verified")
		if _, err := s.prover.Attest(context.Background(), operator(), "acme", domain("acme.test")); err != nil {
			t.Fatal(err)
		}
		says("attested", "verified")
	})
}

func TestCheckLooksAgainWhenSomebodyElseWroteMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		record, value := s.claimed("acme", "acme.test")
		s.publish(record, value)
		var others sync.WaitGroup
		for range 3 {
			others.Go(func() { s.check("acme", "acme.test") })
		}
		others.Wait()
		if n := len(s.book.events); n != 2 {
			t.Errorf("%d events, want the claim and its one proof", n)
		}
	})
}

func TestCheckGivesUpOnAClaimThatNeverHoldsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		s.claimed("acme", "acme.test")
		s.book.refuse = provision.ErrConflict
		if _, err := s.prover.Check(context.Background(), operator(), "acme", domain("acme.test")); !errors.Is(err, provision.ErrConflict) {
			t.Errorf("it says %v", err)
		}
	})
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	s := newScene(t)
	s.claimed("acme", "acme.test")
	s.claimed("acme", "beta.test")
	for _, test := range []struct {
		tenant provision.TenantID
		domain provision.Domain
	}{{"globex", domain("acme.test")}, {"acme", domain("aaa.test")}, {"", domain("acme.test")}, {"acme", provision.Domain{}}, {"", provision.Domain{}}} {
		if _, err := s.prover.Check(context.Background(), operator(), test.tenant, test.domain); !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("checking %q of %q: %v", test.domain, test.tenant, err)
		}
		if _, err := s.prover.Show(context.Background(), test.tenant, test.domain); !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("showing %q of %q: %v", test.domain, test.tenant, err)
		}
	}
	s.book.broken = provision.ErrUnavailable
	if _, err := s.prover.Show(context.Background(), "acme", domain("acme.test")); !errors.Is(err, provision.ErrUnavailable) {
		t.Errorf("without a store: %v", err)
	}
}

func TestShowSaysWhatToPublish(t *testing.T) {
	s := newScene(t)
	s.claimed("acme", "acme.test")
	s.claimed("globex", "acme.test")
	ours, err := s.prover.Show(context.Background(), "acme", domain("acme.test"))
	theirs, err2 := s.prover.Show(context.Background(), "globex", domain("acme.test"))
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	token, ok := strings.CutPrefix(ours.Value, "leasehold-proof=")
	if ours.Name != "_leasehold.acme.test" || !ok || len(token) < 26 || ours.Value == theirs.Value || ours.Next.IsZero() {
		t.Errorf("acme publishes %+v, globex %+v", ours, theirs)
	}
	if _, err := s.prover.Attest(context.Background(), operator(), "acme", domain("acme.test")); err != nil {
		t.Fatal(err)
	}
	if attested, err := s.prover.Show(context.Background(), "acme", domain("acme.test")); err != nil || attested.Name != "" || attested.Value != "" || !attested.Next.IsZero() {
		t.Errorf("an attested claim publishes %+v, %v", attested, err)
	}
}

func TestAnAttestedClaimIsNeverLookedAt(t *testing.T) {
	play(t, func(s *scene) {
		if _, err := s.prover.Attest(context.Background(), operator(), "acme", domain("acme.test")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Hour)
		s.state("acme.test", "acme", provision.ClaimVerified)
		if n := s.world.count("_leasehold.acme.test"); n > 0 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestAPromptTriesNewClaimsNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		prompts := make(chan struct{}, 1)
		go s.prover.Run(ctx, prompts)
		time.Sleep(time.Second)
		record, value := s.claimed("acme", "acme.test")
		s.publish(record, value)
		prompts <- struct{}{}
		time.Sleep(time.Second)
		s.state("acme.test", "acme", provision.ClaimVerified)
	})
}
