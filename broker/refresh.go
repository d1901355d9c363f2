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
	// Follows is nil when a new document may take the place of the old one, which may be empty: it must not weaken.
	Follows(old, new []byte) error
}

// metadataAge is how old metadata from a URL may grow before it is fetched again.
const metadataAge = time.Hour

// refresh keeps what connections fetch from a URL up to date.
type refresh struct {
	mu    sync.Mutex
	tried map[provision.ConnectionID]time.Time
}

// due reports whether it is time for a connection, and notes that it was tried.
func (r *refresh) due(c provision.Connection, now time.Time) bool {
	wait := metadataAge
	if len(c.Metadata) == 0 {
		wait = time.Minute // nobody can log in before it is there
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.tried[c.ID]; ok && now.Sub(last) < wait {
		return false
	}
	if r.tried == nil {
		r.tried = map[provision.ConnectionID]time.Time{}
	}
	r.tried[c.ID] = now
	return true
}

// Refresh fetches the metadata of every connection that has it at a URL and is due. A document that cannot be had or
// that would weaken leaves the old one in force, and is an error.
func (b *Broker) Refresh(ctx context.Context) error {
	connections, err := all(ctx, b.Registry.Connections, func(c provision.Connection) string { return string(c.ID) })
	if err != nil {
		return err
	}
	var faults []error
	var mu sync.Mutex
	var fetching sync.WaitGroup
	lane := make(chan struct{}, 8) // one slow provider holds up nobody else's
	for _, c := range connections {
		if c.MetadataURL == "" || c.Disabled || !b.refreshed.due(c, b.Now()) {
			continue
		}
		lane <- struct{}{}
		fetching.Go(func() {
			defer func() { <-lane }()
			if err := b.refresh(ctx, c); err != nil {
				mu.Lock()
				defer mu.Unlock()
				faults = append(faults, fmt.Errorf("metadata of connection %s: %w", c.ID, err))
			}
		})
	}
	fetching.Wait()
	return errors.Join(faults...)
}

func (b *Broker) refresh(ctx context.Context, c provision.Connection) error {
	document, err := b.Documents.Fetch(ctx, c.MetadataURL)
	if err != nil {
		return err
	}
	if bytes.Equal(document, c.Metadata) {
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
		if err := b.Documents.Follows(now.Metadata, document); err != nil {
			return provision.Change{}, fmt.Errorf("the document at %s: %w", c.MetadataURL, err)
		}
		before := connectionFields(now)
		now.Metadata, now.Revision = document, now.Revision+1
		return provision.Change{Connections: []provision.Connection{now}, Events: []provision.Event{{
			ID: a.IDs.Event(0), Time: a.Now, Actor: a.Actor, Kind: provision.EventConnectionChanged, Tenant: now.Tenant, Connection: now.ID,
			Outcome: "refreshed", Changes: differences(true, before, connectionFields(now)),
		}}}, nil
	})
	return err
}
