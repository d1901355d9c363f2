package broker

import (
	"context"

	"leasehold/provision"
)

// CredentialsOf lists what sources of secrets know for leases that a mandate reaches, in the order of ids. No password is
// kept anywhere.
func (k *Desk) CredentialsOf(ctx context.Context, m Mandate, f provision.CredentialFilter) (Part[provision.Credential], error) {
	if err := m.May("credentials.read"); err != nil {
		return Part[provision.Credential]{}, err
	}
	p := provision.Page{Tenant: f.Tenant, After: string(f.After), Limit: f.Limit}
	return partOf(ctx, m, p, func(ctx context.Context, p provision.Page) ([]provision.Credential, error) {
		if k.b.Credentials == nil {
			return nil, nil
		}
		f.Tenant, f.After, f.Limit = p.Tenant, provision.CredentialID(p.After), p.Limit
		return k.b.Credentials.Credentials(ctx, f)
	}, func(c provision.Credential) string { return string(c.ID) }, nil)
}

// Credential is one.
func (k *Desk) Credential(ctx context.Context, m Mandate, id provision.CredentialID) (provision.Credential, error) {
	if err := m.May("credentials.read"); err != nil {
		return provision.Credential{}, err
	}
	return k.credential(ctx, m, id)
}

func (k *Desk) credential(ctx context.Context, m Mandate, id provision.CredentialID) (provision.Credential, error) {
	var found []provision.Credential
	var err error
	if k.b.Credentials != nil && id != "" {
		found, err = k.b.Credentials.Credentials(ctx, provision.CredentialFilter{ID: id})
	}
	var c provision.Credential
	switch {
	case err != nil:
	case len(found) != 1:
		err = provision.ErrNotFound
	default:
		c = found[0]
	}
	return reach(m, "credential", c, c.Tenant, err)
}

// EndCredential has a credential taken back at its source now, though its lease goes on.
func (k *Desk) EndCredential(ctx context.Context, o Order, id provision.CredentialID) (provision.Credential, error) {
	return k.onCredential(ctx, o, "credentials.end", id, provision.EndCredential)
}

// RetryCredential asks the source of a credential again at once to take it back.
func (k *Desk) RetryCredential(ctx context.Context, o Order, id provision.CredentialID) (provision.Credential, error) {
	return k.onCredential(ctx, o, "credentials.retry", id, provision.RetriedCredential)
}

func (k *Desk) noteCredential(ctx context.Context, d Deed, c provision.Credential, note credentialVerb) (provision.Change, error) {
	a, err := k.b.act(d)
	if err != nil {
		return provision.Change{}, err
	}
	t := provision.Target{Lease: c.Lease, Quiet: true, Credentials: true}
	change := k.b.once(d, &t, func(s provision.State) (provision.Change, error) {
		a.Now = k.b.Ledger.Now()
		return note(s, s.Credential(c.ID), a)
	})
	return k.b.amend(ctx, t, change)
}

// credentialVerb is provision.EndCredential and its like.
type credentialVerb func(provision.State, provision.Credential, provision.Act) (provision.Change, error)

// onCredential notes what is to be done about a credential, and then asks its source, which may fail: then it is tried again
// as any other.
func (k *Desk) onCredential(ctx context.Context, o Order, r Right, id provision.CredentialID, note credentialVerb) (provision.Credential, error) {
	if err := o.May(r); err != nil {
		return provision.Credential{}, err
	}
	c, err := k.credential(ctx, o.Mandate, id)
	if err != nil {
		return c, err
	}
	done, err := k.noteCredential(ctx, o.deed(), c, note)
	if err != nil {
		return c, settled(err)
	}
	if len(done.Credentials) > 0 {
		k.b.log("take back a credential", k.b.takeBackAll(ctx, done.Credentials))
	}
	return k.credential(ctx, o.Mandate, id)
}
