package provision_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"leasehold/provision"
)

// ledger is a store as small as one can be: rows in maps, read and written as provision.Ledger promises. It takes no
// change that breaks a unique rule (I3), and remembers what every change made of accounts and leases.
type ledger struct {
	now          time.Time
	installation provision.Generation
	tenants      map[provision.TenantID]provision.Tenant
	connections  map[provision.ConnectionID]provision.Connection
	claims       map[string]provision.Claim // "DOMAIN/TENANT"
	accounts     map[provision.AccountID]provision.Account
	links        []provision.Link
	leases       map[provision.LeaseID]provision.Lease
	revocations  []provision.Revocation
	spent        []provision.Spent
	events       []provision.Event
	outbox       outbox
	draws        int
}

// errUnique is what a change that breaks a unique rule is.
var errUnique = errors.New("a unique rule is broken")

// draw is a number that no draw gave before.
func (l *ledger) draw() string { l.draws++; return fmt.Sprint(l.draws) }

func (l *ledger) act() provision.Act { return act(l.draw(), l.now) }

func (l *ledger) linksOf(a provision.AccountID) []provision.Link {
	if a == "" {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(l.links), func(x provision.Link) bool { return x.Account != a })
}

// leasesOf are the leases of an account that have not ended, in the order of their names.
func (l *ledger) leasesOf(a provision.AccountID) (live []provision.Lease) {
	for _, id := range slices.Sorted(maps.Keys(l.leases)) {
		if x := l.leases[id]; x.Account == a && x.EndedAt.IsZero() {
			live = append(live, x)
		}
	}
	return live
}

func (l *ledger) owner(d provision.Domain) provision.Claim {
	for _, c := range l.claims {
		if c.Domain == d && c.Owns() {
			return c
		}
	}
	return provision.Claim{}
}

func (l *ledger) standing(id provision.LeaseID) provision.Standing {
	x, ok := l.leases[id]
	if !ok {
		return provision.Standing{}
	}
	s := provision.Standing{Lease: x, Account: l.accounts[x.Account], Tenant: l.tenants[x.Tenant], Connection: l.connections[x.Connection], Claim: l.owner(x.Domain), Installation: l.installation}
	for up := x.Parent; up != ""; up = l.leases[up].Parent {
		s.Ancestors = append(s.Ancestors, l.leases[up])
	}
	return s
}

// state is what a target names.
func (l *ledger) state(t provision.Target) provision.State {
	s := provision.State{Installation: l.installation, Connection: l.connections[t.Connection], Former: l.standing(t.Lease), Intended: l.standing(t.Intent.Lease)}
	s.Tenant = l.tenants[t.Tenant]
	if s.Connection.ID != "" {
		s.Tenant = l.tenants[s.Connection.Tenant]
	}
	if s.Tenant.ID == "" {
		s.Tenant = l.tenants[l.accounts[t.Account].Tenant]
	}
	d := t.Domain
	if d.IsZero() {
		d = t.Email.Domain()
	}
	s.OwnClaim, s.Claim = l.claims[claimKey(d, s.Tenant.ID)], l.owner(d)
	if s.Claim.Tenant == "" {
		s.Claim = s.OwnClaim
	}
	id := t.Account
	for _, x := range l.links {
		if x.LinkKey == t.Link && x.Subject != "" {
			s.Link = x
		}
	}
	if id == "" {
		id = s.Link.Account
	}
	for _, x := range l.links { // the newest tombstone, if there is no link
		if id == "" || (s.Link.Account == "" && t.Account == "") {
			if t.Pseudonym != "" && x.Pseudonym == t.Pseudonym && x.Subject == "" {
				id = x.Account
			}
		}
	}
	s.Account, s.Links, s.Leases = l.accounts[id], l.linksOf(id), l.leasesOf(id)
	s.FormerLeases, s.FormerLinks = l.leasesOf(s.Former.Account.ID), l.linksOf(s.Former.Account.ID)
	s.IntendedLeases = l.leasesOf(s.Intended.Account.ID)
	for _, a := range l.accounts {
		if a.Tenant == s.Tenant.ID && !t.Email.IsZero() && a.Email == t.Email && a.State.Living() {
			s.EmailHolder = a
		}
		if a.Tenant == s.Tenant.ID && a.ID != id && len(l.leasesOf(a.ID)) > 0 {
			s.Seats++
		}
	}
	s.Listeners, s.FormerListeners, s.IntendedListeners = l.listeners(t.Account), l.listeners(s.Former.Account.ID), l.listeners(s.Intended.Account.ID)
	for _, x := range t.Spend {
		if slices.Contains(l.spent, x) {
			s.Spent = append(s.Spent, x)
		}
	}
	return s
}

