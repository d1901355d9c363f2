package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"leasehold/provision"
)

// reader reads one snapshot. What is not there is the zero value.
type reader struct {
	ctx context.Context
	*session
}

// scan reads the one row that a query finds into a variable, and leaves it alone when there is none.
func (r reader) scan(into any, query string, args ...any) error {
	prepared, err := r.statement(r.ctx, query)
	if err != nil {
		return fault(err)
	}
	if err := prepared.QueryRowContext(r.ctx, args...).Scan(into); !errors.Is(err, sql.ErrNoRows) {
		return fault(err)
	}
	return nil
}

// query runs a query and calls each for every row that it finds.
func (r reader) query(each func(*sql.Rows) error, query string, args ...any) error {
	prepared, err := r.statement(r.ctx, query)
	if err != nil {
		return fault(err)
	}
	found, err := prepared.QueryContext(r.ctx, args...)
	if err != nil {
		return fault(err)
	}
	defer found.Close()
	for found.Next() {
		if err := each(found); err != nil {
			return fault(err)
		}
	}
	return fault(found.Err())
}

// row is the one row that a query finds.
func row[T any](r reader, query string, args ...any) (v T, err error) {
	var body sql.NullString
	if err = r.scan(&body, query, args...); err != nil || !body.Valid {
		return v, err
	}
	return v, decode(body.String, &v)
}

// rows are all the rows that a query finds.
func rows[T any](r reader, query string, args ...any) ([]T, error) {
	bodies, err := column[string](r, query, args...)
	if err != nil || len(bodies) == 0 {
		return nil, err
	}
	items := make([]T, len(bodies))
	for i, body := range bodies {
		if err := decode(body, &items[i]); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// column is the first column of all that a query finds.
func column[T any](r reader, query string, args ...any) ([]T, error) {
	var items []T
	err := r.query(func(found *sql.Rows) error {
		var item T
		err := found.Scan(&item)
		items = append(items, item)
		return err
	}, query, args...)
	return items, err
}

func decode(body string, v any) error {
	if err := json.Unmarshal([]byte(body), v); err != nil {
		return fmt.Errorf("row: %w: %w", provision.ErrCorrupt, err)
	}
	return nil
}

func (r reader) tenant(id provision.TenantID) (provision.Tenant, error) {
	return row[provision.Tenant](r, "SELECT body FROM tenants WHERE id = ?", id)
}

func (r reader) connection(id provision.ConnectionID) (provision.Connection, error) {
	return row[provision.Connection](r, "SELECT body FROM connections WHERE id = ?", id)
}

func (r reader) account(id provision.AccountID) (provision.Account, error) {
	return row[provision.Account](r, "SELECT body FROM accounts WHERE id = ?", id)
}

func (r reader) owner(d provision.Domain) (provision.Claim, error) {
	return row[provision.Claim](r, "SELECT body FROM claims WHERE domain = ? AND owns", d.String())
}

func (r reader) liveLeases(id provision.AccountID) ([]provision.Lease, error) {
	return rows[provision.Lease](r, "SELECT body FROM leases WHERE account = ? AND NOT ended ORDER BY id", id)
}

func (r reader) installation() (provision.Generation, error) {
	var g provision.Generation
	return g, r.scan(&g, "SELECT value FROM meta WHERE name = 'installation'")
}

// linkQuery is the part of a query that link reads.
const linkQuery = "SELECT connection, subject, pseudonym, account, created FROM links WHERE "

func (r reader) links(where string, args ...any) ([]provision.Link, error) {
	var links []provision.Link
	err := r.query(func(found *sql.Rows) error {
		var l provision.Link
		var created int64
		err := found.Scan(&l.Connection, &l.Subject, &l.Pseudonym, &l.Account, &created)
		l.Created = moment(created)
		links = append(links, l)
		return err
	}, linkQuery+where, args...)
	return links, err
}

func (r reader) link(where string, args ...any) (provision.Link, error) {
	links, err := r.links(where+" LIMIT 1", args...)
	if err != nil || len(links) == 0 {
		return provision.Link{}, err
	}
	return links[0], nil
}

// depth is how many ancestors of a lease are looked at. A chain that is longer is cut, and so refuses.
const depth = 16

// standing is how a lease stands.
func (r reader) standing(id provision.LeaseID) (s provision.Standing, err error) {
	if s.Lease, err = row[provision.Lease](r, "SELECT body FROM leases WHERE id = ?", id); err != nil || s.Lease.ID == "" {
		return s, err
	}
	l := s.Lease
	var faults [9]error
	s.Account, faults[0] = r.account(l.Account)
	s.Tenant, faults[1] = r.tenant(l.Tenant)
	s.Connection, faults[2] = r.connection(l.Connection)
	s.Claim, faults[3] = r.owner(l.Domain)
	s.Installation, faults[4] = r.installation()
	s.Entries, faults[5] = r.entries(id)
	s.Elevations, faults[6] = r.elevationsOf(id)
	if l.Agent.Account != "" {
		s.Agent.Account, faults[7] = r.account(l.Agent.Account)
		s.Agent.Connection, faults[8] = r.connection(l.Agent.Connection)
	}
	for parent := l.Parent; parent != "" && err == nil && len(s.Ancestors) < depth; {
		var a provision.Lease
		if a, err = row[provision.Lease](r, "SELECT body FROM leases WHERE id = ?", parent); a.ID == "" {
			break // a parent that is not there refuses
		}
		s.Ancestors, parent = append(s.Ancestors, a), a.Parent
	}
	return s, errors.Join(append(faults[:], err)...)
}

func (r reader) entries(id provision.LeaseID) ([]provision.Entry, error) {
	var entries []provision.Entry
	err := r.query(func(found *sql.Rows) error {
		e := provision.Entry{Lease: id}
		var at int64
		err := found.Scan(&e.App, &at)
		e.At = moment(at)
		entries = append(entries, e)
		return err
	}, "SELECT app, at FROM entries WHERE lease = ?", id)
	return entries, err
}
