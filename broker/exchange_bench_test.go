package broker_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// BenchmarkExchange is one exchange, from the token to the lease that is on disk, of a job that was here before: at rest,
// and at half of what the ledger takes. It tells the 99th percentile.
func BenchmarkExchange(b *testing.B) {
	for name, busy := range map[string]bool{"at rest": false, "at half load": true} {
		b.Run(name, func(b *testing.B) {
			h := newWorkloadHouse(b)
			h.exchanged()
			var took []time.Duration
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				x := h.trade()
				if busy && len(took) > 0 {
					time.Sleep(took[len(took)-1])
				}
				began := time.Now()
				b.StartTimer()
				got, err := h.Exchange(context.Background(), x)
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				took = append(took, time.Since(began))
				if len(took)%50 == 0 { // a workload has a few leases at once, not thousands
					if err := h.GiveBack(context.Background(), "acme", got.Token, provision.Requester{}); err != nil {
						b.Fatal(err)
					}
					h.clock.pass(6 * time.Minute)
					if _, err := h.Reap(context.Background()); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-p50")
		})
	}
}

// BenchmarkCheckOfAWorkload is one allow by a handle, from memory, among few and among many live leases, each in its turn.
func BenchmarkCheckOfAWorkload(b *testing.B) {
	for _, live := range []int{100, 100_000} {
		b.Run(fmt.Sprint(live, " leases"), func(b *testing.B) {
			h := newWorkloadHouse(b)
			handles := h.many(live)
			ctx := context.Background()
			ask := broker.Ask{Origin: deployURL, Path: "/release", Method: http.MethodPost}
			for _, handle := range handles { // memory is filled
				ask.Handle = handle
				if v := h.Check(ctx, ask); !v.Allow {
					b.Fatal(v.Reason)
				}
			}
			runtime.GC() // of what filled it
			at := 0
			b.ReportAllocs()
			for b.Loop() {
				ask.Handle = handles[at%100*(live/100)]
				at++
				if v := h.Check(ctx, ask); !v.Allow {
					b.Fatal(v.Reason)
				}
			}
		})
	}
}

// many writes that many live leases like the one of an exchange, and returns their handles without the prefix.
func (h *house) many(n int) []string {
	h.t.Helper()
	like := h.exchanged().Lease
	handles := make([]string, 0, n)
	for len(handles) < n {
		var c provision.Change
		for range min(1000, n-len(handles)) {
			l := like
			l.ID = provision.NewLeaseID("acme", fmt.Sprintf("bench%021d", len(handles)))
			l.End = l.End.Add(time.Hour)
			c.Leases = append(c.Leases, l)
			c.Entries = append(c.Entries, provision.Entry{Lease: l.ID, App: "deploy-api", At: l.Start})
			handles = append(handles, strings.TrimPrefix(h.TokenAt(l.ID, "workload"), broker.HandlePrefix))
		}
		_, err := h.store.Amend(context.Background(), provision.Target{}, func(provision.State) (provision.Change, error) { return c, nil })
		if err != nil {
			h.t.Fatal(err)
		}
	}
	return handles
}

// BenchmarkEndOfATask is the end of a task with one lease, beside somebody who asks about the lease all the time: until the
// call returns, and until the last answer that let it in.
func BenchmarkEndOfATask(b *testing.B) {
	h := newWorkloadHouse(b)
	var returned, last []time.Duration
	for b.Loop() {
		b.StopTimer()
		task := fmt.Sprint("run-", len(returned))
		got := h.exchanged(func(x *broker.Trade) { x.Task = task })
		if v := h.reach(got.Token, deployURL, "/"); !v.Allow {
			b.Fatal(v.Reason)
		}
		allowed := make(chan time.Time)
		go func() {
			at := time.Time{}
			for h.reach(got.Token, deployURL, "/").Allow {
				at = time.Now()
				time.Sleep(50 * time.Microsecond)
			}
			allowed <- at
		}()
		time.Sleep(time.Millisecond)
		began := time.Now()
		b.StartTimer()
		if n, err := h.EndTask(context.Background(), "acme", task, got.Token, provision.Requester{}); n != 1 || err != nil {
			b.Fatal(n, err)
		}
		b.StopTimer()
		returned, last = append(returned, time.Since(began)), append(last, max(0, (<-allowed).Sub(began)))
		h.clock.pass(time.Second)
		b.StartTimer()
	}
	for name, took := range map[string][]time.Duration{"returned": returned, "last-allow": last} {
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99-"+name)
	}
}
