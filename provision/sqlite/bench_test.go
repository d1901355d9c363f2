package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"leasehold/provision"
	"leasehold/provision/sqlite"
)

// population is how many accounts the benchmarks find, with a live lease for every tenth: LEDGER_ACCOUNTS, or 1,000.
func population(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("LEDGER_ACCOUNTS"))
	if err != nil {
		return 1000
	}
	return n
}

var began = time.Date(2031, 5, 1, 9, 0, 0, 0, time.UTC)

// populated is a ledger of n accounts in n/100 tenants, made anew unless LEDGER_DIR has one of that size.
func populated(b *testing.B, n int) *sqlite.Store {
	dir := os.Getenv("LEDGER_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	path := filepath.Join(dir, fmt.Sprintf("population-%d.db", n))
	_, missing := os.Stat(path)
	s := open(b, path, sqlite.Options{Now: func() time.Time { return began }})
	if missing != nil {
		for from := 0; from < n; from += 10000 {
			amend(b, s, people(from, min(from+10000, n)))
		}
	}
	return s
}

// spend reports the processor time of what is measured: on a machine that does other things too, it is the figure to
// compare.
func spend(b *testing.B) (stop func()) {
	used := func() time.Duration {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	return func() { b.ReportMetric(float64((used()-before).Nanoseconds())/float64(b.N), "cpu-ns/op") }
}

func amend(b *testing.B, s *sqlite.Store, c provision.Change) {
	_, err := s.Amend(b.Context(), provision.Target{}, func(provision.State) (provision.Change, error) { return c, nil })
	if err != nil {
		b.Fatal(err)
	}
}

func tenantOf(n int) string { return fmt.Sprintf("tenant-%05d", n/100) }
func addressOf(n int) string {
	return fmt.Sprintf("person-%07d@%s.example", n, tenantOf(n))
}
func leaseOf(n int) provision.LeaseID {
	return provision.NewLeaseID(provision.TenantID(tenantOf(n)), fmt.Sprintf("%026d", n))
}

// people are the accounts numbered from to to, and the tenants that begin there.
func people(from, to int) provision.Change {
	c := provision.Change{Installation: 1}
	for n := from; n < to; n++ {
		email, err := provision.ParseEmail(addressOf(n))
		if err != nil {
			panic(err)
		}
		id := provision.TenantID(tenantOf(n))
		if n%100 == 0 {
			c.Tenants = append(c.Tenants, provision.Tenant{ID: id, Name: "Tenant", Generation: 1, Policy: provision.Policy{Version: 1, Create: provision.CreateAllow}})
			c.Claims = append(c.Claims, provision.Claim{Tenant: id, Domain: email.Domain(), State: provision.ClaimVerified, Generation: 1})
			c.Connections = append(c.Connections, provision.Connection{ID: provision.ConnectionID(id), Tenant: id, Protocol: provision.OIDC, Domains: []provision.Domain{email.Domain()}, Generation: 1})
		}
		a := provision.Account{ID: provision.AccountID(fmt.Sprintf("acc_%026d", n)), Tenant: id, State: provision.Dormant, Email: email, Name: "Ada Lovelace", Groups: []string{"staff", "engineering"}, Created: began, Generation: 1, Key: make([]byte, 60)}
		if n%10 == 0 {
			a.State = provision.Active
			c.Leases = append(c.Leases, leaseFor(a, leaseOf(n)))
		}
		c.Accounts = append(c.Accounts, a)
		c.Links = append(c.Links, provision.Link{LinkKey: provision.LinkKey{Connection: provision.ConnectionID(id), Subject: fmt.Sprint(n)}, Pseudonym: fmt.Sprintf("%064d", n), Account: a.ID, Created: began})
	}
	return c
}

func leaseFor(a provision.Account, id provision.LeaseID) provision.Lease {
	return provision.Lease{
		ID: id, Kind: provision.SessionLease, Tenant: a.Tenant, Account: a.ID, Connection: provision.ConnectionID(a.Tenant), Domain: a.Email.Domain(),
		Grant: provision.Grant{Roles: []string{"reader"}}, Authn: provision.Authn{At: began, AMR: []string{"pwd", "otp"}}, Start: began, End: began.Add(8 * time.Hour),
		Ceiling: provision.CauseCeiling, Idle: 30 * time.Minute, Seen: began, Generations: provision.Generations{Installation: 1, Tenant: 1, Connection: 1, Domain: 1, Account: 1},
	}
}

// BenchmarkLogin is a known subject's login: state, account, lease, spent ids, decision and event, on disk.
func BenchmarkLogin(b *testing.B) {
	n := population(b)
	s := populated(b, n)
	run := time.Now().UnixNano()
	defer spend(b)()
	for i := 0; b.Loop(); i++ {
		login(b, s, (i*7919)%n, fmt.Sprintf("%d-%d", run, i))
	}
}

func login(b *testing.B, s *sqlite.Store, n int, unique string) {
	id := tenantOf(n)
	r := provision.Request{
		Occasion: provision.OnLogin, Pseudonym: fmt.Sprintf("%064d", n),
		Facts: provision.Facts{Connection: provision.ConnectionID(id), Subject: fmt.Sprint(n), Email: addressOf(n), EmailVerified: true},
		Spend: []provision.Spent{{Kind: "assertion", Scope: id, ID: unique, Until: began.Add(time.Hour)}, {Kind: "attempt", ID: unique, Until: began.Add(time.Hour)}},
	}
	d, err := s.Provision(b.Context(), r, func(now provision.State) provision.Decision {
		a := now.Account
		a.State, a.LastLogin = provision.Active, began
		lease := leaseFor(a, provision.NewLeaseID(a.Tenant, unique))
		return provision.Decision{Outcome: provision.Resumed, Lease: lease, Account: a, Change: provision.Change{
			Accounts: []provision.Account{a}, Leases: []provision.Lease{lease}, Spent: r.Spend,
			Decisions: []provision.DecisionRow{{ID: provision.DecisionID(unique), Tenant: a.Tenant, At: began, Inputs: make([]byte, 400)}},
			Events:    []provision.Event{{ID: provision.EventID(unique), Time: began, Tenant: a.Tenant, Kind: provision.EventLogin, Account: a.ID, Sealed: make([]byte, 200)}},
		}}
	})
	if err != nil || !d.Allowed() {
		b.Fatal(d.Outcome, err)
	}
}

// BenchmarkLease is what a check reads when memory does not know a lease.
func BenchmarkLease(b *testing.B) {
	n := population(b)
	s := populated(b, n)
	defer spend(b)()
	for i := 0; b.Loop(); i++ {
		if _, err := s.Lease(b.Context(), leaseOf((i*7919*10)%n)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDue is the reaper's question each second, when nothing is due.
func BenchmarkDue(b *testing.B) {
	s := populated(b, population(b))
	defer spend(b)()
	for b.Loop() {
		if due, err := s.Due(b.Context(), began, 500); err != nil || len(due) > 0 {
			b.Fatal(due, err)
		}
	}
}

// BenchmarkUsed is one batch of 500 uses.
func BenchmarkUsed(b *testing.B) {
	n := population(b)
	s := populated(b, n)
	var batch atomic.Int64
	at := time.Now().UnixNano() % int64(time.Hour)
	defer spend(b)()
	for b.Loop() {
		seen := map[provision.LeaseID]time.Time{}
		for i := range 500 {
			seen[leaseOf((i*10)%n)] = began.Add(time.Duration(at + batch.Add(1)))
		}
		if err := s.Used(context.Background(), seen); err != nil {
			b.Fatal(err)
		}
	}
}
