package broker_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/provision/sqlite"
)

// board is what the processes of a town tell each other by: news are put up in the commit that they are about.
type board struct {
	mu      sync.Mutex
	news    []provision.News
	members []*member
	atEnd   func() // called within the commit that ends a canary
}

// member is one process at the board.
type member struct {
	board   *board
	woken   chan struct{}
	cut     atomic.Bool // from the board
	under   chan func() // a renewal that is taken from here goes on when its taker says so
	deaf    atomic.Bool // to being woken
	lies    atomic.Bool // says that it applied what it never heard
	lied    time.Time   // since when; it owns up after a second and a half
	joined  bool
	leads   atomic.Bool
	applied map[provision.NewsID]bool
}

func (b *board) member() *member {
	m := &member{board: b, woken: make(chan struct{}, 1), under: make(chan func()), applied: map[provision.NewsID]bool{}}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.members = append(b.members, m)
	return m
}

func (m *member) Renew(_ context.Context, applied []provision.NewsID) (provision.Renewal, error) {
	if m.cut.Load() {
		return provision.Renewal{}, errors.New("cut off")
	}
	goOn := make(chan struct{})
	select {
	case m.under <- sync.OnceFunc(func() { close(goOn) }):
		<-goOn
	default:
	}
	m.board.mu.Lock()
	defer m.board.mu.Unlock()
	if m.cut.Load() {
		return provision.Renewal{}, errors.New("cut off")
	}
	r := provision.Renewal{Joined: !m.joined, Leads: m.leads.Load()}
	m.joined = true
	if m.lies.Load() {
		if m.lied.IsZero() {
			m.lied = time.Now()
		}
		if time.Since(m.lied) < 1500*time.Millisecond {
			return r, nil
		}
		m.lies.Store(false)
		clear(m.applied)
	}
	for _, id := range applied {
		m.applied[id] = true
	}
	for _, n := range m.board.news {
		if !m.applied[n.ID] {
			r.News = append(r.News, n)
		}
	}
	return r, nil
}

func (m *member) Await(ctx context.Context, id provision.NewsID) {
	for {
		waiting := false
		m.board.mu.Lock()
		for _, other := range m.board.members {
			behind := func(n provision.News) bool { return (id == "" || n.ID == id) && !other.applied[n.ID] }
			if other != m && slices.ContainsFunc(m.board.news, behind) {
				waiting = true
				if !other.deaf.Load() {
					other.wake()
				}
			}
		}
		m.board.mu.Unlock()
		if !waiting || ctx.Err() != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func (m *member) wake() {
	select {
	case m.woken <- struct{}{}:
	default:
	}
}

func (m *member) Woken() <-chan struct{} { return m.woken }

// posting is a ledger whose commits put their news up.
type posting struct {
	provision.Ledger
	board *board
}

func (p posting) Provision(ctx context.Context, r provision.Request, decide func(provision.State) provision.Decision) (provision.Decision, error) {
	p.board.mu.Lock()
	defer p.board.mu.Unlock()
	d, err := p.Ledger.Provision(ctx, r, decide)
	p.post(err, d.Change.News)
	return d, err
}

func (p posting) Amend(ctx context.Context, t provision.Target, amend func(provision.State) (provision.Change, error)) (provision.Change, error) {
	p.board.mu.Lock()
	defer p.board.mu.Unlock()
	c, err := p.Ledger.Amend(ctx, t, amend)
	p.post(err, c.News)
	return c, err
}

func (p posting) End(ctx context.Context, ids []provision.LeaseID, end func(provision.LeaseID, provision.State) provision.Change) error {
	p.board.mu.Lock()
	defer p.board.mu.Unlock()
	var news []provision.News
	err := p.Ledger.End(ctx, ids, func(id provision.LeaseID, s provision.State) provision.Change {
		c := end(id, s)
		news = append(news, c.News)
		return c
	})
	p.post(err, news...)
	return err
}

func (p posting) post(err error, news ...provision.News) {
	for _, n := range news {
		if err == nil && !n.IsZero() {
			p.board.news = append(p.board.news, n)
		}
	}
}

// town is several processes on one ledger.
type town struct {
	*board
	houses  []*house
	members []*member
}

func newTown(t *testing.T, size int, change ...func(*house)) *town {
	t.Helper()
	w := &town{board: &board{}}
	first := newHouse(t, change...)
	for range size {
		h := &house{t: t, clock: first.clock, path: first.path, saml: first.saml, oidc: first.oidc, wanted: first.wanted, keys: first.keys, ports: first.ports, canaries: first.canaries, tube: first.tube}
		w.add(h)
	}
	return w
}

// add starts one more process.
func (w *town) add(h *house) {
	h.t.Helper()
	var err error
	if h.store, err = sqlite.Open(context.Background(), h.path, sqlite.Options{Now: h.clock.Now, Boottime: h.clock.Boottime}); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { h.store.Close() })
	m := w.board.member()
	m.leads.Store(len(w.members) == 0)
	h.ledger = &shaky{Ledger: posting{h.store, w.board}}
	h.attempts = broker.NewLocalAttempts(h.clock.Now)
	if h.keys, err = broker.NewKeyring(context.Background(), h.store, masterKey[:]); err != nil {
		h.t.Fatal(err)
	}
	h.ports.Ledger, h.ports.Registry, h.ports.Clock, h.ports.Leftovers, h.ports.Keys, h.ports.Attempts = h.ledger, h.store, h.store, h.store, h.keys, h.attempts
	h.ports.Replicas, h.ports.Boottime = m, h.clock.Boottime
	if h.tube != nil {
		h.ports.Herald = h.tube.mouth()
	}
	if h.canaries {
		h.ports.Canaries, h.ports.Count = cage{h.store, w.board}, &counts{}
	}
	if h.boottime != nil {
		h.ports.Boottime = h.boottime
	}
	h.start()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { h.Run(ctx) })
	h.t.Cleanup(func() { stop(); running.Wait() })
	w.houses, w.members = append(w.houses, h), append(w.members, m)
}

