package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/provision/postgres"
)

type keyCommands struct {
	Rotate rotateKey `cmd:"" help:"Give a key a successor. What the former one made stays good until the next rotation."`
}

// rotateKey names a key.
type rotateKey struct {
	Key        string `arg:"" enum:"session,assertion,connection,master" help:"session (of cookies), assertion (of what apps are told), connection (of one SAML service provider; twice: publish, then use), or master (wraps all others)."`
	Connection string `arg:"" optional:"" help:"With connection: its id."`
	because
}

// Run rotates it in the running server.
func (c rotateKey) Run(s *surroundings) error {
	if (c.Key == "connection") != (c.Connection != "") {
		return usageError{errors.New("rotate which key? session, assertion, master, or: connection ID")}
	}
	q := c.query()
	q.Set("connection", c.Connection)
	return show(s, atHost(http.MethodPost, "/keys/"+url.PathEscape(c.Key)+"/rotate", q, nil), func(w io.Writer, v rotatedView) { fmt.Fprintln(w, v.Text) })
}

// rotatedView says what is to be done after a rotation.
type rotatedView struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

// rotate answers POST /keys/{id}/rotate.
func (o operator) rotate(r *http.Request, d broker.Deed) (any, error) {
	key := r.PathValue("id")
	var text string
	var err error
	switch key {
	case broker.SessionKey:
		text, err = "done; cookies of the former key stay good until the next rotation", o.gateway.broker.Rotate(r.Context(), d, key)
	case broker.AssertionKey:
		text, err = "done; both keys are in the JWKS until the next rotation", o.gateway.broker.Rotate(r.Context(), d, key)
	case "connection":
		text, err = o.gateway.rotateConnection(r.Context(), d, provision.ConnectionID(r.FormValue("connection")))
	case "master":
		text, err = "done; "+o.gateway.config.MasterKeyFile+" holds the new key: keep it as you kept the former one, which backups made before still need", o.gateway.rotateMaster(r.Context(), d)
	default:
		err = fmt.Errorf("key %q: %w", key, provision.ErrNotFound)
	}
	return rotatedView{key, text}, err
}

// rotateConnection publishes a service provider's next key; and when one is published, goes over to it.
func (g *gateway) rotateConnection(ctx context.Context, d broker.Deed, id provision.ConnectionID) (string, error) {
	g.rotating.Lock() // of two at once, both would publish, and the key in use would go
	defer g.rotating.Unlock()
	c, err := g.store.Connection(ctx, id)
	if err != nil {
		return "", fmt.Errorf("connection %s: %w", id, err)
	}
	if c.Protocol != provision.SAML {
		return "", fmt.Errorf("connection %s has no key of its own; change its client secret in the manifest: %w", id, provision.ErrConflict)
	}
	fresh := func() ([]byte, error) { return newServiceProviderKey(id) }
	ring, err := g.keys.Ring(ctx, spRing(id), fresh)
	if err != nil {
		return "", err
	}
	outcome, text := "key.published", "published; give the identity provider the new metadata at "+addresses{g.config.URL}.entityID(id)+", then say the same again to go over to the new key"
	if len(ring) > 1 {
		outcome, text = "key.rotated", "done; the new key is in use, and the former one is gone"
		err = g.keys.Settle(ctx, spRing(id))
	} else {
		err = g.keys.Turn(ctx, spRing(id), fresh)
	}
	if err != nil {
		return "", err
	}
	g.broker.Reopen(id)
	return text, g.broker.Note(ctx, d, outcome, "connection "+string(id))
}

// rotateMaster draws a new master key, puts every key of the ledger under it, and then the file in its place. The new
// file is on disk before the ledger changes: a start in between finds it. It stays when the ledger says that it failed to
// change, for a commit that failed may be on disk all the same: the next start finds out which key is the right one.
// Other processes would go on wrapping under the key that they read at their start, and nobody could open that.
func (g *gateway) rotateMaster(ctx context.Context, d broker.Deed) error {
	g.rotating.Lock()
	defer g.rotating.Unlock()
	if g.replica != nil {
		if err := g.replica.Alone(ctx); err != nil {
			return fmt.Errorf("master key: stop all replicas but one, rotate, and give them the new file before they start: %w", err)
		}
	}
	path := g.config.MasterKeyFile
	if _, err := os.Lstat(path + nextSuffix); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s is left of a rotation that was not finished; keep it, and restart the server, which settles that: %w", path+nextSuffix, provision.ErrConflict), err)
	}
	master, err := writeMasterKey(path + nextSuffix)
	if err != nil {
		return err
	}
	if err := g.keys.Rewrap(ctx, master); err != nil {
		return err
	}
	if err := takeOver(path); err != nil {
		return err
	}
	return g.broker.Note(ctx, d, "key.rotated", "master")
}

// nextSuffix is that of the master key that a rotation is going over to.
const nextSuffix = ".next"

// takeOver puts the next master key in the place of the former one.
func takeOver(path string) error {
	if err := os.Rename(path+nextSuffix, path); err != nil {
		return fmt.Errorf("master key: the ledger is under %s now; move it to %s by hand: %w", path+nextSuffix, path, err)
	}
	return syncFolder(filepath.Dir(path))
}

// openKeys opens the ledger's keys, also when a rotation of the master key stopped half-way.
func openKeys(ctx context.Context, store provision.Keys, path, ledger string) (*broker.Keyring, error) {
	master, err := masterKey(path, ledger, true)
	if err != nil {
		return nil, err
	}
	keys, err := broker.NewKeyring(ctx, store, master)
	if !errors.Is(err, provision.ErrCorrupt) {
		return keys, err
	}
	next, missing := os.ReadFile(path + nextSuffix)
	if errors.Is(missing, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not the master key of %s: put that one back: %w", path, ledger, err)
	}
	if keys, err = broker.NewKeyring(ctx, store, next); err != nil {
		return nil, err
	}
	return keys, takeOver(path)
}

// dropNext removes the next master key, unless another process on the ledger may be going over to it just now.
func (g *gateway) dropNext(ctx context.Context) error {
	if shared, ok := g.store.(*postgres.Store); ok {
		if err := shared.Replica(ctx, nil).Alone(ctx); err != nil {
			if errors.Is(err, provision.ErrConflict) {
				return nil
			}
			return err
		}
	}
	return dropNext(g.config.MasterKeyFile)
}

// dropNext removes what is left of a rotation that stopped before the ledger changed. Only whoever has the lock, and has
// opened the ledger by the key at path, knows that.
func dropNext(path string) error {
	if _, err := os.Lstat(path + nextSuffix); errors.Is(err, fs.ErrNotExist) {
		return nil // asked first: on a read-only mount, removing what is not there is an error, too
	}
	return os.Remove(path + nextSuffix)
}

// spRing is the name of a service provider's keys.
func spRing(c provision.ConnectionID) string { return "sp/" + string(c) }
