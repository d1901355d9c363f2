package broker

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"leasehold/idp"
	"leasehold/provision"
)

// How long things under way live.
const (
	attemptLife = 10 * time.Minute
	codeLife    = 60 * time.Second
)

// maxRefused is how many refused messages an attempt survives.
const maxRefused = 5

// underway is an attempt with what the broker notes about it.
type underway struct {
	idp.Attempt
	Trust   provision.Generation // of the connection, when the attempt began
	Tenant  provision.Generation // of its tenant
	Voided  provision.Generation // of its tenant's domains
	Refused int                  // messages for it that were refused
	Setup   provision.SetupID    // whose invitation it carries; "": none

	// Of one that is only tried.
	Trying string          // under which name what comes of it is kept
	Back   string          // the path of the page that shows it
	Mark   provision.Actor // who tries
	Pasted bool            // its answer was pasted: it proves no login
	Fault  *fault          // why its answer was refused; nil: none was

	stored Pending
}

// outdated reports whether what an attempt began under was revoked, deleted or exchanged since: its answer opens nothing.
func (u underway) outdated(s provision.State) bool {
	return u.Trust != s.Connection.Generation || u.Tenant != s.Tenant.Generation || u.Voided != s.Tenant.Voided
}

// store seals v under an id of a kind and puts it away.
func (b *Broker) store(ctx context.Context, kind, id string, browser [32]byte, expires time.Time, v any) error {
	sealed, err := b.sealJSON(ctx, kind+id, v)
	if err != nil {
		return err
	}
	return b.Attempts.Put(ctx, Pending{ID: kind + id, Browser: browser, Expires: expires, Sealed: sealed})
}

func (b *Broker) sealJSON(ctx context.Context, id string, v any) ([]byte, error) {
	key, err := b.Keys.Named(ctx, "attempts")
	if err != nil {
		return nil, err
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("attempt: %w", err)
	}
	return seal(aead, plain, id), nil
}

func (b *Broker) openJSON(ctx context.Context, p Pending, v any) error {
	key, err := b.Keys.Named(ctx, "attempts")
	if err != nil {
		return err
	}
	aead, err := newAEAD(key)
	if err != nil {
		return err
	}
	plain, err := open(aead, p.Sealed, p.ID)
	if err != nil {
		return provision.ErrNotFound // not sealed here: as good as absent
	}
	return json.Unmarshal(plain, v)
}

// find is the attempt of that name at that connection, without spending it.
func (b *Broker) find(ctx context.Context, c provision.ConnectionID, id idp.AttemptID) (underway, error) {
	p, err := b.Attempts.Get(ctx, kindAttempt+string(id))
	if err != nil {
		return underway{}, err
	}
	u := underway{stored: p}
	if err := b.openJSON(ctx, p, &u); err != nil {
		return underway{}, err
	}
	if u.Connection != c || u.ID != id || !b.Now().Before(u.Expires) { // whoever writes to the store prolongs nothing
		return underway{}, provision.ErrNotFound
	}
	return u, nil
}

// redeem spends the attempt, for the browser that began it and no other.
func (b *Broker) redeem(ctx context.Context, back Return) (underway, error) {
	u, err := b.find(ctx, back.Connection, back.Attempt)
	if errors.Is(err, provision.ErrNotFound) {
		return u, &provision.DeniedError{Reason: provision.AttemptUnknown}
	}
	if err != nil {
		return u, err
	}
	hash := sha256.Sum256([]byte(back.Browser))
	if back.Browser == "" || subtle.ConstantTimeCompare(hash[:], u.Browser[:]) != 1 {
		return u, &provision.DeniedError{Reason: provision.AttemptOtherBrowser}
	}
	taken, err := b.Attempts.Take(ctx, u.stored.ID)
	if errors.Is(err, provision.ErrNotFound) {
		return u, &provision.DeniedError{Reason: provision.AttemptUnknown}
	}
	if err != nil {
		return u, err
	}
	u = underway{stored: taken}
	err = b.openJSON(ctx, taken, &u) // as it was when it was spent: an answer may have been parked since
	return u, err
}

// park keeps a verified assertion in its attempt, unless one is parked there already.
func (b *Broker) park(ctx context.Context, u underway, a provision.Assertion) error {
	return b.rewrite(ctx, u, func(u *underway) { u.Parked = &a })
}

// refused notes one more refused message; the attempt dies of the last.
func (b *Broker) refused(ctx context.Context, u underway) {
	err := b.rewrite(ctx, u, func(u *underway) { u.Refused++ })
	if err != nil && !errors.Is(err, provision.ErrNotFound) { // gone already is as good
		b.log("note refused message", err)
	}
}

// rewrite changes an attempt that waits for its answer. Of several messages at once, each is counted: one that comes in
// between begins this anew, and after a parked assertion nothing more is changed.
func (b *Broker) rewrite(ctx context.Context, u underway, change func(*underway)) error {
	for u.Parked == nil {
		change(&u)
		if u.Refused >= maxRefused {
			_, err := b.Attempts.Take(ctx, u.stored.ID)
			return err
		}
		sealed, err := b.sealJSON(ctx, u.stored.ID, u)
		if err != nil {
			return err
		}
		if err = b.Attempts.Swap(ctx, u.stored, sealed); !errors.Is(err, provision.ErrConflict) {
			return err
		}
		if u, err = b.find(ctx, u.Connection, u.ID); err != nil {
			return err
		}
	}
	return nil
}

// The kinds of things under way; their names are in the additional data of what is sealed.
const (
	kindAttempt = "attempt/"
	kindLanding = "landing/"
	kindCode    = "code/"
)