// eventually wants something to become true within seconds.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 4000 {
		if is() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("it never came to be that %s", what)
}

func (h *house) revokeLease(l provision.Lease) time.Duration {
	h.t.Helper()
	began := time.Now()
	if err := h.RevokeLease(context.Background(), operator(), l.ID); err != nil {
		h.t.Fatal(err)
	}
	return time.Since(began)
}

func TestARevocationHereIsOneEverywhereWhenItReturns(t *testing.T) {
	w := newTown(t, 3)
	a, b, c := w.houses[0], w.houses[1], w.houses[2]
	for range 20 {
		l := a.login(ada())
		token := a.entered(l)
		for _, h := range w.houses {
			h.wantAllow(token)
		}
		took := b.revokeLease(l)
		for _, h := range w.houses {
			h.wantReason(token, provision.LeaseEnded)
		}
		if took > time.Second {
			t.Errorf("%v, though everybody could be asked", took)
		}
	}
	reads := c.ledger.reads.Load()
	l := a.login(ada())
	token := a.entered(l)
	for range 50 {
		c.wantAllow(token)
	}
	if n := c.ledger.reads.Load() - reads; n > 5 {
		t.Errorf("%d reads of the ledger for 50 checks: memory is of no use", n)
	}
}

func TestNoProcessThatIsCutOffAnswersFromWhatItKnew(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.houses[0], w.houses[1]
	l := a.login(ada())
	token := a.entered(l)
	b.wantAllow(token)

	w.members[1].cut.Store(true)
	b.wantAllow(token) // its second is not over
	took := a.revokeLease(l)
	if took < time.Second {
		t.Fatalf("the revocation returned after %v, when the other could still answer from memory", took)
	}
	a.clock.pass(took)
	b.wantReason(token, provision.LeaseEnded) // it asked the ledger

	other := a.login(somebody(1))
	token = a.entered(other)
	b.wantAllow(token) // by the ledger, not from memory
	b.ledger.down.Store(true)
	b.wantReason(token, provision.StoreUnavailable)
	b.ledger.down.Store(false)
	b.wantAllow(token)
	w.members[1].cut.Store(false)
	eventually(t, "it is fresh again", func() bool { return b.Fresh() == nil })
	b.wantAllow(token)
}

