package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"leasehold/provision"
)

// Bell wakes processes that share the database. Whatever it loses costs a quarter of a second, and nothing else.
type Bell interface {
	Wake(ctx context.Context, processes ...string) error
	Woken(ctx context.Context, process string) <-chan struct{}
}

// Replica is this process among those that share the database: it hears what the others changed, and waits until they
// have heard what it changed. docs/design/0007-coherence.md argues each step.
type Replica struct {
	store   *Store
	bell    Bell // nil: nobody is woken
	process string
	woken   <-chan struct{}

	mu      sync.Mutex // one renewal at a time
	session *pgx.Conn  // of renewals alone; nil: there is none
	id      string     // the session's row
	former  []string   // rows of earlier sessions, to be deleted once what was known under them is forgotten
	base    string     // snapshot up to which all news have been applied
	heard   string     // snapshot of the last renewal
	owed    []provision.NewsID
	leads   bool
	count   int
	sights  map[string]sight
}

// sight is how another's counter stood when it was last seen to move.
type sight struct {
	renewals int64
	since    time.Duration // this machine's CLOCK_BOOTTIME
}

const (
	goneAfter = 5 * time.Second // without a renewal: what the last one was good for is long over
	lookEvery = 4               // renewals, between two looks at the others
	leadLock  = 0x1ea5e1ead     // the advisory lock of the one that leads
	nothing   = "1:1:"          // a snapshot in which no transaction is visible
)

// Replica makes this process one of those that share the database, until ctx is over.
func (s *Store) Replica(ctx context.Context, bell Bell) *Replica {
	r := &Replica{store: s, bell: bell, process: rand.Text(), sights: map[string]sight{}}
	if bell != nil {
		r.woken = bell.Woken(ctx, r.process)
	}
	return r
}

// Woken tells that there may be news.
func (r *Replica) Woken() <-chan struct{} { return r.woken }

// Renew says that this process is alive and what news it has applied, and returns those that it has not. After an error
// the session is given up: the next renewal joins anew.
func (r *Replica) Renew(ctx context.Context, applied []provision.NewsID) (provision.Renewal, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	renewal, err := r.renew(ctx, applied)
	if err != nil {
		r.leave(ctx)
		return provision.Renewal{}, fault(err)
	}
	return renewal, nil
}

func (r *Replica) renew(ctx context.Context, applied []provision.NewsID) (renewal provision.Renewal, err error) {
	if r.session == nil {
		if err := r.join(ctx); err != nil {
			return renewal, err
		}
		renewal.Joined, applied = true, nil
	} else if err := r.tidy(ctx); err != nil {
		return renewal, err
	}
	if !slices.ContainsFunc(r.owed, func(id provision.NewsID) bool { return !slices.Contains(applied, id) }) {
		r.base = r.heard
	}
	if renewal.News, err = r.hear(ctx, applied); err != nil {
		return renewal, err
	}
	if !r.leads {
		if err := r.session.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(leadLock)).Scan(&r.leads); err != nil {
			return renewal, err
		}
	}
	renewal.Leads = r.leads
	return renewal, nil
}

// join opens a session and gives it a row. Its memory is empty by the time that it hears the first news.
func (r *Replica) join(ctx context.Context) error {
	c := r.store.pool.Config().ConnConfig
	c.RuntimeParams["application_name"] = "leasehold renewals"
	c.RuntimeParams["synchronous_commit"] = "off"                                  // what a crash takes back, every process has to say anew: its session is gone, too
	c.RuntimeParams["idle_session_timeout"] = fmt.Sprint(goneAfter.Milliseconds()) // who is stopped leads no longer
	session, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return err
	}
	id := r.process + "." + rand.Text()
	if _, err := r.store.pool.Exec(ctx, "INSERT INTO replicas (id, process) VALUES ($1, $2)", id, r.process); err != nil { // synced, as all else is
		return errors.Join(err, session.Close(ctx))
	}
	r.session, r.id, r.heard, r.base, r.owed, r.leads = session, id, nothing, nothing, nil, false
	clear(r.sights)
	return nil
}

