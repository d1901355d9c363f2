package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leasehold/provision"
)

// Leftovers lists and deletes what is over. What deletes does so in one commit, at most limit rows, and says how many.
type Leftovers interface {
	// Unused lists accounts of a tenant that have no live lease and last began one, or were made, before a time.
	Unused(ctx context.Context, t provision.TenantID, before time.Time, limit int) ([]provision.AccountID, error)
	// Linked lists accounts that have a sign-in at a connection, at most limit.
	Linked(ctx context.Context, c provision.ConnectionID, limit int) ([]provision.AccountID, error)
	// DeletePast deletes decisions of a tenant from before a time, and leases that had ended and were due before it.
	DeletePast(ctx context.Context, t provision.TenantID, before time.Time, limit int) (int, error)
	// DeleteSpent deletes what was used up and could not have been accepted any more at a time.
	DeleteSpent(ctx context.Context, at time.Time, limit int) (int, error)
	// DeleteTold deletes deliveries of an app that were confirmed or dropped before a time.
	DeleteTold(ctx context.Context, app provision.AppID, before time.Time, limit int) (int, error)
}

// spentMargin is how long a spent thing is remembered beyond its time, for wall clocks that are put back.
const spentMargin = 24 * time.Hour

// eraseBatch is how much one commit deletes: logins and ends go in between.
const eraseBatch = 500

// Erase deletes what has been kept long enough: used-up things that nobody would accept any more, and of each tenant
// that has a retention, what is older than it. An account keeps its tombstone, which still refuses whom it refused.
func (b *Broker) Erase(ctx context.Context) error {
	faults := []error{inBatches(func() (int, error) { return b.Leftovers.DeleteSpent(ctx, b.Now().Add(-spentMargin), eraseBatch) })}
	faults = append(faults, b.eraseTold(ctx))
	tenants, err := all(ctx, b.Registry.Tenants, func(t provision.Tenant) string { return string(t.ID) })
	faults = append(faults, err)
	for _, t := range tenants {
		if t.Retention <= 0 {
			continue
		}
		if err := b.erase(ctx, t, b.Ledger.Now().Add(-t.Retention)); err != nil {
			faults = append(faults, fmt.Errorf("tenant %s: %w", t.ID, err))
		}
	}
	return errors.Join(faults...)
}

// erase deletes of one tenant what is older than before, and notes how much that was. That it was nothing is noted once
// a day.
func (b *Broker) erase(ctx context.Context, t provision.Tenant, before time.Time) error {
	var e provision.Erased
	var faults [3]error
	e.Accounts, faults[0] = b.eraseAccounts(ctx, t, before)
	e.Rows, faults[1] = counted(func() (int, error) { return b.Leftovers.DeletePast(ctx, t.ID, before, eraseBatch) })
	e.Days, faults[2] = b.eraseDays(ctx, t.ID, before)
	if err := errors.Join(faults[:]...); err != nil {
		return err
	}
	deed := Deed{Actor: provision.Actor{Kind: provision.System, Via: "retention"}}
	if e == (provision.Erased{}) {
		deed.Once = "retention/" + b.Ledger.Now().UTC().Format(time.DateOnly)
	}
	a, err := b.act(deed)
	if err != nil {
		return err
	}
	target := provision.Target{Tenant: t.ID, Quiet: true}
	_, err = b.amend(ctx, target, b.once(deed, &target, func(s provision.State) (provision.Change, error) {
		return provision.NoteErased(s, e, a), nil
	}))
	return err
}

// eraseAccounts deletes accounts that have had no lease since before. Nobody knows when an account's last lease ended,
// but a session that began so long ago cannot have outlasted the policy.
func (b *Broker) eraseAccounts(ctx context.Context, t provision.Tenant, before time.Time) (int, error) {
	began := before.Add(-t.Policy.WithDefaults().MaxSession)
	deed := Deed{Actor: provision.Actor{Kind: provision.System, Via: "retention"}}
	return counted(func() (int, error) {
		unused, err := b.Leftovers.Unused(ctx, t.ID, began, eraseBatch)
		erased := 0
		for _, id := range unused {
			account, err := b.Account(ctx, deed, id, deleteUnused(began))
			if err != nil {
				return erased, err
			}
			if !account.State.Living() {
				erased++
			}
		}
		return erased, err
	})
}

// deleteUnused deletes an account, unless somebody has logged in to it meanwhile.
func deleteUnused(began time.Time) AccountVerb {
	return func(s provision.State, a provision.Act) (provision.Change, error) {
		if len(s.Leases) > 0 || !s.Account.LastLogin.Before(began) || !s.Account.State.Living() {
			return provision.Change{}, nil
		}
		return provision.DeleteAccount(s, a)
	}
}

// eraseDays destroys a tenant's keys of days that are wholly past.
func (b *Broker) eraseDays(ctx context.Context, t provision.TenantID, before time.Time) (int, error) {
	return counted(func() (int, error) {
		names, err := b.Keys.store.KeyNames(ctx, dayKeyName(t, time.Time{}), dayKeyName(t, before), eraseBatch)
		for i, name := range names {
			if err := b.Keys.Drop(ctx, name); err != nil {
				return i, err
			}
		}
		return len(names), err
	})
}

// inBatches does a part of something until one is not full.
func inBatches(part func() (int, error)) error {
	_, err := counted(part)
	return err
}

// counted is inBatches, and how much was done in all.
func counted(part func() (int, error)) (all int, err error) {
	for {
		n, err := part()
		if all += n; err != nil || n < eraseBatch {
			return all, err
		}
	}
}
