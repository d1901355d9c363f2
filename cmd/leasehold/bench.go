package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"leasehold/cmd/leasehold/internal/bench"
	"leasehold/provision"
)

type benchCommands struct {
	Check  benchCheck  `cmd:"" help:"Checks at a fixed rate."`
	Login  benchLogin  `cmd:"" help:"Logins at a fixed rate, through an OpenID provider that this command brings along."`
	Revoke benchRevoke `cmd:"" help:"How long a revoked lease is still let in. Fails when a check that was sent after the revocation returned was."`
}

// loading is a load that is open: it does not wait for answers.
type loading struct {
	Rate     float64       `help:"A second." default:"1000"`
	Duration time.Duration `help:"For how long." default:"10s"`
	Lanes    int           `help:"How many may be under way at once." default:"64"`
}

// Validate implements kong's Validatable.
func (l loading) Validate() error {
	if l.Rate <= 0 || l.Duration <= 0 || l.Lanes <= 0 {
		return errors.New("--rate, --duration and --lanes are more than nothing")
	}
	return nil
}

func (l loading) plan() bench.Plan {
	return bench.Plan{Rate: l.Rate, Duration: l.Duration, Lanes: l.Lanes}
}

// aimed is what is measured: a gateway of its own, unless targets are named.
type aimed struct {
	Targets []string `help:"Gateways, or proxies that pass their checks on; with --cookies and --page. None: a gateway of its own." placeholder:"http://HOST:PORT"`
	Cookies string   `help:"File of values of the session cookie __Host-lh-app, a line each." placeholder:"FILE"`
	Page    string   `help:"A page of the app that the cookies are of." placeholder:"URL"`
}

// field is what a load is aimed at.
type field struct {
	targets []string
	page    string
	cookies []string
	own     *throwaway // nil: it is the operator's
}

// open finds the gateways, and gets sessions: from the file, or by so many logins.
func (a aimed) open(s *surroundings, sessions int) (*field, error) {
	if len(a.Targets) > 0 {
		if a.Cookies == "" || a.Page == "" {
			return nil, usageError{errors.New("with --targets, say --cookies and --page: there is no session but by a login")}
		}
		cookies, err := lines(a.Cookies)
		return &field{a.Targets, a.Page, cookies, nil}, err
	}
	own, err := newThrowaway(s.ctx, s.environ)
	if err != nil {
		return nil, err
	}
	f := &field{[]string{own.url}, own.app + "/", nil, own}
	for range sessions {
		cookie, err := own.logIn(s.ctx, "alice")
		if err != nil {
			return nil, errors.Join(err, f.close())
		}
		f.cookies = append(f.cookies, cookie)
	}
	return f, nil
}

func (f *field) close() error {
	if f.own == nil {
		return nil
	}
	return f.own.stop()
}

// cpu is what the gateway's process has used, 0 of one that is not ours.
func (f *field) cpu() time.Duration {
	if f.own == nil {
		return 0
	}
	return f.own.cpu()
}