func claimKey(d provision.Domain, t provision.TenantID) string { return d.String() + "/" + string(t) }

// apply writes a change whole, or nothing of it.
func (l *ledger) apply(c provision.Change) error {
	links := slices.DeleteFunc(slices.Clone(l.links), func(x provision.Link) bool { return slices.Contains(c.Unlinks, x.LinkKey) })
	links = append(links, c.Links...)
	accounts := maps.Clone(l.accounts)
	for _, a := range c.Accounts {
		accounts[a.ID] = a
	}
	keys, addresses := map[provision.LinkKey]bool{}, map[string]bool{}
	for _, x := range links {
		if x.Subject == "" {
			continue
		}
		if keys[x.LinkKey] {
			return fmt.Errorf("link %+v: %w", x.LinkKey, errUnique)
		}
		keys[x.LinkKey] = true
	}
	for _, a := range accounts {
		if !a.State.Living() {
			continue
		}
		key := string(a.Tenant) + "/" + a.Email.String()
		if addresses[key] {
			return fmt.Errorf("address %s: %w", key, errUnique)
		}
		addresses[key] = true
	}
	for _, x := range c.Spent {
		if slices.Contains(l.spent, x) {
			return fmt.Errorf("spent %+v: %w", x, errUnique)
		}
	}
	l.links, l.accounts, l.spent, l.events = links, accounts, append(l.spent, c.Spent...), append(l.events, c.Events...)
	l.revocations = append(l.revocations, c.Revocations...)
	l.installation = max(l.installation, c.Installation)
	for _, t := range c.Tenants {
		l.tenants[t.ID] = t
	}
	for _, x := range c.Connections {
		l.connections[x.ID] = x
	}
	for _, x := range c.Claims {
		l.claims[claimKey(x.Domain, x.Tenant)] = x
	}
	for _, x := range c.Leases {
		l.leases[x.ID] = x
	}
	l.outbox.apply(c)
	return nil
}

// amend is one administrative verb. A refusal of the verb is no fault; a change that the ledger cannot take is.
func (l *ledger) amend(t provision.Target, do verb) (faults []string, err error) {
	s := l.state(t)
	c, err := do(s, l.act())
	if err != nil {
		return nil, err
	}
	return l.commit(c), nil
}

// commit applies a change, and lists the laws that it broke.
func (l *ledger) commit(c provision.Change) []string {
	faults := append(changeFaults(l.accounts, l.leases, c, l.now), l.tellingFaults(c)...)
	if err := l.apply(c); err != nil {
		faults = append(faults, err.Error())
	}
	return append(append(faults, l.faults()...), l.untoldFaults()...)
}

// login is one request, decided and written.
func (l *ledger) login(r provision.Request) (provision.Decision, []string) {
	address, _ := provision.ParseEmail(r.Facts.Email)
	s := l.state(provision.Target{
		Connection: r.Facts.Connection, Link: provision.LinkKey{Connection: r.Facts.Connection, Subject: r.Facts.Subject}, Pseudonym: r.Pseudonym,
		Email: address, Lease: r.Replaces, Intent: r.Intent, Spend: r.Spend,
	})
	d := provision.Decide(s, r, ids(l.draw()), l.now)
	faults := decisionFaults(scene{s, r, l.now}, d)
	return d, append(faults, l.commit(d.Change)...)
}