// A process that becomes fresh while it answers has read its memory before it was.
func TestWhatWasReadFromOldMemoryIsNotMadeTrueByARenewal(t *testing.T) {
	var atFreshness atomic.Pointer[func()]
	w := newTown(t, 1)
	a := w.houses[0]
	b := &house{t: t, clock: a.clock, path: a.path, saml: a.saml, wanted: a.wanted, keys: a.keys, ports: a.ports}
	b.boottime = func() time.Duration {
		if do := atFreshness.Swap(nil); do != nil {
			(*do)()
		}
		return a.clock.Boottime()
	}
	w.add(b)
	l := a.login(ada())
	token := a.entered(l)
	b.wantAllow(token)
	w.members[1].cut.Store(true)
	a.clock.pass(a.revokeLease(l) + time.Second)
	if b.Fresh() == nil {
		t.Fatal("it is fresh without a renewal")
	}
	w.members[1].cut.Store(false)
	renew := <-w.members[1].under // it has begun
	heals := func() {
		renew()
		eventually(t, "it is fresh again", func() bool { return b.Fresh() == nil })
	}
	atFreshness.Store(&heals)
	b.wantReason(token, provision.LeaseEnded)
}

func TestWhoRepeatsARevocationWaitsForItToo(t *testing.T) {
	w := newTown(t, 3)
	a, b, c := w.houses[0], w.houses[1], w.houses[2]
	l := a.login(ada())
	token := a.entered(l)
	c.wantAllow(token)
	w.members[2].deaf.Store(true)
	w.members[2].cut.Store(true)
	first := make(chan time.Duration)
	go func() { first <- a.revokeLease(l) }() // as if it were killed after its commit: nobody waits for its answer
	eventually(t, "it is committed", func() bool { return !b.lease(l.ID).EndedAt.IsZero() })
	if took := b.revokeLease(l); took < time.Second {
		t.Errorf("it returned after %v, though one process may still let the lease in", took)
	}
	<-first
}

func TestMemoryAnswersWithoutALedgerForASecondAndNoLonger(t *testing.T) {
	w := newTown(t, 1)
	h := w.houses[0]
	token := h.entered(h.login(ada()))
	h.wantAllow(token)
	w.members[0].cut.Store(true)
	h.ledger.down.Store(true)
	h.wantAllow(token)
	h.clock.pass(1100 * time.Millisecond)
	h.wantReason(token, provision.StoreUnavailable)
}

func TestAProcessThatIsDeafToWakingStillHearsOfIt(t *testing.T) {
	w := newTown(t, 2)
	w.members[1].deaf.Store(true)
	l := w.houses[0].login(ada())
	token := w.houses[0].entered(l)
	w.houses[1].wantAllow(token)
	if took := w.houses[0].revokeLease(l); took > 900*time.Millisecond {
		t.Errorf("%v", took)
	}
	w.houses[1].wantReason(token, provision.LeaseEnded)
}

func TestAFillThatBeganBeforeTheNewsIsNotKept(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.houses[0], w.houses[1]
	l := a.login(ada())
	token := a.entered(l)
	read, goOn := make(chan struct{}), make(chan struct{})
	b.ledger.pauseReads(func() { b.ledger.pauseReads(nil); close(read); <-goOn })
	old := make(chan broker.Verdict)
	go func() { old <- b.check(token) }()
	<-read // it has read that the lease is live, and not yet kept it
	a.revokeLease(l)
	b.wantReason(token, provision.LeaseEnded)
	close(goOn)
	if v := <-old; v.Allow {
		t.Error("what was read before the end was answered after it")
	}
	b.wantReason(token, provision.LeaseEnded)
}

func TestWhatIsRegisteredInOneProcessHoldsInAll(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.houses[0], w.houses[1]
	token := a.entered(a.login(ada()))
	b.wantAllow(token)
	b.wanted.Apps = slices.Clone(b.wanted.Apps)
	b.wanted.Apps[0].Tenants = []provision.TenantID{"rival"}
	b.register(b.wanted)
	a.wantReason(token, provision.TenantNotOfApp)
	b.wantReason(token, provision.TenantNotOfApp)

	b.wanted.Apps[0].Tenants = []provision.TenantID{"acme"}
	b.register(b.wanted)
	a.wantAllow(token)
	if _, err := a.SuspendTenant(context.Background(), operator(), "acme"); err != nil {
		t.Fatal(err)
	}
	b.wantReason(token, provision.LeaseEnded)
}

