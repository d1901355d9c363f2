package web_test

import (
	"net/netip"
	"net/url"
	"testing"
	"time"

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
