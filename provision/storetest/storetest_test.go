package storetest_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/provision/memory"
	"leasehold/provision/storetest"
)

func TestASoundStorePasses(t *testing.T) {
	storetest.Run(t, func(*testing.T) (storetest.Store, storetest.Store) {
		s := memory.New(nil)
		return s, s
	})
}

func TestEveryBrokenStoreIsCaught(t *testing.T) {
	for name, x := range map[string]struct {
		breaks func(*memory.Store) storetest.Store
		caught []string // checks that have to fail, among others
	}{
		"no isolation": {func(s *memory.Store) storetest.Store { return noIsolation{s} }, []string{
			"two first logins of one subject that meet make one account",
			"a message used by two logins that meet lets one in",
			"two ends of one lease that meet end it once",
			"an amendment sees what a login that meets it wrote",
		}},
		"lost event":          {func(s *memory.Store) storetest.Store { return lostEvent{s} }, []string{"a refusal is in the audit, too"}},
		"Seq with gaps":       {func(s *memory.Store) storetest.Store { return gaps{s} }, []string{"a crowd of first logins makes one account"}},
		"end not conditional": {func(s *memory.Store) storetest.Store { return blindEnd{s} }, []string{"ending what has ended changes nothing", "each end sees what the one before it wrote"}},
		"second link":         {func(s *memory.Store) storetest.Store { return secondLink{s} }, []string{"a second link of one subject is a conflict"}},
		"spent id forgotten":  {func(s *memory.Store) storetest.Store { return forgetful{s} }, []string{"what is spent stays spent", "a message used by two logins that meet lets one in"}},
		"torn write":          {func(s *memory.Store) storetest.Store { return torn{s} }, []string{"a change that fails at its end leaves nothing of its beginning", "a second link of one subject is a conflict"}},
		"ends one by one":     {func(s *memory.Store) storetest.Store { return piecemeal{s} }, []string{"ends are one commit"}},
		"personal part kept":  {func(s *memory.Store) storetest.Store { return talkative{s} }, []string{"an event is kept whole, but for its personal part in the clear"}},
		"use moves back":      {func(s *memory.Store) storetest.Store { return moving{s} }, []string{"use moves a lease's idle time, never back and not after its end"}},
		"revocations ignored": {func(s *memory.Store) storetest.Store { return deaf{s} }, []string{"due are those that a revocation of the tenant passed, until it is settled"}},
		"remembers for ever": {func(s *memory.Store) storetest.Store { return elephant{s} }, []string{
			"what a lease remembers of its identity provider is kept sealed, replaced whole, and gone with its end",
		}},
		"untold":                 {func(s *memory.Store) storetest.Store { return untold{s} }, []string{"what apps are to be told is written with its event, or not at all"}},
		"taken by two":           {func(s *memory.Store) storetest.Store { return lavish{s} }, []string{"what is taken is given to nobody else until that time is over"}},
		"out of turn":            {func(s *memory.Store) storetest.Store { return pushy{s} }, []string{"of each account only the first is taken, when it is due"}},
		"void is told":           {func(s *memory.Store) storetest.Store { return deafToVoids{s} }, []string{"what no app has confirmed is void when somebody comes back, also while it is told"}},
		"settled by anybody":     {func(s *memory.Store) storetest.Store { return &anybody{Store: s} }, []string{"only who took a delivery last settles it"}},
		"elevates anybody":       {func(s *memory.Store) storetest.Store { return elevating{s} }, []string{"a session stands with its own elevations, and with no others"}},
		"decides twice":          {func(s *memory.Store) storetest.Store { return undecided{s} }, []string{"a request for a role is kept sealed, found by what it is about, and decided once"}},
		"tokens' use moves back": {func(s *memory.Store) storetest.Store { return fickle{s} }, []string{"a token's last use never moves back, and no change takes it away"}},
		"tokens of everybody":    {func(s *memory.Store) storetest.Store { return frank{s} }, []string{"tokens and decisions are listed page by page, of one tenant or of all"}},
		"counts canaries":        {func(s *memory.Store) storetest.Store { return crowing{s} }, []string{"a canary is no lease, and nothing that lists or counts knows of it"}},
		"stale reads": {func(s *memory.Store) storetest.Store { return &stale{Store: s} }, []string{
			"a lease stands with all that a check reads",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			failing := storetest.Failing(func() (storetest.Store, storetest.Store) {
				s := x.breaks(memory.New(nil))
				return s, s
			})
			for _, want := range x.caught {
				if !slices.Contains(failing, want) {
					t.Errorf("not caught by %q; by:\n%s", want, strings.Join(failing, "\n"))
				}
			}
		})
	}
}

