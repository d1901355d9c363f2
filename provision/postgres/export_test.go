package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Migrations are the texts of all migrations.
func Migrations() ([]string, error) { return readMigrations() }

// OpenAt opens a store that knows these migrations and no others.
func OpenAt(ctx context.Context, url string, migrations []string) (*Store, error) {
	return openAt(ctx, url, Options{}, migrations)
}

// Learn is what the store does with what the server says about the time.
func (s *Store) Learn(server time.Time, resets int64) { s.clock.learn(server, resets) }

// Tell runs a statement.
func (s *Store) Tell(ctx context.Context, statement string, args ...any) error {
	_, err := s.pool.Exec(ctx, statement, args...)
	return err
}

// Ask is the first value that a query finds.
func (s *Store) Ask(ctx context.Context, into any, query string, args ...any) error {
	return s.pool.QueryRow(ctx, query, args...).Scan(into)
}

// Explain are the plans of all statements that the store's connections have prepared, without tables being walked where
// there is another way.
func (s *Store) Explain(ctx context.Context) (plans map[string]string, err error) {
	plans = map[string]string{}
	for _, conn := range s.pool.AcquireAllIdle(ctx) {
		err = errors.Join(err, explain(ctx, conn.Conn(), plans))
		conn.Release()
	}
	return plans, err
}

func explain(ctx context.Context, conn *pgx.Conn, plans map[string]string) error {
	if _, err := conn.Exec(ctx, "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; DISCARD PLANS"); err != nil {
		return err
	}
	rows, err := conn.Query(ctx, "SELECT name, statement, cardinality(parameter_types) FROM pg_prepared_statements", pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return err
	}
	prepared, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct {
		Name, Text string
		Parameters int
	}])
	for _, p := range prepared {
		if !strings.Contains(p.Text, " ") { // BEGIN and COMMIT have no plan
			continue
		}
		execute := "EXPLAIN EXECUTE " + pgx.Identifier{p.Name}.Sanitize()
		if p.Parameters > 0 {
			execute += "(NULL" + strings.Repeat(", NULL", p.Parameters-1) + ")"
		}
		rows, err := conn.Query(ctx, execute, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return err
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil && !strings.HasPrefix(p.Text, "BEGIN") {
			return fmt.Errorf("%s: %w", p.Text, err)
		}
		plans[p.Text] = strings.Join(lines, "\n")
	}
	return err
}
