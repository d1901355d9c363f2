package broker_test

import (
	"context"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

type http500 = http.HandlerFunc

func broken(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }

func queryOf(t testing.TB, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// idIn is the ID of a message.
func idIn(t testing.TB, doc string) string {
	t.Helper()
	var root struct {
		ID string `xml:"ID,attr"`
	}
	if err := xml.Unmarshal([]byte(doc), &root); err != nil {
		t.Fatal(err)
	}
	return root.ID
}

const (
	every    = 5 * time.Minute
	maxStale = 15 * time.Minute
)

// lively has the OpenID provider asked, after withOIDC.
func lively(h *house) {
	h.oidc.Offline = true
	connections := h.wanted.Tenants[0].Connections
	connections[len(connections)-1].Connection.Liveness = provision.Liveness{Every: every, MaxStale: maxStale}
	h.wanted.Tenants[0].Tenant.Policy.Idle = 4 * time.Hour
}

// asks lets so much time pass, and does what Run does each second.
func (h *house) asks(d time.Duration) {
	h.t.Helper()
	h.clock.pass(d)
	if err := h.Ask(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

// livelyLogin is a session whose provider is asked, and its cookie at the wiki.
func (h *house) livelyLogin() (provision.LeaseID, string) {
	h.t.Helper()
	l, err := h.loginByOIDC("b", broker.Wish{})
	if err != nil {
		h.t.Fatal(err)
	}
	token := h.entered(l)
	h.wantAllow(token)
	return l.ID, token
}

// soon is later than the next question, however it is jittered.
const soon = every + every/10 + time.Second

func TestASessionThatItsProviderStandsByGoesOn(t *testing.T) {
	h := newHouse(t, withOIDC, lively)
	id, token := h.livelyLogin()
	h.asks(every / 2)
	if n := h.oidc.Fetches("/token"); n != 1 {
		t.Errorf("asked %d times before the time", n-1)
	}
	for n := range 5 {
		h.asks(soon)
		if asked := h.oidc.Fetches("/token") - 1; asked != n+1 {
			t.Errorf("asked %d times, want %d", asked, n+1)
		}
		l := h.lease(id)
		if !l.Vouched.Equal(h.store.Now()) || !l.Asks.After(l.Vouched.Add(every*8/10)) || l.Asks.After(l.Vouched.Add(every*12/10)) {
			t.Errorf("vouched for at %s, asked next at %s", l.Vouched, l.Asks)
		}
	}
	h.wantAllow(token)
	h.restart() // the token that is good now was written
	h.asks(soon)
	h.wantAllow(token)
	if n := h.oidc.Fetches("/token"); n != 7 {
		t.Errorf("asked %d times", n-1)
	}
}

func TestASessionThatItsProviderRefusesEnds(t *testing.T) {
	h := newHouse(t, withOIDC, lively)
	id, token := h.livelyLogin()
	other := h.entered(h.login(somebody(1)))
	h.oidc.Revoke()
	h.asks(soon)
	h.wantReason(token, provision.LeaseEnded)
	h.wantAllow(other)
	if l := h.lease(id); l.EndReason != provision.CauseUpstreamRefused || h.count(provision.EventLeaseEnded, "upstream_refused") != 1 || h.account(l.Account).State != provision.Dormant {
		t.Errorf("ended as %+v", l)
	}
}

func TestASessionWhoseProviderSpeaksOfSomebodyElseEnds(t *testing.T) {
	h := newHouse(t, withOIDC, lively)
	id, _ := h.livelyLogin()
	h.oidc.Tamper.Claims = func(claims map[string]any) { claims["sub"] = "somebody-else" }
	h.asks(soon)
	if l := h.lease(id); l.EndReason != provision.CauseUpstreamRefused {
		t.Errorf("ended as %+v", l)
	}
}

func TestASessionWhoseProviderIsSilentIsKeptForAWhile(t *testing.T) {
	h := newHouse(t, withOIDC, lively)
	id, token := h.livelyLogin()
	began := h.store.Now()
	h.oidc.Tamper.Handle = map[string]http500{"/token": broken}
	for h.store.Now().Sub(began) < maxStale-2*time.Minute {
		h.asks(time.Minute)
		h.wantAllow(token)
	}
	if n := h.oidc.Fetches("/token") - 1; n != 2 {
		t.Errorf("asked %d times in %s", n, h.store.Now().Sub(began))
	}
	h.oidc.Tamper.Handle = nil // back in time: nothing happened
	h.asks(2 * time.Minute)
	h.wantAllow(token)
	if l := h.lease(id); !l.Vouched.Equal(h.store.Now()) {
		t.Errorf("vouched for at %s", l.Vouched)
	}
	h.oidc.Tamper.Handle = map[string]http500{"/token": broken}
	began = h.store.Now()
	for h.store.Now().Sub(began) < maxStale {
		h.wantAllow(token)
		h.asks(time.Minute)
	}
	h.wantReason(token, provision.LeaseEnded)
	if l := h.lease(id); l.EndReason != provision.CauseUpstreamStale || h.count(provision.EventLeaseEnded, "upstream_stale") != 1 {
		t.Errorf("ended as %+v", l)
	}
}

func TestOfSeveralReplicasOneAsks(t *testing.T) {
	h := newHouse(t, withOIDC, lively)
	_, token := h.livelyLogin()
	var replicas []*broker.Broker
	ports := h.ports
	ports.Ledger = h.store
	for range 4 {
		b, err := broker.New(context.Background(), ports)
		if err != nil {
			t.Fatal(err)
		}
		replicas = append(replicas, b)
	}
	h.clock.pass(soon)
	var all sync.WaitGroup
	for _, b := range replicas {
		all.Go(func() { b.Ask(context.Background()) })
	}
	all.Wait()
	if n := h.oidc.Fetches("/token") - 1; n != 1 {
		t.Errorf("asked %d times", n)
	}
	h.wantAllow(token)
}

func TestATokenThatWasChangedUpstreamAndLostHereEndsTheSession(t *testing.T) {
	h := newHouse(t, withOIDC, lively)
	id, token := h.livelyLogin()
	h.ledger.ended = 0
	h.ledger.ends = func(n int) bool { return n == 0 } // the claim is written, what the provider said is not: a crash
	h.asks(soon)
	h.ledger.ends = nil
	h.restart()
	h.wantAllow(token)
	h.asks(30 * time.Second) // the claim of the one that crashed still holds
	if n := h.oidc.Fetches("/token") - 1; n != 1 {
		t.Errorf("asked %d times", n)
	}
	h.asks(time.Minute)
	h.wantReason(token, provision.LeaseEnded) // closed, not open
	if l := h.lease(id); l.EndReason != provision.CauseUpstreamRefused {
		t.Errorf("ended as %+v", l)
	}
}

func TestAProviderThatIsDownIsNotAskedAboutEveryone(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withOIDC, lively)
	const people = 200
	for n := range people {
		h.oidc.Claims["sub"], h.oidc.Claims["email"] = somebody(n).Get("sub"), somebody(n).Get("email")
		if _, err := h.loginByOIDC("b-"+somebody(n).Get("sub"), broker.Wish{}); err != nil {
			t.Fatal(err)
		}
	}
	h.oidc.Tamper.Handle = map[string]http500{"/token": broken}
	before := h.oidc.Fetches("/token")
	h.asks(soon)
	if n := h.oidc.Fetches("/token") - before; n == 0 || n > people*3/4 {
		t.Errorf("asked %d times about %d", n, people)
	}
	for range 15 {
		h.asks(time.Minute)
	}
	if n := h.count(provision.EventLeaseEnded, "upstream_stale"); n != people {
		t.Errorf("%d of %d ended", n, people)
	}
}

func TestTurnedOffNobodyIsAsked(t *testing.T) {
	h := newHouse(t, withOIDC, lively)
	_, token := h.livelyLogin()
	connections := h.wanted.Tenants[0].Connections
	connections[len(connections)-1].Connection.Liveness = provision.Liveness{}
	if done := h.register(h.wanted); !strings.Contains(strings.Join(done.Changes, "\n"), "liveness.every: 5m0s → (none)") {
		t.Errorf("changes %q", done.Changes)
	}
	h.asks(time.Hour)
	if n := h.oidc.Fetches("/token"); n != 1 {
		t.Errorf("asked %d times", n-1)
	}
	h.wantAllow(token)
}