func lines(path string) (all []string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for in := bufio.NewScanner(file); in.Scan(); {
		if line := strings.TrimSpace(in.Text()); line != "" {
			all = append(all, line)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no cookie in %s", path)
	}
	return all, nil
}

// benched is what is printed of a load. Times are in microseconds, from when a request was meant to be sent.
type benched struct {
	Name     string   `json:"name"`
	Targets  []string `json:"targets"`
	Rate     float64  `json:"rate"`
	Achieved float64  `json:"achieved"`
	Sent     uint64   `json:"sent"`
	Failed   uint64   `json:"failed"`
	Late     uint64   `json:"late"` // sent more than a millisecond after they were meant to be
	P50      float64  `json:"p50_us"`
	P99      float64  `json:"p99_us"`
	Max      float64  `json:"max_us"`
	CPU      float64  `json:"cpu_us_each,omitempty"` // of the gateway's process, when it is this command's own
	Failure  string   `json:"failure,omitempty"`     // the first
}

func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

func measure(name string, f *field, l loading, r bench.Result, cpu time.Duration) benched {
	m := benched{
		Name: name, Targets: f.targets, Rate: l.Rate, Achieved: r.Achieved(), Sent: r.Sent, Failed: r.Failed, Late: r.Late,
		P50: us(r.Times.Quantile(0.5)), P99: us(r.Times.Quantile(0.99)), Max: us(r.Times.Max()), CPU: us(cpu) / float64(max(1, r.Sent)),
	}
	if r.Err != nil {
		m.Failure = r.Err.Error()
	}
	return m
}

// print prints it, and fails when nothing was measured.
func (m benched) print(s *surroundings) error {
	var err error
	if s.json {
		err = s.printJSON(m)
	} else {
		fmt.Fprintf(s.stdout, "%s  at %.0f/s: achieved %.1f/s, %d sent, %d failed, %d late\n", m.Name, m.Rate, m.Achieved, m.Sent, m.Failed, m.Late)
		fmt.Fprintf(s.stdout, "time  p50 %.0f µs, p99 %.0f µs, max %.0f µs, each from when it was meant to be sent\n", m.P50, m.P99, m.Max)
		if m.CPU > 0 {
			fmt.Fprintf(s.stdout, "cpu  %.1f µs each, of the gateway's process\n", m.CPU)
		}
	}
	if m.Failed > 0 || m.Sent == 0 {
		return errors.Join(err, fmt.Errorf("%d of %d failed: %s", m.Failed, m.Sent, m.Failure))
	}
	return err
}

type benchCheck struct {
	aimed
	loading
	Sessions int `help:"Of a gateway of its own: how many sessions are asked about." default:"20"`
}

// Run measures checks.
func (c benchCheck) Run(s *surroundings) (err error) {
	f, err := c.open(s, c.Sessions)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	fmt.Fprintf(s.stderr, "checks of %d sessions at %s for %s\n", len(f.cookies), strings.Join(f.targets, ", "), c.Duration)
	before := f.cpu()
	result, err := f.checks(s.ctx, c.plan())
	if err != nil {
		return err
	}
	return measure("check", f, c.loading, result, f.cpu()-before).print(s)
}

// checks sends checks of all sessions to all targets, by turns. Whatever is not let in has failed.
func (f *field) checks(ctx context.Context, p bench.Plan) (bench.Result, error) {
	lanes := make([]*bench.Lane, p.Lanes)
	for i := range lanes {
		var err error
		if lanes[i], err = bench.NewLane(f.targets[i%len(f.targets)]); err != nil {
			return bench.Result{}, err
		}
		defer lanes[i].Close()
	}
	var requests [][]byte
	for _, cookie := range f.cookies {
		requests = append(requests, bench.Check(f.page, cookie))
	}
	return p.Run(ctx, func(lane, n int) error {
		status, err := lanes[lane].Ask(requests[n%len(requests)])
		if err == nil && status != 200 {
			err = fmt.Errorf("status %d", status)
		}
		return err
	}), nil
}

type benchLogin struct {
	Rate     float64       `help:"A second." default:"20"`
	Duration time.Duration `help:"For how long." default:"10s"`
	Lanes    int           `help:"How many may be under way at once." default:"64"`
}

// Run measures logins, each from a browser of its own, from the first page to the app's cookie.
func (c benchLogin) Run(s *surroundings) (err error) {
	l := loading(c)
	if err := l.Validate(); err != nil {
		return usageError{err}
	}
	f, err := aimed{}.open(s, 1) // so that everything that is made once has been
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	fmt.Fprintf(s.stderr, "logins at %s for %s\n", f.targets[0], c.Duration)
	before := f.cpu()
	result := l.plan().Run(s.ctx, func(_, n int) error {
		_, err := f.own.logIn(s.ctx, []string{"alice", "bob", "carol"}[n%3])
		return err
	})
	return measure("login", f, l, result, f.cpu()-before).print(s)
}

// pointsAt is the lease that a session cookie points at: base64url(lease id || MAC).
func pointsAt(cookie string) (provision.LeaseID, error) {
	text, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil || len(text) <= sha256.Size {
		return "", fmt.Errorf("%.8s… is no session cookie", cookie)
	}
	return provision.LeaseID(text[:len(text)-sha256.Size]), nil
}
