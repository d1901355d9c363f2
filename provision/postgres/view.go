package postgres

import (
	"cmp"
	"slices"

	"leasehold/provision"
)

// view is what was read for one verb. It follows what the verb writes, so that of several leases that end, each sees what
// the one before it wrote.
type view struct {
	installation provision.Generation
	tenants      map[provision.TenantID]provision.Tenant
	connections  map[provision.ConnectionID]provision.Connection
	claims       map[provision.Domain][]provision.Claim
	apps         map[provision.AppID]provision.App
	accounts     map[provision.AccountID]provision.Account
	links        map[provision.AccountID][]provision.Link // in the order in which they were made
	leases       map[provision.LeaseID]provision.Lease
	live         map[provision.AccountID][]provision.LeaseID
	entries      map[provision.LeaseID][]provision.Entry

	listening map[provision.AccountID][]provision.App // that asked to be told
	leaving   map[provision.AccountID][]provision.AppID
	handed    map[provision.LeaseID][]provision.Entry // of accounts that somebody listens for
	delivery  provision.Delivery                      // the target's
	setup     provision.Setup                         // the target's
	token     provision.Token                         // the target's
	waiting   map[provision.AccountID][]provision.Elevation
	owed      []provision.Credential // open ones of the target's lease

	acting  []provision.Lease   // by which accounts of workloads act for others
	link    provision.Link      // the target's
	buried  provision.AccountID // the account of its tombstone
	account provision.AccountID // the target's, or the one that its link or its tombstone leads to
	holder  provision.AccountID
	seats   int
	counted bool // seats were
	spent   []provision.Spent
}

func newView() *view {
	return &view{
		tenants: map[provision.TenantID]provision.Tenant{}, connections: map[provision.ConnectionID]provision.Connection{},
		claims: map[provision.Domain][]provision.Claim{}, apps: map[provision.AppID]provision.App{},
		accounts: map[provision.AccountID]provision.Account{}, links: map[provision.AccountID][]provision.Link{},
		leases: map[provision.LeaseID]provision.Lease{}, live: map[provision.AccountID][]provision.LeaseID{},
		entries: map[provision.LeaseID][]provision.Entry{}, listening: map[provision.AccountID][]provision.App{},
		leaving: map[provision.AccountID][]provision.AppID{}, handed: map[provision.LeaseID][]provision.Entry{},
		waiting: map[provision.AccountID][]provision.Elevation{},
	}
}

// state is all that a target names.
func (v *view) state(t provision.Target) provision.State {
	s := provision.State{Installation: v.installation, Connection: v.connections[t.Connection], App: v.apps[t.App], Seats: v.seats, Spent: slices.Clone(v.spent)}
	for _, id := range t.Apps {
		if app, ok := v.apps[id]; ok {
			s.Apps = append(s.Apps, app)
		}
	}
	s.Former = v.standing(t.Lease)
	s.FormerLeases, s.FormerLinks = v.liveLeases(s.Former.Account.ID), slices.Clone(v.links[s.Former.Account.ID])
	if t.Elevations {
		s.Waiting = slices.Clone(v.waiting[s.Former.Account.ID])
	}
	if t.Credentials {
		s.Credentials = slices.Clone(v.owed)
	}
	s.Intended = v.standing(t.Intent.Lease)
	s.IntendedLeases = v.liveLeases(s.Intended.Account.ID)
	s.Tenant = v.tenants[cmp.Or(s.Connection.Tenant, t.Tenant, v.accounts[t.Account].Tenant, s.Former.Lease.Tenant)]
	v.readClaim(&s, domainOf(t))
	s.Account, s.Links, s.Leases = v.accounts[v.account], slices.Clone(v.links[v.account]), v.liveLeases(v.account)
	if s.Account.Email.IsZero() {
		s.Acting = v.actingBy(t.Account)
	}
	if s.Former.Vanishes() {
		s.FormerActing = v.actingBy(s.Former.Account.ID)
	}
	s.Link, s.EmailHolder, s.Delivery, s.Token, s.Setup = v.link, v.accounts[v.holder], v.delivery, v.token, v.setup
	s.Listeners, s.FormerListeners, s.IntendedListeners = v.listeners(t.Account), v.listeners(s.Former.Account.ID), v.listeners(s.Intended.Account.ID)
	return s
}

