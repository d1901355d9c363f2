package broker

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"leasehold/provision"
)

// entry is one lease's standing as memory holds it: what a check needs, with what many leases have in common held once.
// It never changes but for the marks below; an end takes it out and marks it dead.
type entry struct {
	id, parent   provision.LeaseID
	account      provision.AccountID
	tenant       provision.TenantID
	connection   provision.ConnectionID
	domain       provision.Domain
	roles        []string
	kind         provision.LeaseKind
	errand       *provision.Grant // of a workload's lease; nil: none
	end, seen    int64            // Unix nanoseconds, ledger time
	idle         time.Duration
	generations  provision.Generations
	holder       holder
	ofTenant     *provision.Tenant
	ofConnection *provision.Connection
	ofDomain     *provision.Claim
	installation provision.Generation
	ancestors    []provision.Lease
	entries      []provision.Entry
	elevations   []provision.Lease
	acting       *acting // of an agent's lease; nil: nobody acts by it

	dead    atomic.Bool
	used    atomic.Int64               // last allowed check, ledger time in Unix nanoseconds
	written atomic.Int64               // the last value of used that the ledger was given
	told    atomic.Pointer[[]*telling] // what apps are told, rendered
}

// acting is who acts by an agent's lease, as it was when that began and as it stands.
type acting struct {
	began provision.Agent
	now   provision.Acting
}

// holder is what a check needs of the account.
type holder struct {
	id         provision.AccountID
	tenant     provision.TenantID
	state      provision.AccountState
	generation provision.Generation
	email      provision.Email
	name       string
	groups     []string
}

// standing is the entry in the words of the core, with the uses that only this process knows of.
func (e *entry) standing() provision.Standing {
	grant := provision.Grant{Roles: e.roles}
	if e.errand != nil {
		grant = *e.errand
	}
	s := provision.Standing{
		Lease: provision.Lease{
			ID: e.id, Kind: e.kind, Tenant: e.tenant, Account: e.account, Connection: e.connection, Domain: e.domain, Parent: e.parent,
			Grant: grant, End: time.Unix(0, e.end).UTC(), Idle: e.idle, Seen: time.Unix(0, max(e.seen, e.used.Load())), Generations: e.generations,
		},
		Account: provision.Account{
			ID: e.holder.id, Tenant: e.holder.tenant, State: e.holder.state, Generation: e.holder.generation,
			Email: e.holder.email, Name: e.holder.name, Groups: e.holder.groups,
		},
		Tenant: *e.ofTenant, Connection: *e.ofConnection, Claim: *e.ofDomain,
		Installation: e.installation, Ancestors: e.ancestors, Entries: e.entries, Elevations: e.elevations,
	}
	if e.acting != nil {
		s.Lease.Agent, s.Agent = e.acting.began, e.acting.now
	}
	return s
}

// isIdle reports whether memory takes the lease for idle: then the ledger is asked first.
func (e *entry) isIdle(now time.Time) bool {
	return e.idle > 0 && now.UnixNano() >= max(e.seen, e.used.Load())+int64(e.idle+provision.IdleSlack)
}

// common holds once what many entries have in common.
type common struct {
	mu          sync.Mutex
	tenants     map[provision.TenantID]*provision.Tenant
	connections map[provision.ConnectionID]*provision.Connection
	claims      map[provision.Domain]*provision.Claim
	texts       map[string][]string // groups of a person, roles of a lease, by the whole of the list
}

// maxCommonTexts bounds the lists of groups and roles that are held once.
const maxCommonTexts = 65_536

func (c *common) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.tenants)
	clear(c.connections)
	clear(c.claims)
	clear(c.texts)
}

// entry is what memory keeps of a standing.
func (c *common) entry(s provision.Standing) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tenants == nil {
		c.tenants, c.connections = map[provision.TenantID]*provision.Tenant{}, map[provision.ConnectionID]*provision.Connection{}
		c.claims, c.texts = map[provision.Domain]*provision.Claim{}, map[string][]string{}
	}
	t := share(c.tenants, s.Tenant.ID, s.Tenant, func(a, b provision.Tenant) bool { return a.Revision == b.Revision })
	connection := provision.Connection{ID: s.Connection.ID, Tenant: t.ID, Disabled: s.Connection.Disabled, Generation: s.Connection.Generation}
	if s.Connection.Tenant != t.ID {
		connection.Tenant = s.Connection.Tenant
	}
	claim := provision.Claim{Tenant: s.Claim.Tenant, Domain: s.Claim.Domain, State: s.Claim.State, Generation: s.Claim.Generation}
	l, a := s.Lease, s.Account
	e := &entry{
		id: l.ID, parent: l.Parent, account: l.Account, tenant: l.Tenant, connection: l.Connection, domain: l.Domain, roles: c.list(l.Grant.Roles), kind: l.Kind,
		end: l.Until().UnixNano(), seen: l.Seen.UnixNano(), idle: l.Idle, generations: l.Generations, ofTenant: t,
		ofConnection: share(c.connections, connection.ID, connection, func(a, b provision.Connection) bool {
			return a.Tenant == b.Tenant && a.Disabled == b.Disabled && a.Generation == b.Generation
		}),
		ofDomain:     share(c.claims, claim.Domain, claim, func(a, b provision.Claim) bool { return a == b }),
		holder:       holder{a.ID, a.Tenant, a.State, a.Generation, a.Email, a.Name, c.list(a.Groups)},
		installation: s.Installation, ancestors: s.Ancestors, entries: slices.Clone(s.Entries), elevations: s.Elevations,
	}
	if l.Agent != (provision.Agent{}) {
		a, c := s.Agent.Account, s.Agent.Connection
		e.acting = &acting{l.Agent, provision.Acting{
			Account:    provision.Account{ID: a.ID, Tenant: a.Tenant, State: a.State, Generation: a.Generation, Email: a.Email},
			Connection: provision.Connection{ID: c.ID, Tenant: c.Tenant, Disabled: c.Disabled, Generation: c.Generation},
		}}
	}
	if l.Kind.IsErrand() {
		grant := l.Grant // by itself, or the whole lease is held
		grant.Roles, grant.Purpose, grant.Terms = e.roles, "", ""
		e.errand = &grant
	}
	for i := range e.entries {
		e.entries[i].Lease = e.id // the same text, held once; so are those below
	}
	if e.tenant == t.ID {
		e.tenant = t.ID
	}
	if e.holder.tenant == t.ID {
		e.holder.tenant = t.ID
	}
	if e.holder.id == e.account {
		e.holder.id = e.account
	}
	if e.connection == e.ofConnection.ID {
		e.connection = e.ofConnection.ID
	}
	if e.domain == e.ofDomain.Domain {
		e.domain = e.ofDomain.Domain
	}
	return e
}

// list is the same list of texts, held once.
func (c *common) list(texts []string) []string {
	if len(texts) == 0 {
		return nil
	}
	key := strings.Join(texts, "\x00")
	if held, ok := c.texts[key]; ok && slices.Equal(held, texts) {
		return held
	}
	if len(c.texts) < maxCommonTexts {
		c.texts[key] = texts
	}
	return texts
}

// share is what is held under a key, or v from now on, when that differs.
func share[K comparable, V any](held map[K]*V, key K, v V, same func(V, V) bool) *V {
	if old := held[key]; old != nil && same(*old, v) {
		return old
	}
	held[key] = &v
	return &v
}
