package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"leasehold/provision"
)

// A ring is a key with its successors: rows NAME#000001, NAME#000002 and so on, of which at most two stand. What a
// former key made stays good until the key after next comes.

// maxTurns bounds the names that one listing of a ring looks at; two of them stand.
const maxTurns = 16

func ringName(name string, turn int) string { return fmt.Sprintf("%s#%06d", name, turn) }

// Ring is the keys of a ring, the newest first; the first to ask makes one.
func (k *Keyring) Ring(ctx context.Context, name string, fresh func() ([]byte, error)) ([][]byte, error) {
	names, err := k.store.KeyNames(ctx, name+"#", name+"$", maxTurns) // "$" comes after "#"
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		key, err := k.Make(ctx, ringName(name, 1), fresh)
		return [][]byte{key}, err
	}
	slices.Reverse(names)
	var keys [][]byte
	for _, n := range names[:min(2, len(names))] {
		key, err := k.Secret(ctx, n)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// Turn gives a ring a new key, and drops what came before the one that was newest.
func (k *Keyring) Turn(ctx context.Context, name string, fresh func() ([]byte, error)) error {
	names, err := k.store.KeyNames(ctx, name+"#", name+"$", maxTurns)
	if err != nil {
		return err
	}
	turn := 0
	if len(names) > 0 {
		if _, err := fmt.Sscanf(names[len(names)-1][len(name):], "#%d", &turn); err != nil {
			return fmt.Errorf("key %s: %w", names[len(names)-1], provision.ErrCorrupt)
		}
	}
	if _, err := k.Make(ctx, ringName(name, turn+1), fresh); err != nil {
		return err
	}
	return k.dropAllBut(ctx, names, 1)
}

// Settle drops all keys of a ring but the newest.
func (k *Keyring) Settle(ctx context.Context, name string) error {
	names, err := k.store.KeyNames(ctx, name+"#", name+"$", maxTurns)
	if err != nil {
		return err
	}
	return k.dropAllBut(ctx, names, 1)
}

func (k *Keyring) dropAllBut(ctx context.Context, names []string, newest int) error {
	for _, name := range names[:max(0, len(names)-newest)] {
		if err := k.Drop(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// Rewrap puts every key under another master key, in one commit.
func (k *Keyring) Rewrap(ctx context.Context, master []byte) error {
	aead, err := newAEAD(master)
	if err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	k.turning.Lock()
	defer k.turning.Unlock()
	err = k.store.Rewrap(ctx, func(name string, value []byte) ([]byte, error) {
		secret, err := open(k.master, value, name)
		if err != nil {
			return nil, fmt.Errorf("key %s does not open under this master key: %w", name, provision.ErrCorrupt)
		}
		return seal(aead, secret, name), nil
	})
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.master = aead
	return nil
}

// Keys that are rotated by command.
const (
	SessionKey   = "session"   // of session cookies: those that the former key made stay good
	AssertionKey = "assertion" // of the signed assertion: both are in the JWKS
)

// Rotate gives the session or the assertion key a successor. What the former key made stays good until the next
// rotation.
func (b *Broker) Rotate(ctx context.Context, d Deed, key string) error {
	fresh, ok := map[string]func() ([]byte, error){SessionKey: NewKey, AssertionKey: newAssertionKey}[key]
	if !ok {
		return fmt.Errorf("key %q: %w", key, provision.ErrNotFound)
	}
	b.rotating.Lock() // two at once could leave the older ring in memory
	defer b.rotating.Unlock()
	if err := b.Keys.Turn(ctx, key, fresh); err != nil {
		return err
	}
	err := b.Note(ctx, d, "key.rotated", key) // which tells the other processes, too
	if err != nil && !b.alone() {
		return err // what they may never hear of is not used here either
	}
	return errors.Join(err, b.loadKeys(ctx))
}

// Note writes an event of an administrator's deed that changes no row but keys: other processes read theirs again.
func (b *Broker) Note(ctx context.Context, d Deed, outcome string, changes ...string) error {
	a, err := b.act(d)
	if err != nil {
		return err
	}
	_, err = b.amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) {
		return provision.Change{News: provision.News{All: true}, Events: []provision.Event{{
			ID: a.IDs.Event(0), Time: a.Now, Kind: provision.EventAdmin, Outcome: outcome, Actor: a.Actor, Changes: changes,
			Personal: provision.Personal{Requester: a.Requester, Detail: a.Why},
		}}}, nil
	})
	return err
}

// Reopen makes a connection's provider anew at its next use: its keys have changed.
func (b *Broker) Reopen(c provision.ConnectionID) { b.providers.forget(c) }

// ring is what the keys of a ring make.
type ring[T any] struct {
	newest string        // which key that is
	makers []T           // the newest first; never empty
	rest   time.Duration // by CLOCK_BOOTTIME: until then the newest only reads, for not every process may know it yet
}

// use is the one that makes something new at a moment.
func (r *ring[T]) use(boot time.Duration) T {
	if len(r.makers) > 1 && boot < r.rest {
		return r.makers[1]
	}
	return r.makers[0]
}

// ringOf is the ring that takes the place of an old one, which may be nil.
func ringOf[T any](b *Broker, old *ring[T], keys [][]byte, make func([]byte) (T, error)) (*ring[T], error) {
	r := &ring[T]{newest: string(keys[0])}
	for _, key := range keys {
		m, err := make(key)
		if err != nil {
			return nil, err
		}
		r.makers = append(r.makers, m)
	}
	switch {
	case b.alone():
	case old != nil && old.newest == r.newest:
		r.rest = old.rest
	default:
		r.rest = b.Boottime() + newKeyRest
	}
	return r, nil
}

// loadKeys takes over the session and assertion keys as the ledger has them.
func (b *Broker) loadKeys(ctx context.Context) error {
	b.keysRead.Lock()
	defer b.keysRead.Unlock()
	began := b.Boottime()
	keys, err := b.Keys.Ring(ctx, SessionKey, NewKey)
	if err != nil {
		return fmt.Errorf("session key: %w", err)
	}
	cookies, err := ringOf(b, b.cookies.Load(), keys, newTokens)
	if err != nil {
		return fmt.Errorf("session key: %w", err)
	}
	if keys, err = b.Keys.Ring(ctx, AssertionKey, newAssertionKey); err != nil {
		return fmt.Errorf("assertion key: %w", err)
	}
	signers, err := ringOf(b, b.signers.Load(), keys, func(key []byte) (*signer, error) { return newSigner(b.URL, key) })
	if err != nil {
		return fmt.Errorf("assertion key: %w", err)
	}
	jwks, err := published(signers.makers)
	if err != nil {
		return err
	}
	b.cookies.Store(cookies)
	b.signers.Store(signers)
	b.jwks.Store(&jwks)
	b.keysGood.Store(int64(began + freshFor))
	return nil
}