type (
	decide = func(provision.State) provision.Decision
	amend  = func(provision.State) (provision.Change, error)
)

// noIsolation reads, asks its function outside of the commit, and writes whatever has become of the state since.
type noIsolation struct{ *memory.Store }

func (s noIsolation) Provision(ctx context.Context, r provision.Request, decide decide) (provision.Decision, error) {
	var seen provision.State
	_, err := s.Store.Provision(ctx, r, func(now provision.State) provision.Decision {
		seen = now
		return provision.Decision{}
	})
	if err != nil {
		return provision.Decision{}, err
	}
	d := decide(seen)
	return s.Store.Provision(ctx, r, func(provision.State) provision.Decision { return d })
}

func (s noIsolation) Amend(ctx context.Context, t provision.Target, amend amend) (provision.Change, error) {
	var seen provision.State
	_, err := s.Store.Amend(ctx, t, func(now provision.State) (provision.Change, error) {
		seen = now
		return provision.Change{}, nil
	})
	if err != nil {
		return provision.Change{}, err
	}
	c, err := amend(seen)
	return s.write(ctx, c, err)
}

func (s noIsolation) write(ctx context.Context, c provision.Change, err error) (provision.Change, error) {
	return s.Store.Amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) { return c, err })
}

// lostEvent forgets the event of a refusal.
type lostEvent struct{ *memory.Store }

func (s lostEvent) Provision(ctx context.Context, r provision.Request, decide decide) (provision.Decision, error) {
	return s.Store.Provision(ctx, r, func(now provision.State) provision.Decision {
		d := decide(now)
		if d.Outcome == provision.Denied {
			d.Change.Events = nil
		}
		return d
	})
}

// gaps counts Seq up twice for each event.
type gaps struct{ *memory.Store }

func (s gaps) Events(ctx context.Context, f provision.EventFilter) ([]provision.Event, error) {
	events, err := s.Store.Events(ctx, f)
	for i := range events {
		events[i].Seq *= 2
	}
	return events, err
}

// blindEnd shows every end the state that was before the first.
type blindEnd struct{ *memory.Store }

func (s blindEnd) End(ctx context.Context, ids []provision.LeaseID, end func(provision.LeaseID, provision.State) provision.Change) error {
	before := map[provision.LeaseID]provision.State{}
	return s.Store.End(ctx, ids, func(id provision.LeaseID, now provision.State) provision.Change {
		if len(before) == 0 {
			for _, l := range now.FormerLeases {
				seen := now
				seen.Former.Lease = l
				before[l.ID] = seen
			}
		}
		if seen, ok := before[id]; ok {
			now = seen
		}
		return end(id, now)
	})
}

// secondLink has no unique index over links.
type secondLink struct{ *memory.Store }

func (s secondLink) Amend(ctx context.Context, t provision.Target, amend amend) (provision.Change, error) {
	return s.Store.Amend(ctx, t, func(now provision.State) (provision.Change, error) {
		c, err := amend(now)
		for i := range c.Links {
			c.Links[i].Subject += string(c.Links[i].Account)
		}
		return c, err
	})
}

// forgetful does not keep what was spent.
type forgetful struct{ *memory.Store }

func (s forgetful) Provision(ctx context.Context, r provision.Request, decide decide) (provision.Decision, error) {
	return s.Store.Provision(ctx, r, func(now provision.State) provision.Decision {
		d := decide(now)
		d.Change.Spent = nil
		return d
	})
}

// torn writes a change in two commits.
type torn struct{ *memory.Store }

func (s torn) Amend(ctx context.Context, t provision.Target, amend amend) (provision.Change, error) {
	var rest provision.Change
	_, err := s.Store.Amend(ctx, t, func(now provision.State) (provision.Change, error) {
		c, err := amend(now)
		rest = c
		rest.Accounts, rest.Tenants, rest.Connections, rest.Claims = nil, nil, nil, nil
		return provision.Change{Accounts: c.Accounts, Tenants: c.Tenants, Connections: c.Connections, Claims: c.Claims}, err
	})
	if err != nil {
		return provision.Change{}, err
	}
	return s.Store.Amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) { return rest, nil })
}

