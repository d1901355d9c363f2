package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"leasehold/provision"
	"leasehold/provision/sqlite"
)

// crowded is a ledger that is filled until there is no room.
type crowded struct {
	*sqlite.Store
	made int
}

// login makes somebody new with a lease, as a login does.
func (c *crowded) login(ctx context.Context, n int) error {
	change := people(n*100, n*100+1)
	change.Installation = 0
	change.Events = []provision.Event{{ID: provision.EventID(fmt.Sprint("evt_", n)), Kind: provision.EventLogin, Account: change.Accounts[0].ID, Sealed: make([]byte, 2000)}}
	_, err := c.Provision(ctx, provision.Request{}, func(provision.State) provision.Decision { return provision.Decision{Change: change} })
	return err
}

// fill logs people in until nobody gets in any more.
func (c *crowded) fill(ctx context.Context) error {
	for ; c.made < 1_000_000; c.made++ {
		if err := c.login(ctx, c.made); err != nil {
			return err
		}
	}
	return errors.New("it is never full")
}

// revoke ends the lease of one of those who logged in.
func (c *crowded) revoke(ctx context.Context, n int) error {
	_, err := c.Amend(ctx, provision.Target{Lease: leaseOf(n * 100)}, func(s provision.State) (provision.Change, error) {
		l := s.Former.Lease
		l.EndedAt, l.EndReason = began, provision.CauseAdmin
		return provision.Change{Leases: []provision.Lease{l}, Events: []provision.Event{{ID: provision.EventID(fmt.Sprint("evt_end_", n)), Kind: provision.EventLeaseEnded, Sealed: make([]byte, 500)}}}, nil
	})
	return err
}

// keepsRoom fills a ledger, and wants of it that ends go on while nothing else does.
func (c *crowded) keepsRoom(ctx context.Context) error {
	if err := c.Room(); err != nil {
		return fmt.Errorf("at first: %w", err)
	}
	if err := c.fill(ctx); !errors.Is(err, provision.ErrUnavailable) {
		return fmt.Errorf("a login without room: %w, want unavailable", err)
	}
	if c.made < 100 {
		return fmt.Errorf("only %d logins had room", c.made)
	}
	for n := range min(c.made, 300) {
		if err := c.revoke(ctx, n); err != nil {
			return fmt.Errorf("revocation %d of a ledger without room: %w", n, err)
		}
		if st, err := c.Lease(ctx, leaseOf(n*100)); err != nil || st.Lease.EndedAt.IsZero() {
			return fmt.Errorf("revocation %d was acknowledged: %+v, %w", n, st.Lease, err)
		}
	}
	if _, err := c.AddKey(ctx, "day/of/revocation", make([]byte, 60)); err != nil {
		return fmt.Errorf("the key that a revocation's event is sealed under: %w", err)
	}
	if err := c.login(ctx, c.made); !errors.Is(err, provision.ErrUnavailable) {
		return fmt.Errorf("a login after that: %w, want unavailable", err)
	}
	if err := c.Room(); !errors.Is(err, provision.ErrUnavailable) {
		return fmt.Errorf("room is %w", err)
	}
	return nil
}

func TestALedgerThatIsBoundedKeepsRoomForEnds(t *testing.T) {
	c := &crowded{Store: open(t, filepath.Join(t.TempDir(), "leasehold.db"), sqlite.Options{})}
	if err := c.Bound(t.Context(), 1500); err != nil {
		t.Fatal(err)
	}
	if err := c.keepsRoom(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Bound(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if err := c.login(t.Context(), c.made); err != nil || c.Room() != nil {
		t.Errorf("once there is room again: %v, %v", err, c.Room())
	}
}

func TestWhatIsKeptIsOnTheDiskAndItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leasehold.db")
	open(t, path, sqlite.Options{Reserve: 1 << 20}).Close()
	info, err := os.Stat(path + "-reserve")
	if err != nil || info.Size() != 1<<20 || info.Mode().Perm() != 0o600 {
		t.Errorf("%+v, %v", info, err)
	}
}

// onSmallDisk is what a process of its own does where there are 24 MiB in all.
func onSmallDisk(folder string) error {
	ctx, path := context.Background(), filepath.Join(folder, "leasehold.db")
	ballast := filepath.Join(folder, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 12<<20), 0o600); err != nil {
		return err
	}
	reopen := func() (*crowded, error) {
		s, err := sqlite.Open(ctx, path, sqlite.Options{Reserve: 2 << 20})
		return &crowded{Store: s}, err
	}
	c, err := reopen()
	if err != nil {
		return err
	}
	if err := c.keepsRoom(ctx); err != nil {
		return err
	}
	if _, err := os.Stat(path + "-reserve"); err == nil {
		return errors.New("what was kept is still there")
	}
	if err := c.Mark(ctx); !errors.Is(err, provision.ErrUnavailable) {
		return fmt.Errorf("marking time without room: %w", err)
	}
	made := c.made
	if err := c.Close(); err != nil {
		return err
	}
	if c, err = reopen(); err != nil {
		return fmt.Errorf("opened without room: %w", err)
	}
	if st, err := c.Lease(ctx, leaseOf(0)); err != nil || st.Lease.EndedAt.IsZero() {
		return fmt.Errorf("a revocation after a restart: %+v, %w", st.Lease, err)
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	if err := errors.Join(c.Mark(ctx), c.Room(), c.login(ctx, made)); err != nil {
		return fmt.Errorf("once there is room again: %w", err)
	}
	if info, err := os.Stat(path + "-reserve"); err != nil || info.Size() != 2<<20 {
		return fmt.Errorf("it is not kept again: %w", err)
	}
	return c.Close()
}
