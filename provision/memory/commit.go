package memory

import (
	"fmt"
	"maps"
	"slices"

	"leasehold/provision"
)

// commit is one change of the tables under way. What it has written can be taken back.
type commit struct {
	*tables
	undo []func()
}

func (c *commit) rollback() {
	for _, undo := range slices.Backward(c.undo) {
		undo()
	}
	c.undo = nil
}

// set writes one entry of a table.
func set[K comparable, V any](c *commit, table map[K]V, key K, value V) {
	c.keep(restore(table, key))
	table[key] = value
}

// drop takes one entry out of a table.
func drop[K comparable, V any](c *commit, table map[K]V, key K) {
	c.keep(restore(table, key))
	delete(table, key)
}

func restore[K comparable, V any](table map[K]V, key K) func() {
	old, had := table[key]
	return func() {
		if had {
			table[key] = old
		} else {
			delete(table, key)
		}
	}
}

func (c *commit) keep(undo func()) { c.undo = append(c.undo, undo) }

// errLostRace is a broken unique index: the state that the change was made of is no longer so.
var errLostRace = fmt.Errorf("unique index: %w", provision.ErrConflict)

// reserve writes one entry of a unique index, unless another owner stands there.
func reserve[K, V comparable](c *commit, index map[K]V, key K, owner V) error {
	if old, taken := index[key]; taken && old != owner {
		return errLostRace
	}
	set(c, index, key, owner)
	return nil
}

// release takes key out of a unique index if it is owner's.
func release[K, V comparable](c *commit, index map[K]V, key K, owner V) {
	if old, taken := index[key]; taken && old == owner {
		drop(c, index, key)
	}
}

// apply writes a change, and gives its events their Seq. After an error the commit has to be rolled back.
func (c *commit) apply(change *provision.Change) error {
	x := own(*change)
	if x.Installation != 0 {
		old := c.installation
		c.keep(func() { c.installation = old })
		c.installation = x.Installation
	}
	for _, a := range x.Apps { // all of them first: an origin may move to another app
		c.leaveOrigins(a.ID)
	}
	for _, err := range []error{
		each(x.Spent, c.spend), each(x.Tenants, c.tenant), each(x.Connections, c.connection), each(x.Claims, c.claim),
		each(x.Apps, c.app), each(x.Accounts, c.account), each(x.Unlinks, c.unlink), each(x.Links, c.addLink),
		each(x.Leases, c.lease), each(x.Upstreams, c.upstream), each(x.Entries, c.entry), each(x.Decisions, c.decision), each(x.Revocations, c.revocation), each(x.Elevations, c.elevation), each(x.Credentials, c.credential), each(x.Setups, c.setup),
		each(x.Tokens, c.token), each(x.TokensGone, c.tokenGone),
	} {
		if err != nil {
			return err
		}
	}
	c.append(change.Events)
	c.void(x.Voids)
	change.Number()
	return each(own(change.Deliveries), func(d provision.Delivery) error {
		if _, there := c.deliveries[d.ID]; !there && !d.Of(change.Events) {
			return fmt.Errorf("delivery %s is there no more: %w", d.ID, errLostRace)
		}
		return c.delivery(d)
	})
}

func each[T any](items []T, write func(T) error) error {
	for _, item := range items {
		if err := write(item); err != nil {
			return err
		}
	}
	return nil
}

func (c *commit) spend(x provision.Spent) error {
	if _, taken := c.spent[keyOf(x)]; taken {
		return errLostRace
	}
	set(c, c.spent, keyOf(x), x)
	return nil
}

func (c *commit) tenant(t provision.Tenant) error {
	if _, kept := c.policies[policyKey{t.ID, t.Policy.Version}]; !kept {
		set(c, c.policies, policyKey{t.ID, t.Policy.Version}, t.Policy)
	}
	set(c, c.tenants, t.ID, t)
	return nil
}

func (c *commit) connection(x provision.Connection) error {
	set(c, c.connections, x.ID, x)
	return nil
}

func (c *commit) claim(x provision.Claim) error {
	release(c, c.owners, x.Domain, x.Tenant)
	set(c, c.claims, claimKey{x.Domain, x.Tenant}, x)
	if !x.Owns() {
		return nil
	}
	return reserve(c, c.owners, x.Domain, x.Tenant)
}

