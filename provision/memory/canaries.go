package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"leasehold/provision"
)

// PutCanary writes a canary as it is now, and forgets those that are old. One process hears no news.
func (s *Store) PutCanary(ctx context.Context, c provision.Canary, _ provision.News) error {
	if err := answers(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.canaries[c.ID] = c
	maps.DeleteFunc(s.canaries, func(_ provision.LeaseID, old provision.Canary) bool {
		return old.Planted.Before(c.Planted.Add(-provision.CanariesKept))
	})
	s.sightings = slices.DeleteFunc(s.sightings, func(x provision.Sighting) bool { return s.canaries[x.Canary].ID == "" })
	return nil
}

// Canary is one, or the newest, or ErrNotFound.
func (s *Store) Canary(ctx context.Context, id provision.LeaseID) (c provision.Canary, err error) {
	err = s.view(ctx, func(*tables) error {
		for _, found := range s.canaries {
			if found.ID == id || id == "" && found.Planted.After(c.Planted) {
				c = found
			}
		}
		if c.ID == "" {
			return provision.ErrNotFound
		}
		return nil
	})
	return c, err
}

// SawCanary writes what a process saw of a canary, in its row.
func (s *Store) SawCanary(ctx context.Context, x provision.Sighting) error {
	if err := answers(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sightings = append(slices.DeleteFunc(s.sightings, func(y provision.Sighting) bool { return x.Canary == y.Canary && x.Process == y.Process }), x)
	return nil
}

// Sightings are what was seen of a canary, by process.
func (s *Store) Sightings(ctx context.Context, id provision.LeaseID) (found []provision.Sighting, err error) {
	err = s.view(ctx, func(*tables) error {
		for _, x := range s.sightings {
			if x.Canary == id {
				found = append(found, x)
			}
		}
		slices.SortFunc(found, func(x, y provision.Sighting) int { return cmp.Compare(x.Process, y.Process) })
		return nil
	})
	return found, err
}
