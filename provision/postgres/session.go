package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"leasehold/provision"
)

// reader reads on one connection. What is not there is the zero value.
type reader struct {
	ctx  context.Context
	conn *pgxpool.Conn
}

// row reads the one row that a query finds into variables, and leaves them alone when there is none.
func (r reader) row(query string, args []any, into ...any) error {
	err := r.conn.QueryRow(r.ctx, query, args...).Scan(into...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return fault(err)
}

// send runs a batch and what it calls for each answer.
func (r reader) send(b *pgx.Batch) error { return fault(r.conn.SendBatch(r.ctx, b).Close()) }

// reading runs do on a connection. When the connection turns out to be dead, it is run once more on another one.
func (s *Store) reading(ctx context.Context, do func(reader) error) error {
	for again := false; ; again = true {
		conn, err := s.pool.Acquire(ctx)
		if err != nil {
			return fault(err)
		}
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience) // a caller who gives up costs no connection
		err = do(reader{bounded, conn})
		dead := conn.Conn().IsClosed()
		cancel()
		conn.Release()
		if !dead || err == nil || again || ctx.Err() != nil {
			return err
		}
	}
}

// work is one transaction that writes. Statements are queued and sent together; the first that is sent begins it.
type work struct {
	reader
	begun  bool
	held   locks
	queued *pgx.Batch
	inbox  []letter // events, for the end
	news   []provision.News
	xid    string // the transaction's number
	proof  string // what only this transaction leaves, so that its outcome can be found out; "": it may as well be done again
}

// queue adds a statement to the next batch.
func (w *work) queue(query string, args ...any) *pgx.QueuedQuery {
	if w.queued == nil {
		w.queued = &pgx.Batch{}
		if !w.begun {
			w.queued.Queue("BEGIN")
		}
	}
	return w.queued.Queue(query, args...)
}

// must adds a statement that has to touch a row: when it does not, somebody else was faster.
func (w *work) must(what, query string, args ...any) {
	w.queue(query, args...).Exec(func(done pgconn.CommandTag) error {
		if done.RowsAffected() == 0 {
			return lostRace(what)
		}
		return nil
	})
}

// send sends what was queued.
func (w *work) send() error {
	b := w.queued
	w.queued, w.begun = nil, w.begun || b != nil
	if b == nil {
		return nil
	}
	return w.reader.send(b)
}

// tries is how often a verb is tried that loses races, or whose connection breaks before its commit.
const tries = 8

// transact runs do in a transaction and commits it, or nothing of it when do fails. When a race is lost, do is run again
// on fresh state. Only a caller who has not begun to write can give up.
func (s *Store) transact(ctx context.Context, do func(*work) error) error {
	broken := 0
	for try := 1; ; try++ {
		err, dead := s.attempt(ctx, do)
		if dead {
			broken++
		}
		if err == nil || try == tries || ctx.Err() != nil || broken > 2 || !(dead || errors.Is(err, errLostRace)) {
			return err
		}
		pause(ctx, try)
	}
}

// pause waits a little, at random, so that whoever met does not meet again.
func pause(ctx context.Context, try int) {
	select {
	case <-ctx.Done():
	case <-time.After(rand.N(time.Millisecond << try)):
	}
}

// attempt is one try. dead is true when the connection broke and nothing was written.
func (s *Store) attempt(ctx context.Context, do func(*work) error) (err error, dead bool) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fault(err), false
	}
	defer conn.Release()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	w := &work{reader: reader{bounded, conn}}
	if err := do(w); err != nil {
		w.rollback()
		return err, conn.Conn().IsClosed()
	}
	if !w.begun {
		return nil, false
	}
	return s.commit(w)
}

// rollback leaves nothing of the transaction. Where it cannot be said, the session ends, and with it the transaction.
func (w *work) rollback() {
	if w.begun && !w.conn.Conn().IsClosed() {
		_, _ = w.conn.Exec(w.ctx, "ROLLBACK") // a session that is left in a transaction is not used again
	}
}

// commit ends the transaction. When the answer is lost, it finds out what became of it.
func (s *Store) commit(w *work) (err error, dead bool) {
	err = w.end()
	if err == nil || errors.Is(err, errLostRace) || saidNo(err) {
		return fault(err), false
	}
	return s.settle(w, err)
}

// end commits. It is nil only when the server said that it did, and that where it was to be durable it is.
func (w *work) end() error {
	data := w.conn.Conn().PgConn().CustomData()
	delete(data, warned)
	done, err := w.conn.Exec(w.ctx, "COMMIT")
	switch {
	case err != nil:
		return err
	case done.String() != "COMMIT":
		return lostRace("rolled back by the server")
	case data[warned] != nil: // the wait for the standby was cut short: it is committed here, and perhaps nowhere else
		return errUnsettled
	}
	return nil
}