// faults lists the invariants that the rows break as they stand.
func (l *ledger) faults() (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for _, a := range l.accounts {
		links, leases := l.linksOf(a.ID), l.leasesOf(a.ID)
		waits := a.State == provision.Pending || a.State == provision.Suspended || a.State == provision.Revoked // kept away
		if len(provision.SignIns(links)) == 0 && !waits && a.State != provision.Deleted {
			fault("I4: account %s is %s without a link", a.ID, a.State)
		}
		if (a.State == provision.Active) != (len(leases) > 0) {
			fault("account %s is %s with %d leases", a.ID, a.State, len(leases))
		}
		for _, x := range links {
			if c := l.connections[x.Connection]; c.Tenant != a.Tenant {
				fault("I11: account %s of %s has a link at %s of %s", a.ID, a.Tenant, c.ID, c.Tenant)
			}
			if x.Subject != "" && a.State == provision.Deleted {
				fault("account %s is %s, its link %+v", a.ID, a.State, x)
			}
		}
	}
	for id, x := range l.leases {
		if a := l.accounts[x.Account]; a.ID == "" || a.Tenant != x.Tenant || id.Tenant() != x.Tenant {
			fault("I11: lease %s of %s, account %s of %s", id, x.Tenant, a.ID, a.Tenant)
		}
		if up, ok := l.leases[x.Parent]; x.Parent != "" && (!ok || l.standing(id).Refuses(up.End) == "" || (x.EndedAt.IsZero() && !up.EndedAt.IsZero())) {
			fault("I6: lease %s outlives its parent %s", id, x.Parent)
		}
		if l.standing(id).Refuses(l.now) == "" && (!x.EndedAt.IsZero() || l.accounts[x.Account].State != provision.Active) {
			fault("I1: lease %s gives access", id)
		}
	}
	return faults
}

// reap ends what is over, as the reaper does.
func (l *ledger) reap() (faults []string) {
	for _, id := range slices.Sorted(maps.Keys(l.leases)) {
		standing := l.standing(id)
		cause, ref := provision.Over(standing, l.revocations, l.now)
		if cause == "" {
			continue
		}
		c := provision.EndLeases(l.state(provision.Target{Lease: id}).OfFormer(), provision.End{Leases: []provision.LeaseID{id}, Cause: cause, Revocation: ref, Actor: provision.Actor{Kind: provision.System, Via: "reaper"}}, ids(l.draw()), l.now)
		faults = append(faults, l.commit(c)...)
	}
	for id, x := range l.leases {
		if refuses := l.standing(id).Refuses(l.now) != ""; refuses && x.EndedAt.IsZero() {
			faults = append(faults, fmt.Sprintf("lease %s gives no access and is not reaped", id))
		}
	}
	return faults
}

// regate judges every live lease of a tenant under its rules as they are now.
func (l *ledger) regate(t provision.TenantID) (faults []string) {
	for _, id := range slices.Sorted(maps.Keys(l.leases)) {
		if !strings.HasPrefix(string(id), string(t)+".") || !l.leases[id].EndedAt.IsZero() {
			continue
		}
		kept, cause := provision.Regate(l.standing(id), l.now)
		c := provision.Change{Leases: []provision.Lease{kept}}
		if cause != "" {
			c = provision.EndLeases(l.state(provision.Target{Lease: id}).OfFormer(), provision.End{Leases: []provision.LeaseID{id}, Cause: cause, Actor: provision.Actor{Kind: provision.System, Via: "reaper"}}, ids(l.draw()), l.now)
		}
		faults = append(faults, l.commit(c)...)
	}
	return faults
}
