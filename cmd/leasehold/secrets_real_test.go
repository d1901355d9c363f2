//go:build real

package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"leasehold/provision/postgres/postgrestest"
)

// TestABatchJobReadsADatabaseForAsLongAsItsLease is the fourth example: a role of PostgreSQL that exists only within the lease,
// and whose open connection dies with it.
func TestABatchJobReadsADatabaseForAsLongAsItsLease(t *testing.T) {
	root := postgrestest.Start(t, postgrestest.Options{NoSync: true}).Database(t, "")
	admin, err := pgx.Connect(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	for _, statement := range []string{"CREATE TABLE numbers AS SELECT 42 AS n", "CREATE ROLE reading", "GRANT SELECT ON numbers TO reading"} {
		if _, err := admin.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	users := func() (n int) {
		t.Helper()
		if err := admin.QueryRow(t.Context(), "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'lh\\_%'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	g := beginJobs(t, false)
	g.write("reports.url", root)
	g.write("secrets.yaml", "secrets:\n- {id: reports, tenant: acme, url_file: reports.url, member_of: [reading], roles: [engineer]}\n- {id: others, tenant: acme, url_file: reports.url, roles: [root]}\n")

	if status, got := g.post("secrets/reports", "", nil); status != http.StatusUnauthorized {
		t.Errorf("without a lease: %d %v", status, got)
	}
	_, got := g.exchange(g.token(nil), nil)
	handle, _ := got["access_token"].(string)
	if status, got := g.post("secrets/others", handle, nil); status/100 != 4 || got["password"] != nil {
		t.Errorf("without a role for it: %d %v", status, got)
	}
	status, got := g.post("secrets/reports", handle, nil)
	password, _ := got["password"].(string)
	user, _ := got["username"].(string)
	if status != http.StatusOK || password == "" || users() != 1 {
		t.Fatalf("the job got %d %v; the database knows %d", status, got, users())
	}
	address, err := url.Parse(root)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword(user, password)
	job, err := pgx.Connect(t.Context(), address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer job.Close(t.Context())
	var n int
	if err := job.QueryRow(t.Context(), "SELECT n FROM numbers").Scan(&n); err != nil || n != 42 {
		t.Fatalf("the job reads %d, %v", n, err)
	}

	if status, got := g.post("tasks/4242-1/end", handle, nil); status != http.StatusOK {
		t.Fatalf("the end of the task: %d %v", status, got)
	}
	ended := time.Now()
	if status, got := g.post("secrets/reports", handle, nil); status/100 != 4 || got["password"] != nil {
		t.Errorf("after the end: %d %v", status, got)
	}
	g.until("the job's connection to be gone", func() bool { return job.QueryRow(t.Context(), "SELECT n FROM numbers").Scan(&n) != nil })
	g.until("the role to be gone", func() bool { return users() == 0 })
	t.Logf("both were gone %s after the end", time.Since(ended).Round(time.Millisecond))
	g.until("the audit to say so", func() bool { return strings.Contains(strings.Join(g.audit(), "\n"), "credential revoked") })
	events, err := json.Marshal(g.events())
	if err != nil || strings.Contains(string(events), password) || !strings.Contains(string(events), user) {
		t.Errorf("the audit has the password, or not the user: %v", err)
	}
}
