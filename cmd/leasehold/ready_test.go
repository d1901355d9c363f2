package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"leasehold/cmd/leasehold/internal/peers"
	"leasehold/idp/saml/samltest"
	"leasehold/provision/sqlite"
)

// readyz is what a balancer is told.
func (p *place) readyz(t *testing.T) (int, string) {
	t.Helper()
	response, err := http.Get("http://127.0.0.1:" + p.ops + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// becomes waits until /readyz says something.
func (p *place) becomes(t *testing.T, status int, line string) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		got, text := p.readyz(t)
		if got == status && (text == line || line != "ready\n" && strings.Contains(text, "\n"+line)) {
			return
		}
		if time.Since(began) > peers.Patience {
			t.Fatalf("is %d %q, and should be %d with %q", got, text, status, line)
		}
	}
}

func TestReadyMeansThatEverythingIs(t *testing.T) {
	p := newPlace(t)
	if status, text := p.readyz(t); status != http.StatusOK || text != "ready\n" {
		t.Fatalf("at first %d %q", status, text)
	}
	key := p.gateway.config.MasterKeyFile
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	p.becomes(t, http.StatusOK, "warning: master key: the next start would fail: ")
	if err := os.Rename(key+".away", key); err != nil {
		t.Fatal(err)
	}
	manifest := filepath.Join(filepath.Dir(p.config), "tenants.d/acme.yaml")
	good, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	hup := func(text []byte, line string) {
		t.Helper()
		if err := os.WriteFile(manifest, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		p.becomes(t, http.StatusOK, line)
	}
	hup([]byte("tenants: 1\n"), "warning: manifests: were not applied again; what was registered stays: ")
	hup(good, "ready\n")
	if status, text := p.readyz(t); status != http.StatusOK || strings.Contains(text, "warning") {
		t.Errorf("at last %d %q", status, text)
	}
	p.gateway.written.note(nil)
	if p.gateway.written.at = time.Now().Add(-time.Minute); p.gateway.written.recently() == nil {
		t.Error("a ledger that was not written for a minute is as good as one that was")
	}
	p.gateway.store.Close()
	status, text := p.readyz(t)
	if status != http.StatusServiceUnavailable || !strings.Contains(text, "\nledger read: unavailable: ") {
		t.Errorf("without its ledger %d %q", status, text)
	}
	p.gateway.written.note(fmt.Errorf("disk gone"))
	if _, text := p.readyz(t); !strings.Contains(text, "\nledger written: disk gone\n") {
		t.Errorf("with a ledger that cannot be written %q", text)
	}
}

func TestAFullLedgerRefusesLoginsAndTakesRevocations(t *testing.T) {
	p := newPlace(t)
	in := make([]*visitor, 5)
	for n := range in {
		in[n] = p.mustLogIn(fmt.Sprint("in", n))
	}
	if err := p.gateway.store.(*sqlite.Store).Bound(t.Context(), 190); err != nil { // a little more than there are
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		who := fmt.Sprint("late", n)
		end, err := p.logIn(newVisitor(p.port), "acme-saml", samltest.Person{Subject: who, Email: who + "@acme.test", Name: who})
		if err != nil || n > 500 {
			t.Fatalf("login %d ends with %d at %s: %v", n, end.status, end.url, err)
		}
		if end.status == http.StatusServiceUnavailable {
			break
		}
	}
	if status, text := p.readyz(t); status != http.StatusServiceUnavailable || !strings.Contains(text, "\nledger room: ") {
		t.Errorf("readyz %d %q", status, text)
	}
	for n, v := range in {
		if !p.entered(v) {
			t.Fatalf("%d of those who are in is not let in any more", n)
		}
	}
	if said := p.says("tenant", "suspend", "acme", "--reason", "test"); !strings.Contains(said, "done") {
		t.Errorf("suspend says %q", said)
	}
	for n, v := range in {
		if p.entered(v) {
			t.Errorf("%d is let in after a revocation was acknowledged", n)
		}
	}
	if err := p.gateway.store.(*sqlite.Store).Bound(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if said := p.says("tenant", "resume", "acme", "--reason", "test"); !strings.Contains(said, "done") {
		t.Errorf("resume says %q", said)
	}
	p.mustLogIn("late")
}

func TestAStopIsSeenByWhoBalancesBeforeNobodyListens(t *testing.T) {
	p := newPlace(t)
	p.becomes(t, http.StatusOK, "ready\n")
	over, began := make(chan struct{}), time.Now()
	go func() { p.halt(); close(over) }()
	p.becomes(t, http.StatusServiceUnavailable, "stopping: ")
	p.mustLogIn("late") // who was sent here before the balancer knew
	<-over
	if took := time.Since(began); took < drainFor {
		t.Errorf("stopped after %s", took)
	}
}

func TestAStopThatNobodyLooksAtIsQuick(t *testing.T) {
	p := newPlace(t)
	began := time.Now()
	p.halt()
	if took := time.Since(began); took >= drainFor {
		t.Errorf("stopped after %s", took)
	}
}
