package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"leasehold/provision"
)

// Documents fetches and judges metadata that lives at a URL.
type Documents interface {
	Fetch(ctx context.Context, url string) ([]byte, error)
	// Follows is nil when a new document may take the place of the old one, which may be empty: it must not weaken. It is
	// ErrNotChained when somebody has to confirm the new one first.
	Follows(old, new []byte) error
	// Tell says by whom and by which keys a document is trusted, in one line without secrets.
	Tell(document []byte) string
}

// metadataAge is how old metadata from a URL may grow before it is fetched again.
const metadataAge = time.Hour

// listAge is how old the list of connections that are followed may grow. A change that this process makes is seen at
// once; the age is for those of others.
const listAge = time.Hour

// refresh keeps what connections fetch from a URL up to date. Looking costs nothing while none is due.
type refresh struct {
	mu       sync.Mutex
	tried    map[provision.ConnectionID]time.Time
	followed []followed
	listed   time.Time
	changes  uint64 // the index's, when they were listed
}

// followed is a connection that has its metadata at a URL.
type followed struct {
	id    provision.ConnectionID
	empty bool // nothing has been fetched yet
}

// due reports whether it is time for a connection, and notes that it was tried.
func (r *refresh) due(f followed, now time.Time) bool {
	wait := metadataAge
	if f.empty {
		wait = time.Minute // nobody can log in before it is there
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.tried[f.id]; ok && now.Sub(last) < wait {
		return false
	}
	if r.tried == nil {
		r.tried = map[provision.ConnectionID]time.Time{}
	}
	r.tried[f.id] = now
	return true
}

// known is the list as it was last made, if it is still good.
func (r *refresh) known(changes uint64, now time.Time) ([]followed, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.followed, !r.listed.IsZero() && r.changes == changes && now.Sub(r.listed) < listAge
}

func (r *refresh) keep(list []followed, changes uint64, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.followed, r.changes, r.listed = list, changes, now
}

// follows lists the connections whose metadata is to be kept up to date.
func (b *Broker) follows(ctx context.Context) ([]followed, error) {
	changes, now := b.index.changes.Load(), b.Now() // before the list is read, so that nothing is missed
	if list, ok := b.refreshed.known(changes, now); ok {
		return list, nil
	}
	connections, err := all(ctx, b.Registry.Connections, func(c provision.Connection) string { return string(c.ID) })
	if err != nil {
		return nil, err
	}
	var list []followed
	for _, c := range connections {
		if c.MetadataURL != "" && !c.Disabled {
			list = append(list, followed{c.ID, len(c.Metadata) == 0})
		}
	}
	b.refreshed.keep(list, changes, now)
	return list, nil
}

// Refresh fetches the metadata of every connection that has it at a URL and is due. A document that cannot be had or
// read leaves the old one in force, and is an error; one that is not chained to it puts the connection on hold.
func (b *Broker) Refresh(ctx context.Context) error {
	list, err := b.follows(ctx)
	if err != nil {
		return err
	}
	var faults []error
	var mu sync.Mutex
	var fetching sync.WaitGroup
	lane := make(chan struct{}, 8) // one slow provider holds up nobody else's
	for _, f := range list {
		if !b.refreshed.due(f, b.Now()) {
			continue
		}
		lane <- struct{}{}
		fetching.Go(func() {
			defer func() { <-lane }()
			if err := b.refresh(ctx, f.id); err != nil {
				mu.Lock()
				defer mu.Unlock()
				faults = append(faults, fmt.Errorf("metadata of connection %s: %w", f.id, err))
			}
		})
	}
	fetching.Wait()
	return errors.Join(faults...)
}

func (b *Broker) refresh(ctx context.Context, id provision.ConnectionID) error {
	c, err := b.Registry.Connection(ctx, id)
	if err != nil {
		return err
	}
	document, err := b.Documents.Fetch(ctx, c.MetadataURL)
	if err != nil {
		return err
	}
	if bytes.Equal(document, c.Metadata) && c.Rejected == "" {
		return nil
	}
	a, err := b.act(Deed{Actor: provision.Actor{Kind: provision.System, Via: "metadata"}})
	if err != nil {
		return err
	}
	_, err = b.amendRegistered(ctx, provision.Target{Connection: c.ID}, func(s provision.State) (provision.Change, error) {
		now := s.Connection
		if now.MetadataURL != c.MetadataURL {
			return provision.Change{}, nil // registered anew meanwhile
		}
		next, err := b.adopt(now, document)
		switch {
		case err != nil:
			return provision.Change{}, fmt.Errorf("the document at %s: %w", c.MetadataURL, err)
		case next.Held == now.Held && next.Rejected == now.Rejected && bytes.Equal(next.Metadata, now.Metadata) && bytes.Equal(next.Proposed, now.Proposed):
			return provision.Change{}, nil
		}
		next.Revision++
		event := provision.Event{
			ID: a.IDs.Event(0), Time: a.Now, Actor: a.Actor, Kind: provision.EventConnectionChanged, Tenant: now.Tenant, Connection: now.ID,
			Outcome: "refreshed", Changes: differences(true, connectionFields(now), connectionFields(next)),
		}
		if next.Held && !bytes.Equal(next.Proposed, now.Proposed) {
			event.Outcome, event.Changes = "held", b.trustLines(now, document)
			b.Log.Warn("a connection is held: somebody has to confirm its new trust", "connection", now.ID, "change", event.Changes[0])
		}
		return provision.Change{Connections: []provision.Connection{next}, Events: []provision.Event{event}}, nil
	})
	return err
}