func TestATightenedPolicyIsHeldAgainstLeasesByWhoeverLeads(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.houses[0], w.houses[1]
	token := a.entered(a.login(ada()))
	time.Sleep(1500 * time.Millisecond) // what is judged after a start has been judged
	tenants := slices.Clone(b.wanted.Tenants)
	tenants[0].Tenant.Policy.Groups.All = []string{"nobody-has-it"}
	b.wanted.Tenants = tenants
	b.register(b.wanted) // b does not lead
	eventually(t, "the lease has ended", func() bool { return !b.check(token).Allow })
	if n := b.count(provision.EventLeaseEnded, string(provision.CausePolicyTightened)); n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestAnotherProcessGoesOnWithWhatOneDid(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.houses[0], w.houses[1]
	l := a.login(with(ada(), "end", "10m"))
	w.members[0].leads.Store(false)
	w.members[1].leads.Store(true)
	eventually(t, "the lead has changed", func() bool { return !a.Leads() && b.Leads() })
	a.clock.pass(11 * time.Minute)
	eventually(t, "the lease has ended", func() bool { return b.lease(l.ID).EndReason == provision.CauseCeiling })
}

func TestAProcessThatJoinsAnewForgetsEverything(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.houses[0], w.houses[1]
	l := a.login(ada())
	token := a.entered(l)
	b.wantAllow(token)
	w.members[1].cut.Store(true)
	// Its news are lost, as when the database was replaced by its standby.
	a.revokeLease(l)
	w.board.mu.Lock()
	w.board.news = nil
	w.members[1].joined = false
	w.board.mu.Unlock()
	w.members[1].cut.Store(false)
	a.clock.pass(2 * time.Second)
	eventually(t, "it is fresh again", func() bool { return b.Fresh() == nil })
	b.wantReason(token, provision.LeaseEnded)
}

func TestACookieOfANewKeyIsGoodEverywhereAtOnce(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.houses[0], w.houses[1]
	l := a.login(ada())
	old := a.entered(l)
	ctx := context.Background()
	for _, key := range []string{broker.SessionKey, broker.AssertionKey} {
		if err := a.Rotate(ctx, operator(), key); err != nil {
			t.Fatal(err)
		}
	}
	if string(a.JWKS()) != string(b.JWKS()) {
		t.Error("two processes publish other keys")
	}
	if a.Token(l.ID, originOf(wikiURL)) != old {
		t.Error("the new key is used before everybody has to know it")
	}
	a.clock.pass(3 * time.Second)
	fresh := a.Token(l.ID, originOf(wikiURL))
	if fresh == old {
		t.Fatal("the new key is not used")
	}
	for _, token := range []string{old, fresh} {
		a.wantAllow(token)
		b.wantAllow(token)
	}
}

func TestACookieOfAKeyThatACutOffProcessDoesNotKnowIsLookedUp(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.houses[0], w.houses[1]
	l := a.login(ada())
	w.members[1].cut.Store(true)
	if err := a.Rotate(context.Background(), operator(), broker.SessionKey); err != nil {
		t.Fatal(err)
	}
	a.clock.pass(3 * time.Second)
	b.wantAllow(a.Token(l.ID, originOf(wikiURL)))
	b.wantReason("bm9uc2Vuc2U", provision.SessionMalformed)
}

func TestANewKeyThatTheOthersDoNotHearOfIsNotUsed(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.houses[0], w.houses[1]
	l := a.login(ada())
	a.ledger.down.Store(true)
	if err := a.Rotate(context.Background(), operator(), broker.SessionKey); err == nil {
		t.Fatal("rotated without a word of it")
	}
	a.ledger.down.Store(false)
	a.clock.pass(3 * time.Second)
	eventually(t, "it is fresh", func() bool { return b.Fresh() == nil })
	b.wantAllow(a.Token(l.ID, originOf(wikiURL)))
}

// A key that may be known to a thief is rotated twice.
func TestACookieOfAKeyThatIsGoneIsWorthNothingToACutOffProcess(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.houses[0], w.houses[1]
	token := a.entered(a.login(ada()))
	w.members[1].cut.Store(true)
	for range 2 {
		if err := a.Rotate(context.Background(), operator(), broker.SessionKey); err != nil {
			t.Fatal(err)
		}
		a.clock.pass(3 * time.Second)
	}
	a.wantReason(token, provision.SessionMalformed)
	b.wantReason(token, provision.SessionMalformed)
}

func TestACutOffProcessLogsOutByACookieOfANewKey(t *testing.T) {
	ctx := context.Background()
	w := newTown(t, 2)
	a, b := w.houses[0], w.houses[1]
	l := a.login(ada())
	w.members[1].cut.Store(true)
	if err := a.Rotate(ctx, operator(), broker.SessionKey); err != nil {
		t.Fatal(err)
	}
	a.clock.pass(3 * time.Second)
	token := a.sso(l)
	if s, err := b.Session(ctx, token, originOf(ssoURL)); err != nil || s.Lease.ID != l.ID {
		t.Errorf("session: %v", err)
	}
	if err := b.Logout(ctx, token, originOf(ssoURL), provision.Requester{}); err != nil || b.lease(l.ID).EndedAt.IsZero() {
		t.Errorf("logged out, and the lease goes on: %v", err)
	}
	b.store.Close()
	a.clock.pass(3 * time.Second)
	if err := b.Logout(ctx, token, originOf(ssoURL), provision.Requester{}); !errors.Is(err, provision.ErrUnavailable) {
		t.Errorf("without a ledger: %v", err)
	}
}

func TestAKeyThatIsDroppedInOneProcessIsGoneInAll(t *testing.T) {
	ctx := context.Background()
	w := newTown(t, 2, func(h *house) { h.wanted.Tenants[0].Tenant.Retention = 2 * day })
	a, b := w.houses[0], w.houses[1]
	a.refused(with(somebody(3), "email", "grace@rival.test"), provision.DomainForeign) // of nobody's account: sealed under the day's key
	read := func(h *house) (names []string) {
		for _, e := range h.events(provision.EventLogin) {
			if e.Personal.Email != "" {
				names = append(names, e.Personal.Email)
			}
		}
		return names
	}
	if len(read(b)) != 1 {
		t.Fatalf("%q", read(b))
	}
	b.clock.pass(4 * day)
	eventually(t, "it is fresh", func() bool { return a.Fresh() == nil })
	a.erase()
	if names := read(b); len(names) != 0 {
		t.Errorf("another process still reads of %q, though the key is destroyed", names)
	}

	key := provision.LinkKey{Connection: "acme", Subject: "ada"}
	before, err := b.keys.Pseudonym(ctx, "acme", key)
	if err != nil {
		t.Fatal(err)
	}
	a.deleteTenant("acme")
	a.register(a.wanted)
	here, err := a.keys.Pseudonym(ctx, "acme", key)
	if err != nil {
		t.Fatal(err)
	}
	there, err := b.keys.Pseudonym(ctx, "acme", key)
	if err != nil {
		t.Fatal(err)
	}
	if here != there || here == before {
		t.Error("two processes know a deleted person by two pseudonyms, or by that of the former tenant")
	}
}

func TestAppsThatCannotBeReadAgainKeepMemoryFromAnswering(t *testing.T) {
	w := newTown(t, 2)
	a, b := w.houses[0], w.houses[1]
	token := a.entered(a.login(ada()))
	b.wantAllow(token)
	b.store.Close() // the news come, and what they are about cannot be read
	a.wanted.Apps = slices.Clone(a.wanted.Apps)
	a.wanted.Apps[0].Tenants = []provision.TenantID{"rival"}
	a.register(a.wanted)
	eventually(t, "what it read by half is not true", func() bool { return b.Fresh() != nil })
	if v := b.check(token); v.Allow || v.Reason != provision.StoreUnavailable {
		t.Errorf("%+v", v)
	}
}

func TestHammeringManyProcessesWhileLeasesEnd(t *testing.T) {
	w := newTown(t, 3)
	var leases []provision.Lease
	var tokens []string
	for n := range 24 {
		l := w.houses[n%3].login(somebody(n))
		leases, tokens = append(leases, l), append(tokens, w.houses[n%3].entered(l))
	}
	ended := make([]atomic.Bool, len(leases))
	ctx, stop := context.WithCancel(context.Background())
	var hammers sync.WaitGroup
	for n := range 6 {
		hammers.Go(func() {
			for i := n; ctx.Err() == nil; i++ {
				at := i % len(tokens)
				over := ended[at].Load() // before the check is sent
				v := w.houses[n%3].Check(ctx, broker.Ask{Origin: wikiURL, Path: "/", Method: http.MethodGet, Token: tokens[at]})
				if over && v.Allow {
					t.Error(fmt.Errorf("lease %d was let in after its end", at))
				}
			}
		})
	}
	for n, l := range leases {
		w.houses[(n+1)%3].revokeLease(l)
		ended[n].Store(true)
	}
	stop()
	hammers.Wait()
}
