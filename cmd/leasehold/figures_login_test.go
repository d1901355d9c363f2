//go:build figures

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"leasehold/broker"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
	"leasehold/web"
)

// person is who logs in.
type person struct {
	connection provision.ConnectionID
	samltest.Person
}

// known is the n-th of those who are about, at another browser.
func (v *town) known(n int) person {
	account := v.holder(v.inUse(n))
	return person{connectionID(v.tenantOf(account)), samltest.Person{
		Subject: subject(account), Email: v.email(account).String(), Name: fmt.Sprintf("Person %d", account), Groups: []string{"staff", "engineering", "all-hands"},
	}}
}

// stranger is somebody new at the tenant of the n-th of those who are about.
func (v *town) stranger(n int) person {
	p := v.known(n)
	p.Subject, p.Email = "new-"+p.Subject, "new."+p.Email
	return p
}

// homecoming is a login that the identity provider has answered, and the browser has not brought back yet.
type homecoming struct {
	base   string // of the connection at the gateway
	cookie string
	form   url.Values
}

// depart begins a login and has it answered.
func (v *town) depart(t *testing.T, door *http.Client, who person) homecoming {
	t.Helper()
	base := v.config().URL.String()
	response, err := door.Get(base + "/login?connection=" + string(who.connection))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	_, away, ok := strings.Cut(response.Header.Get("Refresh"), "url=")
	if !ok {
		t.Fatalf("no login at %s: %s", who.connection, response.Status)
	}
	cookie, _, _ := strings.Cut(response.Header.Get("Set-Cookie"), ";")
	form := v.idp.Respond(t, away, samltest.Answer{Person: who.Person, KeyInfo: v.idp.KeyInfo()})
	return homecoming{base + "/idp/" + string(who.connection), cookie, form}
}

// arrive posts the answer and comes back with the cookie, as browsers do. It ends with a session or the test.
func (h homecoming) arrive(t *testing.T, door *http.Client) {
	t.Helper()
	response, err := door.PostForm(h.base+"/acs", h.form)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	back, err := response.Request.URL.Parse(response.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodGet, back.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Cookie", h.cookie)
	if response, err = door.Do(request); err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK || !strings.Contains(strings.Join(response.Header["Set-Cookie"], "\n"), "__Host-lh=") {
		t.Fatalf("%s did not let in: %s", back, response.Status)
	}
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// door is how a browser gets to a process.
func (p *process) door() *http.Client {
	return &http.Client{CheckRedirect: stay, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, p.address)
		},
	}}
}

// within is a handler as a browser would see it, without a network.
type within struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (h within) RoundTrip(r *http.Request) (*http.Response, error) {
	in := httptest.NewRequest(r.Method, r.URL.String(), r.Body)
	in.Header, in.RemoteAddr = r.Header, "127.0.0.1:40000"
	out := httptest.NewRecorder()
	h.ServeHTTP(out, in)
	response := out.Result()
	response.Request = r
	return response, nil
}

// clocked is a ledger that notes what its commits of logins take.
type clocked struct {
	provision.Ledger
	effort effort
}

// Provision implements provision.Ledger.
func (c *clocked) Provision(ctx context.Context, r provision.Request, decide func(provision.State) provision.Decision) (provision.Decision, error) {
	before := soFar()
	defer func() { c.effort = c.effort.plus(soFar().minus(before)) }()
	return c.Ledger.Provision(ctx, r, decide)
}

// effort is time, and processor time of one thread.
type effort struct{ took, cpu time.Duration }

func (a effort) plus(b effort) effort  { return effort{a.took + b.took, a.cpu + b.cpu} }
func (a effort) minus(b effort) effort { return effort{a.took - b.took, a.cpu - b.cpu} }

func soFar() effort {
	var cpu unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &cpu) // every kernel has it
	return effort{time.Duration(time.Now().UnixNano()), time.Duration(cpu.Nano())}
}

// logins is how many are measured at once.
const logins = 200

// loginInProcess is a login from the post to the answer, and the share of its commit.
func (f *figures) loginInProcess(t *testing.T, v *town) {
	g := v.open()
	defer g.close()
	ledger := &clocked{Ledger: g.store}
	ports := g.broker.Ports
	ports.Ledger = ledger
	b, err := broker.New(context.Background(), ports)
	if err != nil {
		t.Fatal(err)
	}
	public, err := web.New(web.Config{URL: g.config.URL, Gate: b, TrustedProxies: g.config.TrustedProxies, Exempt: g.config.Limits.Exempt})
	if err != nil {
		t.Fatal(err)
	}
	door := &http.Client{CheckRedirect: stay, Transport: within{public}}
	var home []homecoming
	for n := range v.tenants + logins {
		home = append(home, v.depart(t, door, v.known(n)))
	}
	for _, h := range home[:v.tenants] { // makes the tenants' keys of the day
		h.arrive(t, door)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ledger.effort = effort{}
	before := soFar()
	for _, h := range home[v.tenants:] {
		h.arrive(t, door)
	}
	whole := soFar().minus(before)
	f.add("Login in process, from the post to the answer", fmt.Sprintf("%s, of it processor time %s", millis(whole.took/logins), millis(whole.cpu/logins)), "",
		fmt.Sprintf("%d logins of people who are known, a SAML response of 4 KB each (RSA-2048), every one committed and synced before the answer", logins))
	f.add("Login in process, share of the commit", fmt.Sprintf("%.0f %% of the time, %.0f %% of the processor time", 100*part(ledger.effort.took, whole.took), 100*part(ledger.effort.cpu, whole.cpu)), "",
		"in the ledger's transaction: reads, the decision, sealing, writes and the sync")
}

func part(a, b time.Duration) float64 { return float64(a) / float64(b) }
