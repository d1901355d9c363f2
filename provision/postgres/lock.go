package postgres

import (
	"hash/fnv"
	"maps"
	"slices"

	"leasehold/provision"
)

// locks are the advisory locks of a transaction, by number: true for those that are held alone. Whoever reads what is
// registered shares its lock until the commit; whoever changes it holds the lock alone. So a change waits for the logins
// that have read what it changes, and whoever comes after it sees it.
type locks map[int64]bool

// lockName is the number of an object's lock. Two objects that share one wait for each other, and no more.
func lockName(class, name string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(class + "/" + name)) // a hash takes everything
	return int64(h.Sum64())
}

// share adds the lock of an object that is read.
func (l locks) share(class, name string) {
	if n := lockName(class, name); name != "" && !l[n] {
		l[n] = false
	}
}

// claim adds the lock of an object that is changed.
func (l locks) claim(class, name string) {
	if name != "" {
		l[lockName(class, name)] = true
	}
}

// The classes of locks.
const (
	onInstallation = "installation"
	onTenant       = "tenant"
	onConnection   = "connection"
	onDomain       = "domain"
	onApp          = "app"
	onSeats        = "seats"
)

// theInstallation is the one name in its class.
const theInstallation = "*"

// changes adds the locks of all that a change writes of what is registered.
func (l locks) changes(c provision.Change) {
	if c.Installation != 0 {
		l.claim(onInstallation, theInstallation)
	}
	for _, t := range c.Tenants {
		l.claim(onTenant, string(t.ID))
	}
	for _, x := range c.Connections {
		l.claim(onConnection, string(x.ID))
	}
	for _, x := range c.Claims {
		l.claim(onDomain, x.Domain.String())
	}
	for _, a := range c.Apps {
		l.claim(onApp, string(a.ID))
	}
}

// lock takes locks, in the order of their numbers, which everybody keeps: so nobody waits for each other in a circle.
func (w *work) lock(wanted locks) {
	if len(wanted) == 0 {
		return
	}
	names := slices.Sorted(maps.Keys(wanted))
	alone := make([]bool, len(names))
	for i, n := range names {
		alone[i] = wanted[n]
	}
	w.queue(`SELECT CASE WHEN alone THEN pg_advisory_xact_lock(n)::text ELSE pg_advisory_xact_lock_shared(n)::text END
		FROM unnest($1::bigint[], $2::boolean[]) WITH ORDINALITY AS wanted (n, alone, i) ORDER BY i`, names, alone)
	w.held = wanted
}

// lockAccounts takes the locks of accounts, in the order of their names. Whoever writes an account, its links or its
// leases has it.
func (w *work) lockAccounts(ids []provision.AccountID) {
	if len(ids) > 0 {
		w.queue("SELECT FROM accounts WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE", texts(ids))
	}
}

// lacks are the locks of wanted that are not held as wanted.
func (w *work) lacks(wanted locks) locks {
	missing := locks{}
	for n, alone := range wanted {
		if held, ok := w.held[n]; !ok || (alone && !held) {
			missing[n] = alone
		}
	}
	return missing
}

// texts are names as the driver takes them.
func texts[T ~string](names []T) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = string(n)
	}
	return out
}
