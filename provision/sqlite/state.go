package sqlite

import (
	"leasehold/provision"
)

// state is all that a target names, on one snapshot.
func (r reader) state(t provision.Target) (provision.State, error) {
	var s provision.State
	for _, read := range []func(*provision.State, provision.Target) error{
		r.readFormer, r.readTenant, r.readClaim, r.readAccount, r.readIntended, r.readRest,
	} {
		if err := read(&s, t); err != nil {
			return provision.State{}, err
		}
	}
	return s, nil
}

func (r reader) readFormer(s *provision.State, t provision.Target) (err error) {
	if s.Installation, err = r.installation(); err != nil || t.Lease == "" {
		return err
	}
	if t.Credentials {
		if s.Credentials, err = r.credentials(t.Lease); err != nil {
			return err
		}
	}
	if s.Former, err = r.standing(t.Lease); err != nil || s.Former.Account.ID == "" {
		return err
	}
	if s.Former.Vanishes() {
		if s.FormerActing, err = r.acting(s.Former.Account.ID); err != nil {
			return err
		}
	}
	if t.Elevations {
		if s.Waiting, err = r.waiting(s.Former.Account.ID); err != nil {
			return err
		}
	}
	if s.FormerLeases, err = r.liveLeases(s.Former.Account.ID); err != nil {
		return err
	}
	if s.FormerLinks, err = r.links("account = ? ORDER BY id", s.Former.Account.ID); err != nil || t.Quiet || len(s.FormerLeases) == 0 {
		return err
	}
	s.FormerListeners, err = r.listeners(s.Former.Account.ID)
	return err
}

// readTenant reads the connection, and the tenant that it or the target names.
func (r reader) readTenant(s *provision.State, t provision.Target) (err error) {
	if t.Connection != "" {
		if s.Connection, err = r.connection(t.Connection); err != nil {
			return err
		}
	}
	tenant := s.Connection.Tenant
	if tenant == "" {
		tenant = t.Tenant
	}
	if tenant == "" && t.Account != "" {
		a, err := r.account(t.Account)
		if err != nil {
			return err
		}
		tenant = a.Tenant
	}
	if tenant == "" {
		tenant = s.Former.Lease.Tenant
	}
	if tenant != "" {
		s.Tenant, err = r.tenant(tenant)
	}
	return err
}

func (r reader) readClaim(s *provision.State, t provision.Target) (err error) {
	domain := t.Domain
	if domain.IsZero() {
		domain = t.Email.Domain()
	}
	if domain.IsZero() {
		return nil
	}
	if s.OwnClaim, err = row[provision.Claim](r, "SELECT body FROM claims WHERE domain = ? AND tenant = ?", domain.String(), s.Tenant.ID); err != nil {
		return err
	}
	if s.Claim, err = r.owner(domain); err != nil {
		return err
	}
	if s.Claim.Tenant == "" {
		s.Claim = s.OwnClaim
	}
	return nil
}

// readAccount reads the account that the target names, or that the link or its tombstone finds.
func (r reader) readAccount(s *provision.State, t provision.Target) (err error) {
	if t.Link.Subject != "" {
		if s.Link, err = r.link("connection = ? AND subject = ? AND subject <> ''", t.Link.Connection, t.Link.Subject); err != nil {
			return err
		}
	}
	id := t.Account
	if id == "" {
		id = s.Link.Account
	}
	if id == "" && t.Pseudonym != "" {
		tomb, err := r.link("pseudonym = ? AND subject = '' ORDER BY created DESC, id DESC", t.Pseudonym)
		if err != nil {
			return err
		}
		id = tomb.Account
	}
	if id == "" {
		return nil
	}
	if s.Account, err = r.account(id); err != nil {
		return err
	}
	if s.Links, err = r.links("account = ? ORDER BY id", id); err != nil {
		return err
	}
	if s.Leases, err = r.liveLeases(id); err != nil || t.Account == "" {
		return err
	}
	if s.Account.Email.IsZero() {
		if s.Acting, err = r.acting(id); err != nil {
			return err
		}
	}
	if t.Quiet {
		return nil
	}
	s.Listeners, err = r.listeners(id)
	return err
}

// acting are the live leases by which an account acts for others.
func (r reader) acting(id provision.AccountID) ([]provision.Lease, error) {
	return rows[provision.Lease](r, "SELECT body FROM leases WHERE agent = ? AND agent <> '' AND NOT ended ORDER BY id", id)
}

func (r reader) readIntended(s *provision.State, t provision.Target) (err error) {
	if t.Intent.Lease == "" {
		return nil
	}
	if s.Intended, err = r.standing(t.Intent.Lease); err != nil || s.Intended.Account.ID == "" {
		return err
	}
	if s.IntendedLeases, err = r.liveLeases(s.Intended.Account.ID); err != nil || t.Quiet {
		return err
	}
	s.IntendedListeners, err = r.listeners(s.Intended.Account.ID)
	return err
}

func (r reader) readRest(s *provision.State, t provision.Target) (err error) {
	if !t.Email.IsZero() && s.Tenant.ID != "" {
		s.EmailHolder, err = row[provision.Account](r, "SELECT body FROM accounts WHERE tenant = ? AND email = ? AND email <> '' AND state <> 'deleted'", s.Tenant.ID, t.Email.String())
		if err != nil {
			return err
		}
	}
	if t.App != "" {
		if s.App, err = row[provision.App](r, "SELECT body FROM apps WHERE id = ?", t.App); err != nil {
			return err
		}
	}
	for _, id := range t.Apps {
		app, err := row[provision.App](r, "SELECT body FROM apps WHERE id = ?", id)
		if err != nil {
			return err
		}
		if app.ID != "" {
			s.Apps = append(s.Apps, app)
		}
	}
	if t.Delivery != "" {
		if s.Delivery, err = row[provision.Delivery](r, "SELECT body FROM deliveries WHERE id = ?", t.Delivery); err != nil {
			return err
		}
	}
	if t.Setup != "" {
		if s.Setup, err = row[provision.Setup](r, "SELECT body FROM setups WHERE id = ?", t.Setup); err != nil {
			return err
		}
	}
	if t.Token != "" {
		if s.Token, err = row[provision.Token](r, "SELECT body FROM tokens WHERE id = ?", t.Token); err != nil {
			return err
		}
	}
	if s.Tenant.Policy.Seats > 0 { // without a cap nobody asks
		if err := r.scan(&s.Seats, "SELECT count(*) FROM accounts WHERE tenant = ? AND state = 'active' AND email <> '' AND id <> ?", s.Tenant.ID, s.Account.ID); err != nil {
			return err
		}
	}
	for _, x := range t.Spend {
		var n int
		if err := r.scan(&n, "SELECT count(*) FROM spent WHERE kind = ? AND scope = ? AND id = ?", x.Kind, x.Scope, x.ID); err != nil {
			return err
		}
		if n > 0 {
			s.Spent = append(s.Spent, x)
		}
	}
	return nil
}
