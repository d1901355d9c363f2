package broker

import (
	"context"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"

	"leasehold/provision"
)

// sealer closes the personal parts of one change's events and decisions: under the key of the account they are about,
// and without one under the tenant's key of the day. Destroying a key erases what it sealed.
type sealer struct {
	keys *Keyring
	day  cipher.AEAD
	name string // of the day's key
}

func (b *Broker) sealer(ctx context.Context, t provision.TenantID) (sealer, error) {
	name := fmt.Sprintf("day/%s/%s", t, b.Ledger.Now().UTC().Format("2006-01-02"))
	key, err := b.Keys.Named(ctx, name)
	if err != nil {
		return sealer{}, fmt.Errorf("key of the day: %w", err)
	}
	day, err := newAEAD(key)
	return sealer{b.Keys, day, name}, err
}

// errNoDayKey is that something has to be sealed under a key that this sealer does not have.
var errNoDayKey = errors.New("no key of the day")

// change seals everything personal in c. The request is the input that the decision row keeps.
func (s sealer) change(c *provision.Change, state provision.State, r provision.Request) error {
	for i := range c.Events {
		e := &c.Events[i]
		if e.Personal == (provision.Personal{}) {
			continue
		}
		var err error
		if e.Sealed, e.SealedBy, err = s.seal(e.Account, string(e.ID), e.Personal, c, state); err != nil {
			return err
		}
	}
	for i := range c.Decisions {
		d := &c.Decisions[i]
		var err error
		if d.Inputs, d.SealedBy, err = s.seal(d.Account, string(d.ID), r, c, state); err != nil {
			return err
		}
	}
	return nil
}

func (s sealer) seal(account provision.AccountID, id string, value any, c *provision.Change, state provision.State) ([]byte, string, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return nil, "", fmt.Errorf("personal part: %w", err)
	}
	if wrapped := keyOf(account, c, state); wrapped != nil {
		aead, err := s.keys.accountKey(account, wrapped)
		if err != nil {
			return nil, "", err
		}
		return seal(aead, plain, id), accountKeyName(account), nil
	}
	if s.day == nil {
		return nil, "", errNoDayKey
	}
	return seal(s.day, plain, id), s.name, nil
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
	for i := range events {
		e := &events[i]
		if len(e.Sealed) == 0 {
			continue
		}
		aead, err := a.key(ctx, e)
		if err != nil {
			continue
		}
		if plain, err := open(aead, e.Sealed, string(e.ID)); err == nil {
			_ = json.Unmarshal(plain, &e.Personal) // what does not read is shown as erased
		}
	}
	return events, err
}

// key is what an event was sealed under.
func (a Audit) key(ctx context.Context, e *provision.Event) (cipher.AEAD, error) {
	if e.SealedBy != accountKeyName(e.Account) {
		key, err := a.Keys.Secret(ctx, e.SealedBy)
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
