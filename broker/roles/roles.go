// Package roles makes PostgreSQL roles that exist for as long as a lease. It implements broker.Source.
package roles

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"leasehold/broker"
)

// Database is a PostgreSQL database, as somebody sees it who may make roles there: CREATEROLE, pg_signal_backend, and a
// member with admin option of each of Members.
type Database struct {
	URL         string   // of the one who makes roles, with its password
	Members     []string // the roles that those made are members of: what they may do
	Connections int      // that one of them may have at once; 0: 5
}

var _ broker.Source = Database{}

// drainEvery is how often it is looked whether a role's sessions are over.
const drainEvery = 20 * time.Millisecond

// Issue implements broker.Source. The server is told a verifier (RFC 5803), and never the password: it may log what it is told.
func (d Database) Issue(ctx context.Context, o broker.UserOrder) (broker.Handed, error) {
	verifier, err := verifier(o.Password)
	if err != nil {
		return broker.Handed{}, err
	}
	limit := d.Connections
	if limit <= 0 {
		limit = 5
	}
	statement := fmt.Sprintf("CREATE ROLE %s LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT %d PASSWORD %s VALID UNTIL %s",
		name(o.Name), limit, text(verifier), text(o.Until.UTC().Format(time.RFC3339)))
	if len(d.Members) > 0 {
		var of []string
		for _, m := range d.Members {
			of = append(of, name(m))
		}
		statement += " IN ROLE " + strings.Join(of, ", ")
	}
	err = d.with(ctx, func(c *pgx.Conn) error { return create(ctx, c, statement) })
	return broker.Handed{Address: d.address()}, err
}

// create makes a role in a transaction, which has its time at the server, too: one that we have given up, because it waits for
// a lock say, is not done afterwards. Only a commit that is on its way may be.
func create(ctx context.Context, c *pgx.Conn, statement string) error {
	return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = '5s'"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, statement)
		return err
	})
}

// Renew implements broker.Source: it moves VALID UNTIL, for logins from then on.
func (d Database) Renew(ctx context.Context, user string, until time.Time) error {
	return d.with(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "ALTER ROLE "+name(user)+" VALID UNTIL "+text(until.UTC().Format(time.RFC3339)))
		return err
	})
}

// Revoke implements broker.Source: nobody logs in by the role any more, its sessions end, what it owns is dropped, and it
// is gone. A role that is not there is as good.
func (d Database) Revoke(ctx context.Context, user string) error {
	return d.with(ctx, func(c *pgx.Conn) error {
		var there bool
		if err := c.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", user).Scan(&there); err != nil || !there {
			return err
		}
		if _, err := c.Exec(ctx, "ALTER ROLE "+name(user)+" NOLOGIN"); err != nil {
			return err
		}
		if err := drain(ctx, c, user); err != nil {
			return err
		}
		for _, statement := range []string{"DROP OWNED BY " + name(user), "DROP ROLE " + name(user)} {
			if _, err := c.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return drain(ctx, c, user) // who had logged in, and was not seen yet when the others went
	})
}

// drain ends the sessions of a role, until there is none.
func drain(ctx context.Context, c *pgx.Conn, user string) error {
	for {
		var left int
		err := c.QueryRow(ctx, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = $1", user).Scan(&left)
		if err != nil || left == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d sessions do not end", left)
		case <-time.After(drainEvery):
		}
	}
}

// with runs do on a connection of its own. An error names no address and no statement: they may hold secrets.
func (d Database) with(ctx context.Context, do func(*pgx.Conn) error) error {
	c, err := pgx.Connect(ctx, d.URL)
	if err != nil {
		return said(ctx, "cannot be reached", err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	if err := do(c); err != nil {
		return said(ctx, "does not do it", err)
	}
	return nil
}

func said(ctx context.Context, what string, err error) error {
	var no *pgconn.PgError
	switch {
	case errors.As(err, &no):
		return fmt.Errorf("the database %s: %s", what, no.Code)
	case ctx.Err() != nil:
		return fmt.Errorf("the database %s in time", what)
	}
	if why := broker.Unreached(err); why != "" {
		return fmt.Errorf("the database %s: %s", what, why)
	}
	return fmt.Errorf("the database %s", what)
}

// address is where the database is, without whose password.
func (d Database) address() string {
	u, err := url.Parse(d.URL)
	if err != nil {
		return ""
	}
	query := url.Values{}
	if mode := u.Query().Get("sslmode"); mode != "" { // the rest is ours alone
		query.Set("sslmode", mode)
	}
	u.User, u.RawQuery = nil, query.Encode()
	return u.String()
}

// iterations are PostgreSQL's own (scram_iterations).
const iterations = 4096

// verifier is what the server keeps of a password: SCRAM-SHA-256 (RFC 5803, RFC 7677), as PostgreSQL writes it. The
// password is ASCII, so that it is as SASLprep leaves it.
func verifier(password string) (string, error) {
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", err
	}
	mac := func(word string) []byte {
		m := hmac.New(sha256.New, salted)
		m.Write([]byte(word))
		return m.Sum(nil)
	}
	stored := sha256.Sum256(mac("Client Key"))
	code := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, code(salt), code(stored[:]), code(mac("Server Key"))), nil
}

// name and text quote: CREATE ROLE takes no parameters.
func name(s string) string { return pgx.Identifier{s}.Sanitize() }

func text(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