func (c *commit) leaveOrigins(id provision.AppID) {
	for _, o := range c.apps[id].Origins {
		release(c, c.origins, o, id)
	}
}

func (c *commit) app(a provision.App) error {
	set(c, c.apps, a.ID, a)
	if a.Removal == provision.Removed {
		c.forget(a.ID)
	}
	return each(a.Origins, func(o provision.Origin) error { return reserve(c, c.origins, o, a.ID) })
}

// forget forgets who came to an app: what is made anew under its name knows nobody.
func (c *commit) forget(app provision.AppID) {
	for account := range maps.Clone(c.known) {
		c.part(account, app)
	}
	for lease, entries := range maps.Clone(c.entries) {
		set(c, c.entries, lease, slices.DeleteFunc(slices.Clone(entries), func(e provision.Entry) bool { return e.App == app }))
	}
}

func (c *commit) account(a provision.Account) error {
	old := c.accounts[a.ID]
	release(c, c.holders, holderKey{old.Tenant, old.Email}, a.ID)
	set(c, c.accounts, a.ID, a)
	if a.State == provision.Deleted {
		drop(c, c.known, a.ID)
	}
	if a.Email.IsZero() || !a.State.Living() {
		return nil
	}
	return reserve(c, c.holders, holderKey{a.Tenant, a.Email}, a.ID)
}

func (c *commit) unlink(k provision.LinkKey) error {
	account, linked := c.linked[k]
	if !linked {
		return nil
	}
	drop(c, c.linked, k)
	rest := slices.DeleteFunc(slices.Clone(c.links[account]), func(l provision.Link) bool { return l.LinkKey == k })
	set(c, c.links, account, rest)
	return nil
}

func (c *commit) addLink(l provision.Link) error {
	if l.Subject == "" {
		set(c, c.tombs, l.Pseudonym, l.Account)
	} else if _, taken := c.linked[l.LinkKey]; taken {
		return errLostRace
	} else {
		set(c, c.linked, l.LinkKey, l.Account)
	}
	set(c, c.links, l.Account, append(slices.Clone(c.links[l.Account]), l))
	return nil
}

func (c *commit) lease(l provision.Lease) error {
	set(c, c.leases, l.ID, l)
	live := slices.DeleteFunc(slices.Clone(c.live[l.Account]), func(id provision.LeaseID) bool { return id == l.ID })
	if l.EndedAt.IsZero() {
		live = append(live, l.ID)
	}
	set(c, c.live, l.Account, live)
	return nil
}

// entry keeps the first time that a lease was handed to an app.
func (c *commit) entry(e provision.Entry) error {
	known := c.entries[e.Lease]
	if slices.ContainsFunc(known, func(k provision.Entry) bool { return k.App == e.App }) {
		return nil
	}
	set(c, c.entries, e.Lease, append(slices.Clone(known), e))
	c.meet(c.leases[e.Lease].Account, e.App)
	return nil
}

func (c *commit) decision(d provision.DecisionRow) error {
	if _, taken := c.decisions[d.ID]; taken {
		return errLostRace
	}
	set(c, c.decisions, d.ID, d)
	return nil
}

func (c *commit) revocation(r provision.Revocation) error {
	set(c, c.revocations, r.ID, r)
	return nil
}

// setup writes a setup's next revision, and no other.
func (c *commit) setup(x provision.Setup) error {
	if old, there := c.setups[x.ID]; there && old.Revision != x.Revision-1 {
		return errLostRace
	}
	set(c, c.setups, x.ID, x)
	return nil
}

// append adds to the audit. The next Seq is one more than the last.
func (c *commit) append(events []provision.Event) {
	n := len(c.events)
	c.keep(func() { c.events = c.events[:n] })
	for i := range events {
		events[i].Seq = int64(len(c.events) + 1)
		kept := own(events[i])
		kept.Personal = provision.Personal{} // sealed, or not kept
		c.events = append(c.events, kept)
	}
}

// sorted are the values of a table that are wanted, in the order of their keys' text.
func sorted[K ~string, V any](table map[K]V, after string, want func(V) bool, limit int) []V {
	var items []V
	for _, key := range slices.Sorted(maps.Keys(table)) {
		if len(items) == limit {
			break
		}
		if string(key) > after && want(table[key]) {
			items = append(items, own(table[key]))
		}
	}
	return items
}
