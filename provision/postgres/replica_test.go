//go:build real

package postgres_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"leasehold/provision"
	"leasehold/provision/postgres"
)

// fleet is processes on one database, with a clock of their own that stands until a test moves it.
type fleet struct {
	t     *testing.T
	url   string
	boot  atomic.Int64
	sql   *pgx.Conn
	bells map[string]chan struct{}
}

func newFleet(t *testing.T) *fleet {
	f := &fleet{t: t, url: ledger(t), bells: map[string]chan struct{}{}}
	var err error
	if f.sql, err = pgx.Connect(t.Context(), f.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.sql.Close(context.Background()) })
	return f
}

func (f *fleet) Wake(_ context.Context, processes ...string) error {
	for _, p := range processes {
		select {
		case f.bells[p] <- struct{}{}:
		default:
		}
	}
	return nil
}

func (f *fleet) Woken(_ context.Context, process string) <-chan struct{} {
	f.bells[process] = make(chan struct{}, 1)
	return f.bells[process]
}

// process is one of the fleet: a store, and its part in the protocol.
type process struct {
	*postgres.Replica
	store *postgres.Store
	t     *testing.T
}

func (f *fleet) process() process {
	s := open(f.t, f.url, postgres.Options{Boottime: func() time.Duration { return time.Duration(f.boot.Load()) }})
	r := s.Replica(f.t.Context(), f)
	f.t.Cleanup(func() { r.Close() })
	return process{r, s, f.t}
}

