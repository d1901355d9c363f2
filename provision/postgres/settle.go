package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"leasehold/provision"
)

// settleWithin is how long the truth about a commit is looked for whose answer was lost.
const settleWithin = 8 * time.Second

// errUnsettled is that nobody can tell yet.
var errUnsettled = errors.New("the outcome of a commit is not known")

// settle answers for a commit whose answer was lost: nil when it happened, dead when it did not, and ErrUnavailable when
// nobody can tell in time.
func (s *Store) settle(w *work, lost error) (err error, dead bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), settleWithin)
	defer cancel()
	pid := w.conn.Conn().PgConn().PID()
	for {
		done, err := s.outcome(ctx, w, pid)
		switch {
		case err == nil && done:
			return nil, false
		case err == nil:
			return fmt.Errorf("%w: nothing was written: %w", provision.ErrUnavailable, errors.Join(lost, errors.New("the answer to a commit was lost"))), true
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", provision.ErrUnavailable, errors.Join(errUnsettled, lost, err)), false
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// outcome finds out, on another connection, whether a transaction was committed. It reports true only when that is as
// durable as any commit: what a server shows after a crash, or after a wait for its standby was cut short, need not be.
func (s *Store) outcome(ctx context.Context, w *work, pid uint32) (done bool, err error) {
	if w.xid == "" || w.proof == "" {
		return false, nil // it is done again
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	look := &work{reader: reader{ctx, conn}}
	defer look.rollback()
	if err := look.isOver(w.xid, pid); err != nil {
		return false, err
	}
	look.queue("SELECT EXISTS (SELECT FROM receipts WHERE id = $1) OR EXISTS (SELECT FROM inbox WHERE ref = $1) OR EXISTS (SELECT FROM events WHERE ref = $1)", w.proof).QueryRow(scan(&done))
	look.queue("INSERT INTO receipts (id) VALUES (gen_random_uuid()::text)") // a commit of our own brings all before it to where it has to be
	if err := look.send(); err != nil || !done {
		return false, err
	}
	return true, look.end()
}

// isOver is nil once nothing can come of a transaction any more that is not there. One that waits for a word which was
// lost on the way is ended.
func (r reader) isOver(xid string, pid uint32) error {
	number, err := strconv.ParseUint(xid, 10, 64)
	if err != nil {
		return err
	}
	const ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND state LIKE 'idle in transaction%' AND backend_xid::text = $2"
	if _, err := r.conn.Exec(r.ctx, ends, int32(pid), strconv.FormatUint(number%(1<<32), 10)); err != nil { // there, a number has 32 bits
		return err
	}
	var status *string
	err = r.conn.QueryRow(r.ctx, "SELECT pg_xact_status($1::text::xid8)", xid).Scan(&status)
	switch {
	case saidNo(err): // a number that the server has not come to: it crashed since, and does not know the transaction
		return nil
	case err != nil:
		return err
	case status != nil && *status == "in progress":
		return errUnsettled
	}
	return nil
}
