package web_test

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/web"
)

func TestAnAddressMayBeginOnlySoManyLogins(t *testing.T) {
	form := url.Values{"email": {"ada@acme.test"}}
	for name, c := range map[string]struct {
		first, then string
		refused     bool
	}{
		"same address":         {"203.0.113.9", "203.0.113.9", true},
		"another address":      {"203.0.113.9", "203.0.113.10", false},
		"same /64":             {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
		"another /64":          {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		"exempt":               {"198.51.100.1", "198.51.100.1", false},
		"mapped":               {"203.0.113.9", "::ffff:203.0.113.9", true},
		"forged further left":  {"203.0.113.9", "10.0.0.1, 203.0.113.9", true},
		"unclear, like itself": {"127.0.0.1", "junk", true},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t)
			now := noon
			b := newBrowser(t, g, func(c *web.Config) {
				c.Attempts, c.Exempt, c.Now = web.Limit{N: 2, Per: time.Minute}, []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}, func() time.Time { return now }
			})
			for range 2 {
				wantStatus(t, b.post(sso+"/login", form, "X-Forwarded-For", c.first), 200)
			}
			want := 200
			if c.refused {
				want = 429
			}
			r := b.post(sso+"/login", form, "X-Forwarded-For", c.then)
			wantStatus(t, r, want)
			if c.refused && (r.Header.Get("Retry-After") == "" || len(g.wishes) != 2) {
				t.Errorf("%v, %d wishes", r.Header, len(g.wishes))
			}
			now = now.Add(time.Minute)
			wantStatus(t, b.post(sso+"/login", form, "X-Forwarded-For", c.then), 200)
		})
	}
}

// everybody is what all replicas together count: it leaves n, and tells nothing while it is away.
type everybody struct {
	left int
	keys []string
	away error
}

func (s *everybody) Allow(_ context.Context, key string, n int, per time.Duration) (bool, error) {
	s.keys = append(s.keys, fmt.Sprint(key, " ", n, " ", per))
	if s.away != nil {
		return false, s.away
	}
	s.left--
	return s.left >= 0, nil
}

func TestALimitIsThatOfAllReplicasTogetherAndOfOneWhenNobodyCanTell(t *testing.T) {
	form := url.Values{"email": {"ada@acme.test"}}
	shared := &everybody{left: 1}
	b := newBrowser(t, newGate(t), func(c *web.Config) {
		c.Attempts, c.Exempt, c.Now, c.Shared = web.Limit{N: 3, Per: time.Minute}, []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}, func() time.Time { return noon }, shared
	})
	begin := func(want int) {
		t.Helper()
		wantStatus(t, b.post(sso+"/login", form, "X-Forwarded-For", "2001:db8:1:2::1"), want)
	}
	begin(200)
	begin(429) // others used it up
	shared.away = provision.ErrUnavailable
	begin(200) // the third of three here, and nobody can tell
	begin(429)
	wantStatus(t, b.post(sso+"/login", form, "X-Forwarded-For", "198.51.100.1"), 200) // exempt
	want := "address/2001:db8:1:2::/64 3 1m0s"
	if !slices.Equal(shared.keys, []string{want, want, want}) { // what is refused here is not asked about
		t.Errorf("asked about %q", shared.keys)
	}
}