func (p process) renew(applied ...provision.NewsID) provision.Renewal {
	p.t.Helper()
	r, err := p.Renew(p.t.Context(), applied)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// tell commits a change with news of that name.
func (p process) tell(id provision.NewsID, leases ...provision.LeaseID) {
	p.t.Helper()
	_, err := p.store.Amend(p.t.Context(), provision.Target{}, func(provision.State) (provision.Change, error) {
		return provision.Change{News: provision.News{ID: id, Leases: leases}}, nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

func ids(r provision.Renewal) (ids []provision.NewsID) {
	for _, n := range r.News {
		ids = append(ids, n.ID)
	}
	slices.Sort(ids)
	return ids
}

func (f *fleet) exec(sql string, args ...any) {
	f.t.Helper()
	if _, err := f.sql.Exec(f.t.Context(), sql, args...); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) count(sql string, args ...any) (n int) {
	f.t.Helper()
	if err := f.sql.QueryRow(f.t.Context(), sql, args...).Scan(&n); err != nil {
		f.t.Fatal(err)
	}
	return n
}

func TestNewsComeUntilTheyAreApplied(t *testing.T) {
	f := newFleet(t)
	a, b := f.process(), f.process()
	if r := b.renew(); !r.Joined || len(r.News) != 0 {
		t.Fatalf("%+v", r)
	}
	a.tell("one", "acme.1", "acme.2")
	for range 2 { // it did not say that it applied them
		r := b.renew()
		if r.Joined || !slices.Equal(ids(r), []provision.NewsID{"one"}) || !slices.Equal(r.News[0].Leases, []provision.LeaseID{"acme.1", "acme.2"}) {
			t.Fatalf("%+v", r)
		}
	}
	a.tell("two")
	a.tell("three", "acme.3")
	if r := b.renew("one"); !slices.Equal(ids(r), []provision.NewsID{"three"}) {
		t.Errorf("%+v; news of nothing are none", r)
	}
	if r := b.renew("three"); len(r.News) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestChangesThatCommitOutOfOrderAreAllHeardOf(t *testing.T) {
	f := newFleet(t)
	a, b := f.process(), f.process()
	b.renew()
	slow, err := f.sql.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := slow.Exec(t.Context(), "INSERT INTO changes (id, leases, everything, judge) VALUES ('early', '{}', true, '{}')"); err != nil {
		t.Fatal(err)
	}
	a.tell("late", "acme.1")
	if r := b.renew(); !slices.Equal(ids(r), []provision.NewsID{"late"}) {
		t.Fatalf("%+v", r)
	}
	for range 3 {
		b.renew("late")
	}
	if err := slow.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := b.renew(); !slices.Equal(ids(r), []provision.NewsID{"early"}) || !r.News[0].All {
		t.Fatalf("%+v", r)
	}
}

func TestWhoAwaitsWaitsForEveryOtherProcess(t *testing.T) {
	f := newFleet(t)
	a, b, c := f.process(), f.process(), f.process()
	for _, p := range []process{a, b, c} {
		p.renew()
	}
	a.tell("one", "acme.1")
	for _, id := range []provision.NewsID{"one", ""} {
		b.renew()
		c.renew()
		done := make(chan time.Duration)
		go func() {
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			a.Await(ctx, id)
			done <- time.Since(began)
		}()
		<-b.Woken()
		<-c.Woken()
		b.renew("one")
		select {
		case <-done:
			t.Fatal("it did not wait for the third")
		case <-time.After(200 * time.Millisecond):
		}
		c.renew("one")
		if took := <-done; took > 5*time.Second {
			t.Errorf("%v", took)
		}
		f.exec("DELETE FROM applied")
	}
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if a.Await(short, "one"); time.Since(began) < 100*time.Millisecond {
		t.Error("it returned before anybody had applied it, and before its time was over")
	}
	began = time.Now()
	if a.Await(t.Context(), "never told"); time.Since(began) > 5*time.Second {
		t.Error("it waits for news that there are not")
	}
}

func TestAProcessThatRenewsNoMoreIsForgotten(t *testing.T) {
	f := newFleet(t)
	a, b := f.process(), f.process()
	a.renew()
	b.renew()
	rows := func() int { return f.count("SELECT count(*) FROM replicas") }
	look := func() {
		for range 4 {
			a.renew()
		}
	}
	look()
	f.boot.Store(int64(4 * time.Second))
	look()
	if rows() != 2 {
		t.Fatal("it was taken for dead too soon")
	}
	b.renew()
	look() // its counter has moved
	f.boot.Store(int64(8 * time.Second))
	look()
	if rows() != 2 {
		t.Fatal("it was taken for dead though it had renewed")
	}
	f.boot.Store(int64(10 * time.Second))
	look()
	if rows() != 1 {
		t.Fatal("its row is still there")
	}
	a.tell("one", "acme.1")
	if _, err := b.Renew(t.Context(), nil); err == nil {
		t.Fatal("it goes on without a row")
	}
	if r := b.renew(); !r.Joined {
		t.Errorf("%+v: what it remembers is not good", r)
	}
}

func TestARenewalThatIsUnderWayKeepsItsRow(t *testing.T) {
	f := newFleet(t)
	a, b := f.process(), f.process()
	a.renew()
	b.renew()
	for range 4 {
		a.renew()
	}
	underWay, err := f.sql.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := underWay.Exec(t.Context(), "UPDATE replicas SET renewals = renewals + 1"); err != nil { // as of b; a is not asked yet
		t.Fatal(err)
	}
	f.boot.Store(int64(6 * time.Second))
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		for range 4 {
			a.Renew(context.Background(), nil)
		}
	}()
	time.Sleep(300 * time.Millisecond)
	if err := underWay.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-looked
	if n := f.count("SELECT count(*) FROM replicas"); n != 2 {
		t.Errorf("%d rows", n)
	}
}

func TestOneLeadsAndAnotherGoesOn(t *testing.T) {
	f := newFleet(t)
	a, b := f.process(), f.process()
	if !a.renew().Leads || b.renew().Leads || !a.renew().Leads {
		t.Fatal("not just the first leads")
	}
	f.exec("SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()")
	for range 100 {
		if b.renew().Leads {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !b.renew().Leads {
		t.Fatal("nobody goes on")
	}
	if _, err := a.Renew(t.Context(), nil); err == nil {
		t.Fatal("it did not notice that its session is gone")
	}
	if r := a.renew(); r.Leads || !r.Joined {
		t.Errorf("%+v", r)
	}
	a.renew()
	if n := f.count("SELECT count(*) FROM replicas"); n != 2 {
		t.Errorf("%d rows: that of its former session is left", n)
	}
}

func TestWhatEverybodyHasAppliedIsPruned(t *testing.T) {
	f := newFleet(t)
	a, b := f.process(), f.process()
	a.renew()
	b.renew()
	a.tell("one", "acme.1")
	a.renew()
	for range 8 {
		a.renew("one")
	}
	if f.count("SELECT count(*) FROM changes") != 1 {
		t.Fatal("it went before everybody had heard of it")
	}
	if r := b.renew(); !slices.Equal(ids(r), []provision.NewsID{"one"}) {
		t.Fatalf("%+v", r)
	}
	b.renew("one")
	for range 8 {
		a.renew()
	}
	if n := f.count("SELECT (SELECT count(*) FROM changes) + (SELECT count(*) FROM applied)"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if n := f.count("SELECT count(*) FROM replicas"); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestARenewalLearnsTheServersTime(t *testing.T) {
	f := newFleet(t)
	a := f.process()
	a.renew()
	before := a.store.Now()
	time.Sleep(50 * time.Millisecond) // this machine's clock stands still here, and the server's does not
	if a.renew(); !a.store.Now().After(before) {
		t.Error("it did not learn")
	}
}

func TestWhoIsAloneKnowsIt(t *testing.T) {
	f := newFleet(t)
	a, b := f.process(), f.process()
	a.renew()
	if err := a.Alone(t.Context()); err != nil {
		t.Error(err)
	}
	b.renew()
	if err := a.Alone(t.Context()); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("with another process: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Alone(t.Context()); err != nil {
		t.Errorf("after it left: %v", err)
	}
}
