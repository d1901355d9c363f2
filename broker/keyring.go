package broker

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"leasehold/provision"
)

// Keyring hands out the installation's keys and secrets. All of them are rows of the ledger, wrapped under the master
// key (AES-256-GCM, the row's name as additional data, so that no row passes for another).
type Keyring struct {
	store    provision.Keys
	accounts cipher.AEAD // wraps the keys that accounts carry

	turning sync.RWMutex // held by whoever wraps and stores; the master key changes, and keys go, when nobody does

	mu     sync.Mutex
	master cipher.AEAD
	keys   map[string][]byte // unwrapped; emptied when it grows beyond maxKeys
}

const maxKeys = 4096

// NewKeyring is a keyring over store under a master key of 32 bytes. Under the wrong one it is ErrCorrupt.
func NewKeyring(ctx context.Context, store provision.Keys, master []byte) (*Keyring, error) {
	aead, err := newAEAD(master)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	k := &Keyring{store: store, master: aead, keys: map[string][]byte{}}
	accounts, err := k.Named(ctx, "accounts")
	if err != nil {
		return nil, err
	}
	k.accounts, err = newAEAD(accounts)
	return k, err
}

// Named is the random 32-byte key of that name; the first to ask makes it.
func (k *Keyring) Named(ctx context.Context, name string) ([]byte, error) {
	return k.Make(ctx, name, NewKey)
}

// NewKey draws 32 random bytes.
func NewKey() ([]byte, error) {
	key := make([]byte, 32)
	_, err := rand.Read(key)
	return key, err
}

// Make is the secret of that name; the first to ask makes it. It is kept in the ledger and in memory.
func (k *Keyring) Make(ctx context.Context, name string, fresh func() ([]byte, error)) ([]byte, error) {
	if secret, err := k.Secret(ctx, name); !errors.Is(err, provision.ErrNotFound) {
		return secret, err
	}
	secret, err := fresh()
	if err != nil {
		return nil, err
	}
	kept, err := k.add(ctx, name, secret)
	if err != nil {
		return nil, err
	}
	return k.unwrap(name, kept)
}

// Secret is the secret of that name, or ErrNotFound.
func (k *Keyring) Secret(ctx context.Context, name string) ([]byte, error) {
	k.mu.Lock()
	secret, ok := k.keys[name]
	k.mu.Unlock()
	if ok {
		return secret, nil
	}
	return k.Standing(ctx, name)
}

// Put stores a secret under a name that nothing stands under yet, or leaves what stands there.
func (k *Keyring) Put(ctx context.Context, name string, secret []byte) error {
	_, err := k.add(ctx, name, secret)
	return err
}

// add wraps a secret and stores it, unless something stands there, and returns what stands there afterwards.
func (k *Keyring) add(ctx context.Context, name string, secret []byte) ([]byte, error) {
	k.turning.RLock()
	defer k.turning.RUnlock()
	k.mu.Lock()
	wrapped := seal(k.master, secret, name)
	k.mu.Unlock()
	return k.store.AddKey(ctx, name, wrapped)
}

// Drop destroys the secret of that name: what was sealed under it is erased.
func (k *Keyring) Drop(ctx context.Context, name string) error {
	k.turning.Lock() // whoever has read it has it in memory by then, and it goes from there, too
	defer k.turning.Unlock()
	if err := k.store.DropKey(ctx, name); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.keys, name)
	return nil
}

// Standing is Secret as the ledger has it now, whatever memory holds: another process may have dropped it.
func (k *Keyring) Standing(ctx context.Context, name string) ([]byte, error) {
	k.turning.RLock()
	defer k.turning.RUnlock()
	wrapped, err := k.store.Key(ctx, name)
	if err != nil {
		return nil, err
	}
	return k.unwrap(name, wrapped)
}

// Forget empties memory: other processes drop keys, and make others under the same names.
func (k *Keyring) Forget() {
	k.turning.Lock() // whoever has read one has it in memory by then
	defer k.turning.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.keys)
}

func (k *Keyring) unwrap(name string, wrapped []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	secret, err := open(k.master, wrapped, name)
	if err != nil {
		return nil, fmt.Errorf("key %s does not open under this master key: %w", name, provision.ErrCorrupt)
	}
	if len(k.keys) >= maxKeys {
		clear(k.keys)
	}
	k.keys[name] = secret
	return secret, nil
}

// newAccountKey draws the key of a new account's personal data, wrapped.
func (k *Keyring) newAccountKey(id provision.AccountID) ([]byte, error) {
	key, err := NewKey()
	if err != nil {
		return nil, err
	}
	return seal(k.accounts, key, accountKeyName(id)), nil
}

// accountKey opens the key that an account's row carries.
func (k *Keyring) accountKey(id provision.AccountID, wrapped []byte) (cipher.AEAD, error) {
	key, err := open(k.accounts, wrapped, accountKeyName(id))
	if err != nil {
		return nil, fmt.Errorf("key of account %s: %w", id, provision.ErrCorrupt)
	}
	return newAEAD(key)
}

func accountKeyName(id provision.AccountID) string { return "account:" + string(id) }

// Pseudonym is what is left of a link key in a tombstone: only the tenant's own key can make it again.
func (k *Keyring) Pseudonym(ctx context.Context, t provision.TenantID, key provision.LinkKey) (string, error) {
	secret, err := k.Named(ctx, pseudonymKeyName(t))
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%d:%s%s", len(key.Connection), key.Connection, key.Subject)
	return fmt.Sprintf("%x", mac.Sum(nil)), nil
}

func pseudonymKeyName(t provision.TenantID) string { return "pseudonym/" + string(t) }

func newAEAD(key []byte) (cipher.AEAD, error) {
	if len(key) != 32 {
		return nil, errors.New("is not 32 bytes long")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func seal(aead cipher.AEAD, plain []byte, name string) []byte {
	return aead.Seal(nil, nil, plain, []byte(name))
}

func open(aead cipher.AEAD, sealed []byte, name string) ([]byte, error) {
	return aead.Open(nil, nil, sealed, []byte(name))
}