// leave gives the session up. Its row stays until what was known under it is forgotten.
func (r *Replica) leave(ctx context.Context) {
	if r.session == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	r.session.Close(ctx)
	r.session, r.leads = nil, false
	r.former = append(r.former, r.id)
}

// hearing is one renewal, in one statement, and so on one snapshot. It brings the server's time along.
const hearing = `WITH me AS (UPDATE replicas SET renewals = renewals + 1 WHERE id = $1 RETURNING id),
	noted AS (INSERT INTO applied (change, replica) SELECT change, me.id FROM me, unnest($2::text[]) AS change ON CONFLICT DO NOTHING)
	SELECT pg_current_snapshot()::text, clock_timestamp(), coalesce((SELECT value FROM meta WHERE name = 'resets'), 0), EXISTS (SELECT FROM me), coalesce(c.id, ''), c.leases, coalesce(c.everything, false), c.judge
	FROM (VALUES (1)) AS one LEFT JOIN changes c ON c.xid >= pg_snapshot_xmin($3::pg_snapshot) AND NOT pg_visible_in_snapshot(c.xid, $3::pg_snapshot)`

// errGone is that somebody took this process for dead.
var errGone = errors.New("this process's row is gone")

func (r *Replica) hear(ctx context.Context, applied []provision.NewsID) ([]provision.News, error) {
	found, err := r.session.Query(ctx, hearing, r.id, texts(applied), r.base)
	if err != nil {
		return nil, err
	}
	var news []provision.News
	var here bool
	var n provision.News
	var leases, judge []string
	var at time.Time
	var resets int64
	r.owed = nil
	_, err = pgx.ForEachRow(found, []any{&r.heard, &at, &resets, &here, (*string)(&n.ID), &leases, &n.All, &judge}, func() error {
		if n.ID == "" {
			return nil
		}
		n.Leases, n.Judge = named[provision.LeaseID](leases), named[provision.TenantID](judge)
		news, r.owed = append(news, n), append(r.owed, n.ID)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case !here:
		return nil, errGone
	}
	r.store.clock.learn(at, resets)
	return news, nil
}

// named are names, as what they name.
func named[T ~string](texts []string) []T {
	var names []T
	for _, t := range texts {
		names = append(names, T(t))
	}
	return names
}

// tidy deletes rows that no living process answers for: this one's own of former sessions, which it has forgotten by the
// second renewal of a new one, and those whose counter has stood still for longer than any renewal is good for. A renewal
// that is under way holds its row: then the counter moves, and the row stays.
func (r *Replica) tidy(ctx context.Context) error {
	if len(r.former) > 0 {
		if _, err := r.session.Exec(ctx, "DELETE FROM replicas WHERE id = ANY($1)", r.former); err != nil {
			return err
		}
		r.former = nil
	}
	if r.count++; r.count%lookEvery != 0 {
		return nil
	}
	standing, err := r.look(ctx)
	if err != nil {
		return err
	}
	for id, renewals := range standing {
		if _, err := r.session.Exec(ctx, "DELETE FROM replicas WHERE id = $1 AND renewals = $2", id, renewals); err != nil {
			return err
		}
	}
	if r.leads {
		return r.prune(ctx)
	}
	return nil
}

// look notes how the others' counters stand, and returns those that have stood still for too long.
func (r *Replica) look(ctx context.Context) (map[string]int64, error) {
	found, err := r.session.Query(ctx, "SELECT id, renewals FROM replicas WHERE id <> $1", r.id)
	if err != nil {
		return nil, err
	}
	now := r.store.clock.boot()
	seen, standing := map[string]sight{}, map[string]int64{}
	var id string
	var renewals int64
	_, err = pgx.ForEachRow(found, []any{&id, &renewals}, func() error {
		s, known := r.sights[id]
		if !known || s.renewals != renewals {
			s = sight{renewals, now}
		}
		if seen[id] = s; now-s.since >= goneAfter {
			standing[id] = renewals
		}
		return nil
	})
	r.sights = seen
	return standing, err
}

// prune deletes changes that every process has applied. One that joins later has nothing to forget.
func (r *Replica) prune(ctx context.Context) error {
	_, err := r.session.Exec(ctx, `DELETE FROM changes WHERE NOT EXISTS (SELECT FROM replicas WHERE NOT EXISTS (
		SELECT FROM applied WHERE change = changes.id AND replica = replicas.id))`)
	if err == nil {
		_, err = r.session.Exec(ctx, "DELETE FROM applied WHERE NOT EXISTS (SELECT FROM changes WHERE id = applied.change)")
	}
	return err
}

// Await wakes the other processes and returns when each that is there has applied the news, or when ctx is over. Without a
// name, it is about all the news there are.
func (r *Replica) Await(ctx context.Context, id provision.NewsID) {
	open, processes, err := r.behind(ctx, `SELECT c.id, r.id, r.process FROM changes c CROSS JOIN replicas r WHERE ($1 = '' OR c.id = $1) AND r.process <> $2
		AND NOT EXISTS (SELECT FROM applied WHERE change = c.id AND replica = r.id)`, string(id), r.process)
	if err != nil { // who is there is not known: only time tells
		<-ctx.Done()
		return
	}
	if len(processes) > 0 && r.bell != nil {
		r.bell.Wake(ctx, processes...) // whom it does not reach renews soon
	}
	for wait := time.Millisecond; len(open.changes) > 0; wait = min(2*wait, 20*time.Millisecond) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		left, _, err := r.behind(ctx, `SELECT o.change, r.id, r.process FROM unnest($1::text[], $2::text[]) AS o (change, replica)
			JOIN replicas r ON r.id = o.replica JOIN changes c ON c.id = o.change
			WHERE NOT EXISTS (SELECT FROM applied WHERE change = c.id AND replica = r.id)`, open.changes, open.replicas)
		if err == nil {
			open = left
		}
	}
}

