package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// session is one connection to the file, with every statement that it has run, prepared. One transaction has it at a
// time.
type session struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

// statement is text, prepared.
func (s *session) statement(ctx context.Context, text string) (*sql.Stmt, error) {
	if known, ok := s.statements[text]; ok {
		return known, nil
	}
	prepared, err := s.conn.PrepareContext(ctx, text)
	if err == nil {
		s.statements[text] = prepared
	}
	return prepared, err
}

func (s *session) exec(ctx context.Context, text string, args ...any) (sql.Result, error) {
	prepared, err := s.statement(ctx, text)
	if err != nil {
		return nil, err
	}
	return prepared.ExecContext(ctx, args...)
}

// pool lends sessions to transactions of one kind.
type pool struct {
	db     *sql.DB
	begin  string
	free   chan *session
	close  sync.Once
	closed chan struct{}
}

func openPool(ctx context.Context, db *sql.DB, begin string, size int) (*pool, error) {
	p := &pool{db: db, begin: begin, free: make(chan *session, size), closed: make(chan struct{})}
	for range size {
		conn, err := db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		p.free <- &session{conn, map[string]*sql.Stmt{}}
	}
	return p, nil
}

var errClosed = errors.New("the ledger is closed")

func (p *pool) take(ctx context.Context) (*session, error) {
	select {
	case <-p.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case s := <-p.free:
		return s, nil
	}
}

// transact runs do in a transaction and commits it, or nothing of it when do fails.
func (p *pool) transact(ctx context.Context, do func(*session) error) error {
	s, err := p.take(ctx)
	if err != nil {
		return fault(err)
	}
	always := context.WithoutCancel(ctx) // what has begun is ended one way or the other
	committed := false
	defer func() {
		if !committed {
			s.exec(always, "ROLLBACK") // fails when SQLite has rolled back by itself
		}
		p.free <- s
	}()
	if _, err := s.exec(ctx, p.begin); err != nil {
		return fault(err)
	}
	if err := do(s); err != nil {
		return err
	}
	_, err = s.exec(always, "COMMIT")
	committed = err == nil
	return fault(err)
}

// shut waits for what is under way, and ends every session.
func (p *pool) shut() (err error) {
	p.close.Do(func() {
		close(p.closed)
		for range cap(p.free) {
			s := <-p.free
			for _, prepared := range s.statements {
				err = errors.Join(err, prepared.Close())
			}
			err = errors.Join(err, s.conn.Close())
		}
		err = errors.Join(err, p.db.Close())
	})
	return err
}
