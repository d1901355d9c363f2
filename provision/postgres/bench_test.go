//go:build real

package postgres_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/provision/postgres"
	"leasehold/provision/postgres/postgrestest"
)

// durable is a store on a server of its own that keeps what it acknowledges, with n accounts, a hundred a tenant.
func durable(b *testing.B, n int) *postgres.Store {
	own := postgrestest.Start(b, postgrestest.Options{Set: []string{"shared_buffers=256MB"}})
	s := open(b, own.Database(b, ""), postgres.Options{Connections: 16})
	for from := 0; from < n; from += 2000 {
		amend(b, s, people(from, min(from+2000, n)))
	}
	if err := s.Tell(b.Context(), "VACUUM ANALYZE"); err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkLogin is a known subject's login: state, account, lease, spent ids, decision and event, on disk. So many
// clients at once log people of different tenants in.
func BenchmarkLogin(b *testing.B) {
	const accounts = 10000
	s := durable(b, accounts)
	var unique atomic.Int64
	for _, clients := range []int{1, 2, 4, 8} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			var group sync.WaitGroup
			var next atomic.Int64
			for client := range clients {
				group.Go(func() {
					for next.Add(1) <= int64(b.N) {
						n := unique.Add(1)
						who := (int(n)%(accounts/100/clients)*clients+client)*100 + int(n*37%100)
						if d, err := login(b, s, who, fmt.Sprint("b", n)); err != nil || !d.Allowed() {
							b.Error(d.Outcome, err)
							return
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
		})
	}
}

// BenchmarkLease is what a check reads when memory does not know a lease.
func BenchmarkLease(b *testing.B) {
	s := durable(b, 1000)
	for i := 0; b.Loop(); i++ {
		if _, err := s.Lease(b.Context(), leaseOf((i*7919*10)%1000)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEnd is one batch of the reaper: 500 leases of different accounts, in one commit.
func BenchmarkEnd(b *testing.B) {
	const batch = 500
	s := durable(b, 10*batch)
	var ids []provision.LeaseID
	for n := range batch {
		ids = append(ids, leaseOf(n*10))
	}
	for i := 0; b.Loop(); i++ {
		err := s.End(b.Context(), ids, func(id provision.LeaseID, now provision.State) provision.Change {
			l, a := now.Former.Lease, now.Former.Account
			l.EndedAt, a.State = began, provision.Dormant
			event := provision.Event{ID: provision.EventID(fmt.Sprint(id, i)), Kind: provision.EventLeaseEnded, Sealed: make([]byte, 100)}
			return provision.Change{Leases: []provision.Lease{l}, Accounts: []provision.Account{a}, Events: []provision.Event{event, event}}
		})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Tell(b.Context(), "UPDATE leases SET ended = false, body = replace(body, $1, $2)", `"EndedAt":"`+began.Format(time.RFC3339), `"EndedAt":"0001-01-01T00:00:00Z`); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(batch*float64(b.N)/b.Elapsed().Seconds(), "ends/s")
}