// debts are changes, and beside each one that has not applied it.
type debts struct{ changes, replicas []string }

func (r *Replica) behind(ctx context.Context, query string, args ...any) (open debts, processes []string, err error) {
	found, err := r.store.pool.Query(ctx, query, args...)
	if err != nil {
		return debts{}, nil, err
	}
	var change, replica, process string
	_, err = pgx.ForEachRow(found, []any{&change, &replica, &process}, func() error {
		open.changes, open.replicas = append(open.changes, change), append(open.replicas, replica)
		if !slices.Contains(processes, process) {
			processes = append(processes, process)
		}
		return nil
	})
	return open, processes, err
}

// Alone is nil when no other process shares the database, and ErrConflict when one does, or did a few seconds ago.
func (r *Replica) Alone(ctx context.Context) error {
	var others int
	err := r.store.pool.QueryRow(ctx, "SELECT count(DISTINCT process) FROM replicas WHERE process <> $1", r.process).Scan(&others)
	switch {
	case err != nil:
		return fault(err)
	case others > 0:
		return fmt.Errorf("%d other processes share the database: %w", others, provision.ErrConflict)
	}
	return nil
}

// Close takes this process's row along. Nothing may be answered from memory any more.
func (r *Replica) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	r.leave(ctx)
	_, err := r.store.pool.Exec(ctx, "DELETE FROM replicas WHERE process = $1", r.process)
	return fault(err)
}

// Warnings says what of the database lets down what this ledger promises, though it works.
func (s *Store) Warnings(ctx context.Context) (warnings []string, err error) {
	var standbys int
	var waited string
	err = s.reading(ctx, func(r reader) error {
		return r.row("SELECT count(*), current_setting('synchronous_standby_names') FROM pg_stat_replication", nil, &standbys, &waited)
	})
	if err == nil && standbys > 0 && waited == "" {
		warnings = append(warnings, "the database has standbys and synchronous_standby_names is empty: a failover may revive what was ended")
	}
	return warnings, err
}
