package broker

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"leasehold/provision"
)

const (
	// MaxAffected is how many accounts an Impact names; it counts all.
	MaxAffected = 200

	tryFor    = 4 * time.Second // then what was judged so far is told
	tryBatch  = 500
	tryAtOnce = 4
)

// Impact is what a policy would do to live sessions if it were in force now. Nothing is changed by finding out.
type Impact struct {
	Against  int64 // the version in force, with which it was compared
	Judged   int   // live sessions
	Ended    int   // of them, those that would end
	Sooner   int   // that would end earlier than they do now
	Reduced  int   // that would lose roles
	Accounts int   // that lose something
	Affected []Affected
	Next     provision.LeaseID // after it, sessions were not judged, because that took too long; "": all were
}

// Affected is an account that loses something.
type Affected struct {
	Account provision.AccountID
	Email   provision.Email
	Ended   int               // its sessions that would end
	Causes  []provision.Cause // for which
	Sooner  int
	Roles   []string // that it would lose in some session
}

// Try is what p would do to the tenant's live sessions after a lease, in the order of their ids; "": to all. It takes a
// few seconds at most.
func (r Rules) Try(ctx context.Context, p provision.Policy, after provision.LeaseID) (Impact, error) {
	t, err := r.Tenant(ctx)
	if err != nil {
		return Impact{}, err
	}
	if err := r.b.usable(p); err != nil {
		return Impact{}, err
	}
	leave, err := r.alone(ctx)
	if err != nil {
		return Impact{}, err
	}
	defer leave()
	p = p.WithRulesOf(t.Policy)
	found := toll{Impact: Impact{Against: t.Policy.Version}, of: map[provision.AccountID]*Affected{}}
	page, until := provision.Page{Tenant: r.t, After: string(after), Limit: tryBatch}, time.Now().Add(r.patience)
	for {
		leases, err := r.b.Registry.Leases(ctx, page)
		if err != nil {
			return Impact{}, err
		}
		if err := r.judge(ctx, leases, p, &found); err != nil {
			return Impact{}, err
		}
		if len(leases) < tryBatch {
			return found.told(""), nil
		}
		page.After = string(leases[len(leases)-1].ID)
		if time.Now().After(until) {
			return found.told(provision.LeaseID(page.After)), nil
		}
	}
}

// alone is nil once nobody else tries a policy of the tenant; whoever would have to wait long is refused.
func (r Rules) alone(ctx context.Context) (leave func(), err error) {
	lane := r.b.trials.of(r.t)
	leave = func() { <-lane }
	select {
	case lane <- struct{}{}:
		return leave, nil
	default:
	}
	wait := time.NewTimer(r.patience)
	defer wait.Stop()
	select {
	case lane <- struct{}{}:
		return leave, nil
	case <-wait.C:
		return nil, &provision.DeniedError{Reason: provision.RateLimited, Tenant: r.t}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// judge judges leases, several at once.
func (r Rules) judge(ctx context.Context, leases []provision.Lease, p provision.Policy, found *toll) error {
	var mu sync.Mutex
	var judging sync.WaitGroup
	var faults []error
	each := (len(leases) + tryAtOnce - 1) / tryAtOnce
	for part := range slices.Chunk(leases, max(each, 1)) {
		judging.Go(func() {
			for _, l := range part {
				s, err := r.b.Ledger.Lease(ctx, l.ID)
				var f fate
				if err == nil {
					f, err = r.b.fate(ctx, s, p)
				}
				mu.Lock()
				if err == nil {
					found.note(s, f)
				} else if !errors.Is(err, provision.ErrNotFound) {
					faults = append(faults, err)
				}
				mu.Unlock()
			}
		})
	}
	judging.Wait()
	return errors.Join(faults...)
}

// fate is what becomes of one lease by another policy.
type fate struct {
	over   bool // it ends without it as well
	cause  provision.Cause
	sooner bool
	roles  []string // lost
}

// fate asks the same gate that will be asked once p is in force, at the same instant with the policy that is and with p.
func (b *Broker) fate(ctx context.Context, s provision.Standing, p provision.Policy) (fate, error) {
	then := s
	then.Tenant.Policy = p.WithDefaults()
	from, err := b.began(ctx, then)
	if err != nil {
		return fate{}, err
	}
	now := b.Ledger.Now()
	then.Met = b.met(ctx, then, from, now)
	s.Met = true // a session that is over by the policy in force is over
	was, over := provision.Regate(s, now)
	kept, cause := provision.Regate(then, now)
	f := fate{over: over != "", cause: cause, sooner: cause == "" && (kept.End.Before(was.End) || kept.Idle < was.Idle)}
	left := then.Roles()
	f.roles = slices.DeleteFunc(s.Roles(), func(role string) bool { return slices.Contains(left, role) })
	if cause != "" {
		f.roles = nil
	}
	return f, nil
}

// toll adds fates up by account.
type toll struct {
	Impact
	of map[provision.AccountID]*Affected
}

func (t *toll) note(s provision.Standing, f fate) {
	if f.over {
		return
	}
	t.Judged++
	if f.cause == "" && !f.sooner && len(f.roles) == 0 {
		return
	}
	a := t.of[s.Account.ID]
	if a == nil {
		a = &Affected{Account: s.Account.ID, Email: s.Account.Email}
		t.of[s.Account.ID] = a
	}
	if f.cause != "" {
		t.Ended, a.Ended, a.Causes = t.Ended+1, a.Ended+1, append(a.Causes, f.cause)
	}
	if f.sooner {
		t.Sooner, a.Sooner = t.Sooner+1, a.Sooner+1
	}
	if len(f.roles) > 0 {
		t.Reduced, a.Roles = t.Reduced+1, append(a.Roles, f.roles...)
	}
}

// told is the sum: those whose sessions end come first.
func (t *toll) told(next provision.LeaseID) Impact {
	t.Next, t.Accounts = next, len(t.of)
	for _, a := range t.of {
		slices.Sort(a.Causes)
		slices.Sort(a.Roles)
		a.Causes, a.Roles = slices.Compact(a.Causes), slices.Compact(a.Roles)
		t.Affected = append(t.Affected, *a)
	}
	slices.SortFunc(t.Affected, func(a, b Affected) int {
		return cmp.Or(cmp.Compare(b.Ended, a.Ended), cmp.Compare(len(b.Roles), len(a.Roles)), cmp.Compare(a.Email.String(), b.Email.String()), cmp.Compare(a.Account, b.Account))
	})
	t.Affected = t.Affected[:min(len(t.Affected), MaxAffected)]
	return t.Impact
}
