package memory

import (
	"cmp"

	"leasehold/provision"
)

// state is all that a target names.
func (t *tables) state(x provision.Target) provision.State {
	s := provision.State{Installation: t.installation, Connection: t.connections[x.Connection], App: t.apps[x.App]}
	for _, id := range x.Apps {
		if app, ok := t.apps[id]; ok {
			s.Apps = append(s.Apps, app)
		}
	}
	s.Former = t.standing(x.Lease)
	s.FormerLeases, s.FormerLinks = t.liveLeases(s.Former.Account.ID), t.links[s.Former.Account.ID]
	if s.Former.Vanishes() {
		s.FormerActing = t.acting(s.Former.Account.ID)
	}
	if x.Elevations {
		s.Waiting = t.waiting(s.Former.Account.ID)
	}
	if x.Credentials {
		s.Credentials = sorted(t.credentials, "", func(c provision.Credential) bool { return c.Lease == x.Lease && c.Open() }, len(t.credentials))
	}
	s.Intended = t.standing(x.Intent.Lease)
	s.IntendedLeases = t.liveLeases(s.Intended.Account.ID)
	s.Delivery, s.Token, s.Setup = t.deliveries[x.Delivery], t.tokens[x.Token], t.setups[x.Setup]
	s.Tenant = t.tenants[cmp.Or(s.Connection.Tenant, x.Tenant, t.accounts[x.Account].Tenant, s.Former.Lease.Tenant)]
	t.readClaim(&s, x)
	t.readAccount(&s, x)
	if !x.Quiet {
		s.Listeners, s.FormerListeners, s.IntendedListeners = t.listeners(x.Account), t.listeners(s.Former.Account.ID), t.listeners(s.Intended.Account.ID)
	}
	s.EmailHolder = t.accounts[t.holders[holderKey{s.Tenant.ID, x.Email}]]
	if s.Tenant.Policy.Seats > 0 { // without a cap nobody asks
		s.Seats = t.seats(s.Tenant.ID, s.Account.ID)
	}
	for _, spent := range x.Spend {
		if _, ok := t.spent[keyOf(spent)]; ok {
			s.Spent = append(s.Spent, spent)
		}
	}
	return s
}

func (t *tables) readClaim(s *provision.State, x provision.Target) {
	domain := cmp.Or(x.Domain, x.Email.Domain())
	if domain.IsZero() {
		return
	}
	s.OwnClaim = t.claims[claimKey{domain, s.Tenant.ID}]
	if s.Claim = t.owner(domain); s.Claim.Tenant == "" {
		s.Claim = s.OwnClaim
	}
}

// readAccount reads the account that the target names, or that the link or its tombstone finds.
func (t *tables) readAccount(s *provision.State, x provision.Target) {
	s.Link = t.link(x.Link)
	id := cmp.Or(x.Account, s.Link.Account, t.tombs[x.Pseudonym])
	s.Account, s.Links, s.Leases = t.accounts[id], t.links[id], t.liveLeases(id)
	if x.Account != "" && s.Account.Email.IsZero() {
		s.Acting = t.acting(x.Account)
	}
}

// seats counts the active accounts of people of a tenant, but for one.
func (t *tables) seats(tenant provision.TenantID, but provision.AccountID) (n int) {
	for _, a := range t.accounts {
		if a.Tenant == tenant && a.State == provision.Active && !a.Email.IsZero() && a.ID != but {
			n++
		}
	}
	return n
}
