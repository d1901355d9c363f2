package broker

import (
	"context"
	"crypto/cipher"
	"encoding/json"
	"fmt"
	"time"

	"leasehold/provision"
)

// sealer closes the personal parts of one change's events and decisions: under the key of the account they are about,
// and without one under their tenant's key of the day. Destroying a key erases what it sealed.
type sealer struct {
	keys *Keyring
	date time.Time
	days map[provision.TenantID]cipher.AEAD // those that were fetched
}

func (b *Broker) sealer() sealer {
	return sealer{b.Keys, b.Ledger.Now(), map[provision.TenantID]cipher.AEAD{}}
}

// fetch gets tenants' keys of the day, and makes those that are not there.
func (s sealer) fetch(ctx context.Context, tenants ...provision.TenantID) error {
	for _, t := range tenants {
		key, err := s.keys.Named(ctx, dayKeyName(t, s.date))
		if err != nil {
			return fmt.Errorf("key of the day: %w", err)
		}
		if s.days[t], err = newAEAD(key); err != nil {
			return fmt.Errorf("key of the day: %w", err)
		}
	}
	return nil
}

// dayKeyName sorts by tenant and then by day.
func dayKeyName(t provision.TenantID, day time.Time) string {
	return fmt.Sprintf("day/%s/%s", t, day.UTC().Format(time.DateOnly))
}

// missingDays are tenants under whose key of the day something has to be sealed, and that a sealer did not fetch.
type missingDays []provision.TenantID

func (m missingDays) Error() string { return fmt.Sprintf("no key of the day of %d tenants", len(m)) }

// change seals everything personal in c. The request is the input that the decision row keeps.
func (s sealer) change(c *provision.Change, state provision.State, r provision.Request) error {
	var missing missingDays
	for i := range c.Events {
		e := &c.Events[i]
		if e.Personal == (provision.Personal{}) {
			continue
		}
		aead, name, err := s.key(e.Account, e.Tenant, c, state)
		switch {
		case err != nil:
			return err
		case aead == nil:
			missing = append(missing, e.Tenant)
			continue
		}
		if e.Sealed, err = sealValue(aead, e.Personal, string(e.ID)); err != nil {
			return err
		}
		e.SealedBy = name
	}
	for i, u := range c.Upstreams {
		sealed, err := s.keys.sealUpstream(u, keyOf(u.Account, c, state))
		if err != nil {
			return err
		}
		c.Upstreams[i] = sealed
	}
	for i, x := range c.Elevations {
		sealed, err := s.keys.sealElevation(x, keyOf(x.Account, c, state))
		if err != nil {
			return err
		}
		c.Elevations[i] = sealed
	}
	for i := range c.Decisions {
		d := &c.Decisions[i]
		aead, name, err := s.key(d.Account, d.Tenant, c, state)
		switch {
		case err != nil:
			return err
		case aead == nil:
			missing = append(missing, d.Tenant)
			continue
		}
		if d.Inputs, err = sealValue(aead, r, string(d.ID)); err != nil {
			return err
		}
		d.SealedBy = name
	}
	if len(missing) > 0 {
		return missing
	}
	return nil
}

// key is what something about an account of a tenant is sealed under, with its name: nil when it was not fetched.
func (s sealer) key(account provision.AccountID, t provision.TenantID, c *provision.Change, state provision.State) (cipher.AEAD, string, error) {
	if wrapped := keyOf(account, c, state); wrapped != nil {
		aead, err := s.keys.accountKey(account, wrapped)
		return aead, accountKeyName(account), err
	}
	if day, ok := s.days[t]; ok {
		return day, dayKeyName(t, s.date), nil
	}
	return nil, "", nil
}

func sealValue(aead cipher.AEAD, value any, name string) ([]byte, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("personal part: %w", err)
	}
	return seal(aead, plain, name), nil
}

// keyOf finds the wrapped key of an account among what was read and what is written. An account that is deleted by this
// change is found as it was read: its events are sealed, and then nobody can open them.
func keyOf(id provision.AccountID, c *provision.Change, s provision.State) []byte {
	for _, a := range []provision.Account{s.Account, s.Former.Account, s.Intended.Account} {
		if a.ID == id && id != "" && a.Key != nil {
			return a.Key
		}
	}
	for _, a := range c.Accounts {
		if a.ID == id && id != "" {
			return a.Key
		}
	}
	return nil
}

// Audit reads events, with the personal parts whose keys still exist.
type Audit struct {
	Ledger   provision.Ledger
	Registry provision.Registry
	Keys     *Keyring
}

// Events is a part of the audit, in order. What was erased stays sealed.
func (a Audit) Events(ctx context.Context, f provision.EventFilter) ([]provision.Event, error) {
	events, err := a.Ledger.Events(ctx, f)
	a.open(ctx, events)
	return events, err
}

// open opens what can be opened of events.
func (a Audit) open(ctx context.Context, events []provision.Event) {
	keys := map[string]cipher.AEAD{} // by name; nil: it is gone
	for i := range events {
		e := &events[i]
		if len(e.Sealed) == 0 {
			continue
		}
		aead, known := keys[e.SealedBy]
		if !known {
			aead, _ = a.key(ctx, e) // without it, the personal part is shown as erased
			keys[e.SealedBy] = aead
		}
		if aead == nil {
			continue
		}
		if plain, err := open(aead, e.Sealed, string(e.ID)); err == nil {
			_ = json.Unmarshal(plain, &e.Personal) // what does not read is shown as erased
		}
	}
}

// key is what an event was sealed under.
func (a Audit) key(ctx context.Context, e *provision.Event) (cipher.AEAD, error) {
	if e.SealedBy != accountKeyName(e.Account) {
		key, err := a.Keys.Standing(ctx, e.SealedBy) // not from memory: another process may have erased it
		if err != nil {
			return nil, err
		}
		return newAEAD(key)
	}
	account, _, _, err := a.Registry.Account(ctx, e.Account)
	if err != nil {
		return nil, err
	}
	return a.Keys.accountKey(e.Account, account.Key)
}
