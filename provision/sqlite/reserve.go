package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"golang.org/x/sys/unix"

	"leasehold/provision"
)

// A ledger that has no room left must still be able to take access away. So room is kept for that: a file beside the
// ledger, which is given up when the disk is full, and a part of what the ledger may grow to, where that is bounded.
// While the room is in use nothing else is written: logins are refused, and so are the ends that every check sees
// without a row, by time or by generation. Those that no check sees are not: a log-out at the identity provider, its
// refusal or silence, and a tighter policy.

// need is what a commit wants room for.
type need int

const (
	growth need = iota // everything that can wait until there is room
	shrink             // to delete what is over: not at the cost of what is kept on the disk
	relief             // to take access away, and the keys that its events are sealed under
)

// needOf is what a change wants room for.
func needOf(c provision.Change) need {
	ends := c.Installation != 0 ||
		slices.ContainsFunc(c.Revocations, func(v provision.Revocation) bool { return v.Settled.IsZero() }) ||
		slices.ContainsFunc(c.Leases, func(l provision.Lease) bool { return !l.EndedAt.IsZero() }) ||
		slices.ContainsFunc(c.Spent, func(x provision.Spent) bool {
			return x.Kind == provision.LoggedOut || x.Kind == provision.LogoutMessage
		}) ||
		slices.ContainsFunc(c.Accounts, func(a provision.Account) bool {
			return a.State == provision.Suspended || a.State == provision.Revoked || a.State == provision.Deleted
		})
	if ends && len(c.Elevations) == 0 { // one that takes the place of another gives more than it takes
		return relief
	}
	return growth
}

// needOfEnd is what a change of a lease that nobody here asked for wants room for. An end that every check sees without a
// row can wait. What leads to the others cannot: that its identity provider is asked, with a token that is good once.
func needOfEnd(c provision.Change) need {
	unseen := []provision.Cause{"", provision.CauseUpstreamLogout, provision.CauseUpstreamRefused, provision.CauseUpstreamStale, provision.CausePolicyTightened}
	if slices.ContainsFunc(c.Leases, func(l provision.Lease) bool { return slices.Contains(unseen, l.EndReason) }) {
		return relief
	}
	return growth
}

// errFull is that there is no room for what can wait.
var errFull = fmt.Errorf("%w: no room is left: logins and changes are refused, and what is kept is for ends of access", provision.ErrUnavailable)

// room is the room that a ledger has.
type room struct {
	path string
	size int64 // of the file that is kept; 0: none is

	mu      sync.Mutex
	gone    bool      // the file was given up
	refused time.Time // when there was no room for what can wait; zero: there was, since
	most    int64     // pages that the ledger may have; 0: it is not bounded
}

// reservePages is how much of a bounded ledger is kept, at most; of a small one, an eighth is.
const reservePages = 1024

// openRoom makes the file that is kept, unless it is there. That there is no room for it is no error: then none is left.
func openRoom(ledger string, size int64) *room {
	r := &room{path: ledger + "-reserve", size: size}
	var have unix.Stat_t
	if size == 0 || unix.Stat(r.path, &have) == nil && have.Blocks*512 >= size {
		return r
	}
	r.gone = r.make() != nil
	return r
}

// make allocates the file, on disk and not only in name.
func (r *room) make() error {
	if free, err := r.free(); err != nil || free < r.size+r.size/2 {
		return errors.Join(errFull, err)
	}
	file, err := os.OpenFile(r.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = unix.Fallocate(int(file.Fd()), 0, 0, r.size)
	if errors.Is(err, unix.EOPNOTSUPP) {
		_, err = file.Write(make([]byte, r.size))
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(r.path))
	}
	return nil
}

// free is what is free where the ledger is, in bytes.
func (r *room) free() (int64, error) {
	var disk unix.Statfs_t
	err := unix.Statfs(filepath.Dir(r.path), &disk)
	return int64(disk.Bavail) * disk.Bsize, err
}

// admits is errFull when a commit that could wait would use what is kept.
func (r *room) admits(wants need, w writer) error {
	r.mu.Lock()
	gone, most := r.gone, r.most
	r.mu.Unlock()
	switch {
	case wants == relief:
		return nil
	case gone:
		return errFull
	case most == 0 || wants == shrink:
		return nil
	}
	var used int64
	if err := w.scan(&used, "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count"); err != nil {
		return err
	}
	if used > most-min(reservePages, most/8) {
		return errFull
	}
	return nil
}

// after notes how a commit went, and reports whether it is worth another try: room was made for it.
func (r *room) after(wants need, err error) (again bool) {
	full := isFull(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil && wants == growth:
		r.refused = time.Time{}
	case full && wants != relief:
		r.refused = time.Now()
	case full && r.size > 0 && !r.gone:
		r.gone = os.Remove(r.path) == nil
		return r.gone
	}
	return false
}

// refill takes the room back once there is enough, and is errFull while there is not.
func (r *room) refill() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		if r.make() != nil {
			return errFull
		}
		r.gone = false
	}
	return nil
}

// Room is nil while there is room for whatever is asked for. Else it says what is refused.
func (s *Store) Room() error {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	if s.room.gone || time.Since(s.room.refused) < time.Minute {
		return errFull
	}
	return nil
}

func isFull(err error) bool {
	var no *driver.Error
	return errors.Is(err, errFull) || errors.As(err, &no) && (no.Code() == lib.SQLITE_FULL || no.Code() == lib.SQLITE_IOERR_SHMSIZE)
}

// Bound bounds the ledger to so many pages of 4 KiB, of which a part is kept for ends of access; 0: to what SQLite can.
func (s *Store) Bound(ctx context.Context, pages int64) error {
	on, err := s.write.take(ctx)
	if err != nil {
		return fault(err)
	}
	defer func() { s.write.free <- on }()
	s.room.mu.Lock()
	s.room.most = pages
	s.room.mu.Unlock()
	if pages == 0 {
		pages = 1<<32 - 2
	}
	_, err = on.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	return fault(err)
}
