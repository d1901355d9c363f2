//go:build real

package roles_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"leasehold/broker"
	"leasehold/broker/roles"
	"leasehold/provision/postgres/postgrestest"
)

// as is the address of a database for somebody else.
func as(t *testing.T, address, user, password string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}

// server is a database that asks everybody but its owner for a password.
func server(t *testing.T) (root string, admin *pgx.Conn) {
	t.Helper()
	root = postgrestest.Start(t, postgrestest.Options{NoSync: true}).Database(t, "")
	admin, err := pgx.Connect(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close(context.Background()) })
	var hba string
	if err := admin.QueryRow(t.Context(), "SHOW hba_file").Scan(&hba); err != nil {
		t.Fatal(err)
	}
	rules := ""
	for _, from := range []string{"local all %s", "host all %s 127.0.0.1/32", "host all %s ::1/128"} {
		rules += strings.Replace(from, "%s", "postgres", 1) + " trust\n" + strings.Replace(from, "%s", "all", 1) + " scram-sha-256\n"
	}
	if err := os.WriteFile(hba, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(t.Context(), "SELECT pg_reload_conf()"); err != nil {
		t.Fatal(err)
	}
	for range 200 { // the postmaster reads it when it gets to it
		c, err := pgx.Connect(t.Context(), as(t, root, "nobody", "x"))
		var no *pgconn.PgError
		if err == nil {
			c.Close(t.Context())
		}
		if errors.As(err, &no) && no.Code == "28P01" {
			return root, admin
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("nobody is asked for a password")
	return "", nil
}

func TestARoleLetsItsHolderReadUntilItIsTakenBackAndItsConnectionDiesWithIt(t *testing.T) {
	root, admin := server(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, statement := range []string{
		"CREATE TABLE numbers AS SELECT 42 AS n", "CREATE ROLE reading", "GRANT SELECT ON numbers TO reading", "ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()",
	} {
		if _, err := admin.Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	d := roles.Database{URL: root, Members: []string{"reading"}}
	order := broker.UserOrder{Name: "lh_" + strings.ToLower(rand.Text()), Password: rand.Text(), Until: time.Now().Add(time.Minute)}
	handed, err := d.Issue(ctx, order)
	if err != nil {
		t.Fatal(err)
	}
	if u, err := url.Parse(handed.Address); err != nil || u.User != nil {
		t.Errorf("handed %q, %v", handed.Address, err)
	}
	job, err := pgx.Connect(ctx, as(t, root, order.Name, order.Password))
	if err != nil {
		t.Fatalf("the job: %v", err)
	}
	defer job.Close(ctx)
	var n int
	if err := job.QueryRow(ctx, "SELECT n FROM numbers").Scan(&n); err != nil || n != 42 {
		t.Fatalf("it reads %d, %v", n, err)
	}
	if _, err := job.Exec(ctx, "DELETE FROM numbers"); err == nil {
		t.Error("it may delete")
	}
	if _, err := job.Exec(ctx, "CREATE TEMP TABLE mine (n int)"); err != nil {
		t.Errorf("something of its own: %v", err)
	}
	var kept string
	if err := admin.QueryRow(ctx, "SELECT rolpassword FROM pg_authid WHERE rolname = $1", order.Name).Scan(&kept); err != nil || !strings.HasPrefix(kept, "SCRAM-SHA-256$4096:") {
		t.Errorf("the server keeps %q, %v", kept, err)
	}
	if err := d.Renew(ctx, order.Name, order.Until.Add(time.Hour)); err != nil {
		t.Fatalf("renew: %v", err)
	}
	var until time.Time
	if err := admin.QueryRow(ctx, "SELECT rolvaliduntil FROM pg_authid WHERE rolname = $1", order.Name).Scan(&until); err != nil || !until.Equal(order.Until.Add(time.Hour).Truncate(time.Second)) {
		t.Errorf("it is valid until %s, %v", until, err)
	}
	for range 2 { // said again, it is as good
		if err := d.Revoke(ctx, order.Name); err != nil {
			t.Fatalf("revoke: %v", err)
		}
	}
	if err := job.QueryRow(ctx, "SELECT n FROM numbers").Scan(&n); err == nil {
		t.Error("its open connection lives on")
	}
	if _, err := pgx.Connect(ctx, as(t, root, order.Name, order.Password)); err == nil {
		t.Error("it connects again")
	}
	var left int
	if err := admin.QueryRow(ctx, "SELECT count(*) FROM pg_roles WHERE rolname = $1", order.Name).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d roles are left, %v", left, err)
	}
}

func TestARoleIsWorthNothingAfterItsTimeAlsoWhenNobodyTakesItBack(t *testing.T) {
	root, _ := server(t)
	d := roles.Database{URL: root}
	order := broker.UserOrder{Name: "lh_over", Password: rand.Text(), Until: time.Now().Add(-time.Second)}
	if _, err := d.Issue(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	if _, err := pgx.Connect(t.Context(), as(t, root, order.Name, order.Password)); err == nil {
		t.Error("it connects after its time")
	}
}

func TestWhatADatabaseCannotDoIsSaidWithoutItsSecrets(t *testing.T) {
	d := roles.Database{URL: "postgres://boss:hunter2@127.0.0.1:1/x?connect_timeout=2", Members: []string{"reading"}}
	_, issue := d.Issue(t.Context(), broker.UserOrder{Name: "lh_x", Password: "pass-word", Until: time.Now()})
	for _, err := range []error{issue, d.Revoke(t.Context(), "lh_x")} {
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "pass-word") || strings.Contains(err.Error(), "boss") {
			t.Errorf("said: %v", err)
		}
	}
}

func TestARoleThatSomebodyHasGivenUpIsNotMadeAfterwards(t *testing.T) {
	root, admin := server(t)
	d := roles.Database{URL: root}
	tx, err := admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "LOCK TABLE pg_authid IN SHARE MODE"); err != nil { // nobody makes a role meanwhile
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := d.Issue(ctx, broker.UserOrder{Name: "lh_late", Password: rand.Text(), Until: time.Now().Add(time.Minute)}); err == nil {
		t.Fatal("a role was made past the lock")
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var others, left int
		if err := admin.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()), (SELECT count(*) FROM pg_roles WHERE rolname = 'lh_late')").Scan(&others, &left); err != nil {
			t.Fatal(err)
		}
		if left > 0 || others > 0 && time.Now().After(end) {
			t.Fatalf("%d roles were made after all; %d sessions are left", left, others)
		}
		if others == 0 {
			return
		}
	}
}
