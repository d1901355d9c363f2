//go:build real

package peers_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"leasehold/cmd/leasehold/internal/peers"
)

// resolver is Go's own, asking s.
func resolver(s *peers.DNSServer) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Addr)
	}}
}

func TestTheNameServerSaysWhatItWasTold(t *testing.T) {
	s := peers.DNS(t)
	long := strings.Repeat("l", 700) // more than a string, and than a packet
	s.Set("_leasehold.acme.test", peers.Records{TXT: []string{"leasehold-proof=abc", long}})
	s.Set("broken.test", peers.Records{Rcode: dns.RcodeServerFailure})
	s.Set("silent.test", peers.Records{Silent: true})
	s.Set("*.wild.test", peers.Records{TXT: []string{"same for all"}})
	s.Set("own.wild.test", peers.Records{})

	for name, want := range map[string][]string{
		"_Leasehold.ACME.test.": {"leasehold-proof=abc", long},
		"a.b.wild.test.":        {"same for all"},
	} {
		got, err := resolver(s).LookupTXT(t.Context(), name)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, notFound := range map[string]bool{"unknown.test.": true, "own.wild.test.": true, "broken.test.": false, "silent.test.": false} {
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		_, err := resolver(s).LookupTXT(ctx, name)
		stop()
		if failure, ok := err.(*net.DNSError); !ok || failure.IsNotFound != notFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.Unset("_leasehold.acme.test")
	if got, err := resolver(s).LookupTXT(t.Context(), "_leasehold.acme.test."); err == nil {
		t.Errorf("unset, it says %q", got)
	}
	if s.Asked("_leasehold.acme.test") < 2 {
		t.Error("nobody asked")
	}
}
