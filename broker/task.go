package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"leasehold/provision"
)

// endedTaskFor is how long a task that ended stays so. A token from before cannot be exchanged any more by then.
const endedTaskFor = 24 * time.Hour

// endedTask is the end of a task as a spent thing. A task is of one workload, by the pseudonym of its link: another's
// of the same name goes on.
func (b *Broker) endedTask(t provision.TenantID, pseudonym, task string) provision.Spent {
	return provision.Spent{Kind: provision.EndedTask, Scope: string(t) + "/" + pseudonym, ID: task, Until: b.Ledger.Now().Add(endedTaskFor)}
}

// EndTask ends every lease that a workload has in a task of its own, if it has or had one in it, and says how many ended.
// When it returns no replica takes any of them, and nothing of that workload begins in the task any more. Said again, it
// ends what is left. A workload whose account is revoked ends nothing: all of it has ended.
func (b *Broker) EndTask(ctx context.Context, t provision.TenantID, task, bearer string, from provision.Requester) (int, error) {
	s, err := b.workloadOf(ctx, t, bearer, true)
	if errors.Is(err, provision.ErrNotFound) || err == nil && (s.Lease.Grant.Task != task || task == "" || !mayEnd(s)) {
		return 0, &provision.DeniedError{Reason: provision.SessionMissing, Tenant: t}
	}
	if err != nil {
		return 0, err
	}
	b.foretell(ctx, s.Lease.ID) // before the first commit of two
	defer b.suspense.release(s.Lease.ID)
	actor, worker := workloadActor(s.Lease), s.Lease.Worker()
	if err := b.closeTask(ctx, task, provision.Event{Tenant: t, Actor: actor, Account: worker, Connection: s.Lease.Connection, Personal: provision.Personal{Requester: from}}); err != nil {
		return 0, err
	}
	end := provision.End{Cause: provision.CauseTaskEnd, Actor: actor, Requester: from}
	own, err := b.endTask(ctx, provision.Page{Tenant: t, Account: worker, Task: task, Limit: reapBatch}, end)
	if err != nil {
		return own, err
	}
	forOthers, err := b.endTask(ctx, provision.Page{Tenant: t, Agent: worker, Task: task, Limit: reapBatch}, end)
	return own + forOthers, err
}

// mayEnd reports whether the account of the workload that has a lease is there, and not revoked.
func mayEnd(s provision.Standing) bool {
	a := s.Account
	if s.Lease.Kind == provision.AgentLease {
		a = s.Agent.Account
	}
	return a.ID != "" && a.ID == s.Lease.Worker() && a.State.Living() && a.State != provision.Revoked
}

// closeTask notes that a task of an account ended: whoever reads the account after this commit begins nothing in it. So
// whatever began before is there to be listed. The tenant's other workloads wait for nothing.
func (b *Broker) closeTask(ctx context.Context, task string, e provision.Event) error {
	ids, err := b.ids()
	if err != nil {
		return err
	}
	marks, err := b.marksOf(ctx, e.Tenant, e.Account, task)
	if err != nil {
		return err
	}
	_, err = b.amend(ctx, provision.Target{Account: e.Account, Spend: marks, Quiet: true}, func(s provision.State) (provision.Change, error) {
		missing := slices.DeleteFunc(slices.Clone(marks), func(m provision.Spent) bool {
			return slices.ContainsFunc(s.Spent, func(x provision.Spent) bool { return x.Scope == m.Scope })
		})
		if len(missing) == 0 {
			return provision.Change{}, nil
		}
		e.ID, e.Time, e.Kind, e.Reason = ids.Event(0), b.Ledger.Now(), provision.EventTaskEnded, string(provision.CauseTaskEnd)
		e.Changes = []string{"task " + task}
		return provision.Change{Spent: missing, Events: []provision.Event{e}}, nil
	})
	if err != nil {
		return fmt.Errorf("end of a task: %w", err)
	}
	return nil
}

// marksOf are the ends of a task for every name that an account is known by. A workload has one.
func (b *Broker) marksOf(ctx context.Context, t provision.TenantID, id provision.AccountID, task string) ([]provision.Spent, error) {
	_, links, _, err := b.Registry.Account(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", id, err)
	}
	var marks []provision.Spent
	for _, l := range links {
		marks = append(marks, b.endedTask(t, l.Pseudonym, task))
	}
	return marks, nil
}

// endTask ends the leases of a task, in batches, and waits until every replica knows.
func (b *Broker) endTask(ctx context.Context, mine provision.Page, e provision.End) (int, error) {
	ended := 0
	for last := provision.LeaseID(""); ; {
		leases, err := b.Registry.Leases(ctx, mine)
		if err != nil {
			return ended, err
		}
		if len(leases) == 0 {
			b.settledAll(ctx) // also what a process ended that was killed before the others had heard
			return ended, nil
		}
		if leases[0].ID == last { // it could not be ended
			return ended, fmt.Errorf("lease %s of the task: %w", last, provision.ErrUnavailable)
		}
		last = leases[0].ID
		var ids []provision.LeaseID
		for _, l := range leases {
			ids = append(ids, l.ID)
		}
		done := map[provision.LeaseID]bool{}
		err = b.write(ctx, ids, func(id provision.LeaseID, s provision.State, draws provision.IDs) provision.Change {
			one := e
			one.Leases = []provision.LeaseID{id}
			c := provision.EndLeases(s.OfFormer(), one, draws, b.Ledger.Now())
			done[id] = slices.ContainsFunc(c.Leases, func(l provision.Lease) bool { return l.ID == id && !l.EndedAt.IsZero() })
			return c
		})
		if err != nil {
			return ended, err
		}
		for _, is := range done {
			if is {
				ended++
			}
		}
	}
}
