package memory

import (
	"slices"

	"leasehold/provision"
)

// tables are all there is. What goes in and what comes out is a copy, so nobody outside holds a part of it.
type tables struct {
	installation provision.Generation
	tenants      map[provision.TenantID]provision.Tenant
	policies     map[policyKey]provision.Policy
	connections  map[provision.ConnectionID]provision.Connection
	claims       map[claimKey]provision.Claim
	owners       map[provision.Domain]provision.TenantID // unique: owning claims
	apps         map[provision.AppID]provision.App
	origins      map[provision.Origin]provision.AppID // unique
	accounts     map[provision.AccountID]provision.Account
	holders      map[holderKey]provision.AccountID // unique: e-mail addresses of living accounts
	links        map[provision.AccountID][]provision.Link
	linked       map[provision.LinkKey]provision.AccountID // unique: links with a subject
	tombs        map[string]provision.AccountID            // by pseudonym, the youngest
	leases       map[provision.LeaseID]provision.Lease
	live         map[provision.AccountID][]provision.LeaseID // that have not ended
	upstreams    map[provision.LeaseID]provision.Upstream
	entries      map[provision.LeaseID][]provision.Entry
	spent        map[spentKey]provision.Spent // unique
	decisions    map[provision.DecisionID]provision.DecisionRow
	revocations  map[provision.RevocationID]provision.Revocation
	events       []provision.Event
	deliveries   map[provision.DeliveryID]provision.Delivery
	setups       map[provision.SetupID]provision.Setup
	tokens       map[provision.TokenID]provision.Token
	credentials  map[provision.CredentialID]provision.Credential
	elevations   map[provision.ElevationID]provision.Elevation
	known        map[provision.AccountID][]provision.AppID // which apps were handed a lease of an account
}

type (
	policyKey struct {
		tenant  provision.TenantID
		version int64
	}
	claimKey struct {
		domain provision.Domain
		tenant provision.TenantID
	}
	holderKey struct {
		tenant provision.TenantID
		email  provision.Email
	}
	spentKey struct{ kind, scope, id string }
)

func keyOf(x provision.Spent) spentKey { return spentKey{x.Kind, x.Scope, x.ID} }

func newTables() tables {
	return tables{
		tenants:     map[provision.TenantID]provision.Tenant{},
		policies:    map[policyKey]provision.Policy{},
		connections: map[provision.ConnectionID]provision.Connection{},
		claims:      map[claimKey]provision.Claim{},
		owners:      map[provision.Domain]provision.TenantID{},
		apps:        map[provision.AppID]provision.App{},
		origins:     map[provision.Origin]provision.AppID{},
		accounts:    map[provision.AccountID]provision.Account{},
		holders:     map[holderKey]provision.AccountID{},
		links:       map[provision.AccountID][]provision.Link{},
		linked:      map[provision.LinkKey]provision.AccountID{},
		tombs:       map[string]provision.AccountID{},
		leases:      map[provision.LeaseID]provision.Lease{},
		live:        map[provision.AccountID][]provision.LeaseID{},
		upstreams:   map[provision.LeaseID]provision.Upstream{},
		entries:     map[provision.LeaseID][]provision.Entry{},
		spent:       map[spentKey]provision.Spent{},
		decisions:   map[provision.DecisionID]provision.DecisionRow{},
		revocations: map[provision.RevocationID]provision.Revocation{},
		deliveries:  map[provision.DeliveryID]provision.Delivery{},
		setups:      map[provision.SetupID]provision.Setup{},
		tokens:      map[provision.TokenID]provision.Token{},
		credentials: map[provision.CredentialID]provision.Credential{},
		elevations:  map[provision.ElevationID]provision.Elevation{},
		known:       map[provision.AccountID][]provision.AppID{},
	}
}

// owner is the claim of the domain's owner.
func (t *tables) owner(d provision.Domain) provision.Claim {
	return t.claims[claimKey{d, t.owners[d]}]
}

func (t *tables) link(k provision.LinkKey) provision.Link {
	for _, l := range t.links[t.linked[k]] {
		if l.LinkKey == k {
			return l
		}
	}
	return provision.Link{}
}

// liveLeases are an account's leases that have not ended, in the order of their ids.
func (t *tables) liveLeases(id provision.AccountID) []provision.Lease {
	var leases []provision.Lease
	for _, l := range slices.Sorted(slices.Values(t.live[id])) {
		leases = append(leases, t.leases[l])
	}
	return leases
}

// acting are the live leases by which an account acts for others.
func (t *tables) acting(id provision.AccountID) []provision.Lease {
	return sorted(t.leases, "", func(l provision.Lease) bool { return l.Agent.Account == id && l.EndedAt.IsZero() }, len(t.leases))
}

// depth is how many ancestors of a lease are looked at. A chain that is longer is cut, and so refuses.
const depth = 16

// standing is how a lease stands.
func (t *tables) standing(id provision.LeaseID) provision.Standing {
	l, ok := t.leases[id]
	if !ok {
		return provision.Standing{}
	}
	s := provision.Standing{
		Lease: l, Account: t.accounts[l.Account], Tenant: t.tenants[l.Tenant], Connection: t.connections[l.Connection],
		Claim: t.owner(l.Domain), Installation: t.installation, Entries: t.entries[id],
		Elevations: t.elevationsOf(l),
		Agent:      provision.Acting{Account: t.accounts[l.Agent.Account], Connection: t.connections[l.Agent.Connection]},
	}
	for parent, ok := t.leases[l.Parent]; ok && len(s.Ancestors) < depth; parent, ok = t.leases[parent.Parent] {
		s.Ancestors = append(s.Ancestors, parent)
	}
	return s
}
