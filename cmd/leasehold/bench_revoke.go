package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"leasehold/cmd/leasehold/internal/bench"
)

type benchRevoke struct {
	aimed
	Rate    float64       `help:"Checks of other sessions a second, meanwhile; 0: none." default:"0"`
	Revokes int           `help:"Of a gateway of its own: how many leases are revoked, one after the other." default:"50"`
	Lanes   int           `help:"Checks of the revoked lease that are under way at once, at each target." default:"2"`
	After   time.Duration `help:"How long each lease is watched after its revocation returned." default:"200ms"`
}

// revokedSeen is what is printed. Times are in microseconds, from the call of a revocation.
type revokedSeen struct {
	Name      string    `json:"name"`
	Targets   []string  `json:"targets"`
	Revokes   int       `json:"revokes"`
	Returned  spreading `json:"returned_us"`   // until the call returned
	LastAllow spreading `json:"last_allow_us"` // until the last answer that let the lease in
	Checks    int       `json:"checks"`        // of revoked leases
	Forbidden int       `json:"allowed_after_return"`
	Failed    int       `json:"failed"`
	Load      benched   `json:"load,omitzero"`
}

// spreading is how times are spread.
type spreading struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func spreadOf(h *bench.Histogram) spreading {
	return spreading{us(h.Quantile(0.5)), us(h.Quantile(0.99)), us(h.Max())}
}

// Run revokes one lease after the other, by the admin socket, and watches each at every target.
func (c benchRevoke) Run(s *surroundings) (err error) {
	if c.Revokes <= 0 || c.Lanes <= 0 || c.After <= 0 {
		return usageError{errors.New("--revokes, --lanes and --after are more than nothing")}
	}
	f, err := c.open(s, c.Revokes+1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if len(f.cookies) < 2 {
		return usageError{errors.New("two cookies at least: the first session is the load's, and is not revoked")}
	}
	if f.own != nil {
		s = &surroundings{ctx: s.ctx, stdout: s.stdout, stderr: s.stderr, config: f.own.config, json: s.json}
	}
	a, err := s.admin()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stderr, "revoking %d leases, each watched at %s\n", len(f.cookies)-1, strings.Join(f.targets, ", "))
	done, err := c.revokeAll(s.ctx, f, a)
	if err != nil {
		return err
	}
	return done.print(s)
}

func (c benchRevoke) revokeAll(ctx context.Context, f *field, a admin) (revokedSeen, error) {
	done := revokedSeen{Name: "revoke", Targets: f.targets}
	loaded, stop := context.WithCancel(ctx)
	defer stop()
	load := make(chan benched, 1)
	go func() { load <- c.load(loaded, f) }()
	var returned, last bench.Histogram
	for _, cookie := range f.cookies[1:] {
		lease, err := pointsAt(cookie)
		if err != nil {
			return done, err
		}
		w := bench.Watch{Targets: f.targets, Lanes: c.Lanes, Request: bench.Check(f.page, cookie), After: c.After}
		saw, err := w.Run(ctx, func(context.Context) error {
			return a.ask(revokeOrder{Lease: lease, Reason: "bench"}.question(), nil)
		})
		if err != nil {
			return done, fmt.Errorf("lease %s: %w", lease, err)
		}
		done.Revokes++
		done.Checks, done.Forbidden, done.Failed = done.Checks+saw.Checks, done.Forbidden+saw.Forbidden, done.Failed+saw.Failed
		returned.Add(saw.Returned)
		last.Add(saw.LastAllow)
	}
	stop()
	done.Load, done.Returned, done.LastAllow = <-load, spreadOf(&returned), spreadOf(&last)
	return done, nil
}

// load sends checks of the first session, which is not revoked, until ctx is over.
func (c benchRevoke) load(ctx context.Context, f *field) benched {
	if c.Rate <= 0 {
		return benched{}
	}
	one := &field{f.targets, f.page, f.cookies[:1], f.own}
	l := loading{c.Rate, 24 * time.Hour, 64}
	before := one.cpu()
	result, err := one.checks(ctx, l.plan())
	if err != nil {
		result.Err = err
	}
	return measure("check", one, l, result, one.cpu()-before)
}

// print prints it, and fails when a check that was sent after a revocation had returned was let in.
func (r revokedSeen) print(s *surroundings) error {
	var err error
	if s.json {
		err = s.printJSON(r)
	} else {
		fmt.Fprintf(s.stdout, "revoke  %d leases, %d checks of them at %d targets, %d failed\n", r.Revokes, r.Checks, len(r.Targets), r.Failed)
		fmt.Fprintf(s.stdout, "returned  p50 %.0f µs, p99 %.0f µs, max %.0f µs after the call\n", r.Returned.P50, r.Returned.P99, r.Returned.Max)
		fmt.Fprintf(s.stdout, "last allow  p50 %.0f µs, p99 %.0f µs, max %.0f µs after the call\n", r.LastAllow.P50, r.LastAllow.P99, r.LastAllow.Max)
		fmt.Fprintf(s.stdout, "allowed although sent after the revocation had returned: %d\n", r.Forbidden)
	}
	if r.Forbidden > 0 {
		return errors.Join(err, fmt.Errorf("%d checks that were sent after the revocation had returned were let in", r.Forbidden))
	}
	return err
}