// piecemeal commits each end by itself.
type piecemeal struct{ *memory.Store }

func (s piecemeal) End(ctx context.Context, ids []provision.LeaseID, end func(provision.LeaseID, provision.State) provision.Change) error {
	for _, id := range ids {
		if err := s.Store.End(ctx, []provision.LeaseID{id}, end); err != nil {
			return err
		}
	}
	return nil
}

// talkative keeps the personal part of an event in the clear.
type talkative struct{ *memory.Store }

func (s talkative) Events(ctx context.Context, f provision.EventFilter) ([]provision.Event, error) {
	events, err := s.Store.Events(ctx, f)
	for i := range events {
		events[i].Personal.Email = "ada@acme.example"
	}
	return events, err
}

// elephant forgets nothing of what leases remember.
type elephant struct{ *memory.Store }

func (s elephant) Amend(ctx context.Context, t provision.Target, amend amend) (provision.Change, error) {
	return s.Store.Amend(ctx, t, func(now provision.State) (provision.Change, error) {
		c, err := amend(now)
		c.Upstreams = slices.DeleteFunc(slices.Clone(c.Upstreams), provision.Upstream.IsZero)
		return c, err
	})
}

// moving lets use move a lease's last use back.
type moving struct{ *memory.Store }

func (s moving) Used(ctx context.Context, seen map[provision.LeaseID]time.Time) error {
	for id, at := range seen {
		_, err := s.Amend(ctx, provision.Target{Lease: id}, func(now provision.State) (provision.Change, error) {
			l := now.Former.Lease
			if l.ID == "" || !l.EndedAt.IsZero() {
				return provision.Change{}, nil
			}
			l.Seen = at
			return provision.Change{Leases: []provision.Lease{l}}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// deaf lists what is due by its time alone.
type deaf struct{ *memory.Store }

func (s deaf) Due(ctx context.Context, now time.Time, limit int) ([]provision.LeaseID, error) {
	due, err := s.Store.Due(ctx, now, limit)
	return slices.DeleteFunc(due, func(id provision.LeaseID) bool {
		st, err := s.Lease(ctx, id)
		return err == nil && st.Lease.Due().After(now)
	}), err
}

// crowing makes a lease of a canary.
type crowing struct{ *memory.Store }

func (s crowing) PutCanary(ctx context.Context, c provision.Canary, n provision.News) error {
	_, err := s.Amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) {
		return provision.Change{Leases: []provision.Lease{c.Standing().Lease}}, nil
	})
	if err != nil {
		return err
	}
	return s.Store.PutCanary(ctx, c, n)
}

// stale answers a lease from the first time that it was read, and has no ancestors of it.
type stale struct {
	*memory.Store
	mu   sync.Mutex
	seen map[provision.LeaseID]provision.Standing
}

func (s *stale) Lease(ctx context.Context, id provision.LeaseID) (provision.Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st, ok := s.seen[id]; ok {
		return st, nil
	}
	st, err := s.Store.Lease(ctx, id)
	if st.Ancestors = nil; err == nil {
		if s.seen == nil {
			s.seen = map[provision.LeaseID]provision.Standing{}
		}
		s.seen[id] = st
	}
	return st, err
}

// elevating stands every session with all elevations of its account.
type elevating struct{ *memory.Store }

func (s elevating) Lease(ctx context.Context, id provision.LeaseID) (provision.Standing, error) {
	st, err := s.Store.Lease(ctx, id)
	_, _, leases, _ := s.Store.Account(ctx, st.Account.ID)
	st.Elevations = slices.DeleteFunc(leases, func(l provision.Lease) bool { return l.Kind != provision.ElevationLease })
	return st, err
}

// undecided forgets that a request was decided.
type undecided struct{ *memory.Store }

func (s undecided) Amend(ctx context.Context, t provision.Target, amend amend) (provision.Change, error) {
	return s.Store.Amend(ctx, t, func(now provision.State) (provision.Change, error) {
		c, err := amend(now)
		c.Elevations = slices.DeleteFunc(c.Elevations, func(e provision.Elevation) bool { return e.State != provision.ElevationWaiting })
		return c, err
	})
}