func (v *view) readClaim(s *provision.State, d provision.Domain) {
	if d.IsZero() {
		return
	}
	for _, c := range v.claims[d] {
		if c.Tenant == s.Tenant.ID {
			s.OwnClaim = c
		}
	}
	if s.Claim = v.owner(d); s.Claim.Tenant == "" {
		s.Claim = s.OwnClaim
	}
}

func (v *view) owner(d provision.Domain) provision.Claim {
	for _, c := range v.claims[d] {
		if c.Owns() {
			return c
		}
	}
	return provision.Claim{}
}

// liveLeases are the leases of an account that have not ended, in the order of their names.
func (v *view) liveLeases(id provision.AccountID) []provision.Lease {
	var leases []provision.Lease
	for _, id := range v.live[id] {
		leases = append(leases, v.leases[id])
	}
	return leases
}

// actingBy are the live leases by which an account acts for others.
func (v *view) actingBy(id provision.AccountID) []provision.Lease {
	return slices.DeleteFunc(slices.Clone(v.acting), func(l provision.Lease) bool { return l.Agent.Account != id })
}

// standing is how a lease stands.
func (v *view) standing(id provision.LeaseID) (s provision.Standing) {
	l, ok := v.leases[id]
	if !ok {
		return s
	}
	s = provision.Standing{
		Lease: l, Account: v.accounts[l.Account], Tenant: v.tenants[l.Tenant], Connection: v.connections[l.Connection],
		Claim: v.owner(l.Domain), Installation: v.installation, Entries: slices.Clone(v.entries[id]),
		Elevations: v.elevationsOf(l),
		Agent:      provision.Acting{Account: v.accounts[l.Agent.Account], Connection: v.connections[l.Agent.Connection]},
	}
	for parent := l.Parent; parent != "" && len(s.Ancestors) < depth; {
		a, ok := v.leases[parent]
		if !ok {
			break // a parent that is not there refuses
		}
		s.Ancestors, parent = append(s.Ancestors, a), a.Parent
	}
	return s
}

// keep takes over a lease as it was read or written.
func (v *view) keep(l provision.Lease) {
	v.leases[l.ID] = l
	live := slices.DeleteFunc(v.live[l.Account], func(id provision.LeaseID) bool { return id == l.ID })
	if l.EndedAt.IsZero() {
		at, _ := slices.BinarySearch(live, l.ID)
		live = slices.Insert(live, at, l.ID)
	}
	v.live[l.Account] = live
}

// follow takes over what a change writes of accounts and what is theirs.
func (v *view) follow(c provision.Change) {
	for _, a := range c.Accounts {
		v.accounts[a.ID] = a
	}
	for _, k := range c.Unlinks {
		for id, links := range v.links {
			v.links[id] = slices.DeleteFunc(slices.Clone(links), func(l provision.Link) bool { return l.LinkKey == k && k.Subject != "" })
		}
	}
	for _, l := range c.Links {
		v.links[l.Account] = append(v.links[l.Account], l)
	}
	for _, l := range c.Leases {
		v.keep(l)
		v.acting = slices.DeleteFunc(v.acting, func(a provision.Lease) bool { return a.ID == l.ID && !l.EndedAt.IsZero() })
	}
	for _, d := range c.Deliveries {
		if d.Kind == provision.AccountDeactivated {
			v.leaving[d.Account] = append(v.leaving[d.Account], d.App)
		}
	}
	for _, e := range c.Entries {
		v.entries[e.Lease] = append(v.entries[e.Lease], e)
	}
}
