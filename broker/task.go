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

// endedTask is the end of a task as a spent thing.
func (b *Broker) endedTask(t provision.TenantID, task string) provision.Spent {
	return provision.Spent{Kind: provision.EndedTask, Scope: string(t), ID: task, Until: b.Ledger.Now().Add(endedTaskFor)}
}

// EndTask ends every lease of a task of a tenant, for a workload that has or had a lease in it, and says how many ended.
// When it returns no replica takes any of them, and nothing begins in the task any more. Said again, it ends what is left.
func (b *Broker) EndTask(ctx context.Context, t provision.TenantID, task, bearer string, from provision.Requester) (int, error) {
	s, err := b.workloadOf(ctx, t, bearer, true)
	if errors.Is(err, provision.ErrNotFound) || err == nil && (s.Lease.Grant.Task != task || task == "") {
		return 0, &provision.DeniedError{Reason: provision.SessionMissing, Tenant: t}
	}
	if err != nil {
		return 0, err
	}
	actor := workloadActor(s.Lease)
	if err := b.closeTask(ctx, t, task, provision.Event{Actor: actor, Account: s.Lease.Account, Connection: s.Lease.Connection, Personal: provision.Personal{Requester: from}}); err != nil {
		return 0, err
	}
	return b.endTask(ctx, t, task, provision.End{Cause: provision.CauseTaskEnd, Actor: actor, Requester: from})
}

// closeTask notes that a task ended: whoever reads the tenant after this commit begins nothing in it. So whatever began
// before is there to be listed.
func (b *Broker) closeTask(ctx context.Context, t provision.TenantID, task string, e provision.Event) error {
	ids, err := b.ids()
	if err != nil {
		return err
	}
	mark := b.endedTask(t, task)
	_, err = b.amend(ctx, provision.Target{Tenant: t, Spend: []provision.Spent{mark}}, func(s provision.State) (provision.Change, error) {
		if len(s.Spent) > 0 {
			return provision.Change{}, nil
		}
		e.ID, e.Time, e.Kind, e.Tenant, e.Reason = ids.Event(0), b.Ledger.Now(), provision.EventTaskEnded, t, string(provision.CauseTaskEnd)
		e.Changes = []string{"task " + task}
		return provision.Change{Spent: []provision.Spent{mark}, Events: []provision.Event{e}}, nil
	})
	if err != nil {
		return fmt.Errorf("end of a task: %w", err)
	}
	return nil
}

// endTask ends the leases of a task, in batches, and waits until every replica knows.
func (b *Broker) endTask(ctx context.Context, t provision.TenantID, task string, e provision.End) (int, error) {
	ended := 0
	for last := provision.LeaseID(""); ; {
		leases, err := b.Registry.Leases(ctx, provision.Page{Tenant: t, Task: task, Limit: reapBatch})
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
