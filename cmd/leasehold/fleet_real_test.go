//go:build real || figures

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"leasehold/cmd/leasehold/internal/peers"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

// fleet is several gateways on one database, as an operator runs them, with an identity provider that says what tests
// want. Nobody stands in front: a test chooses the gateway that it talks to.
type fleet struct {
	t        *testing.T
	binary   string
	folder   string
	sso      string // origin of the SSO host
	wiki     string // origin of the app
	idp      *samltest.IdP
	gateways []*replicaProcess // that people and apps talk to
	all      []*replicaProcess
	busy     bool // apps ask as fast as they are answered
}

// berth is what a fleet stands on.
type berth struct {
	database func(n int) string // what the n-th gateway is told; "" would be SQLite
	redis    func(n int) string // nil: there is none

	sso, wiki string // origins behind a proxy; "": nobody stands in front
}

// replicaProcess is one gateway of a fleet.
type replicaProcess struct {
	fleet   *fleet
	n       int
	listen  string
	ops     string
	process *exec.Cmd
	log     lockedBuffer
}

func newFleet(t *testing.T, size int, on berth) *fleet {
	t.Helper()
	folder := t.TempDir()
	f := &fleet{t: t, folder: folder, binary: builtBinary(t), idp: samltest.New(t)}
	if f.sso, f.wiki = on.sso, on.wiki; f.sso == "" {
		port := fmt.Sprint(peers.Port(t)) // of the proxy that would stand in front
		f.sso, f.wiki = "http://sso.localhost:"+port, "http://wiki.localhost:"+port
	}
	f.write("idp.xml", string(f.idp.Metadata()))
	f.write("tenants.yaml", f.manifest())
	t.Cleanup(f.end)
	for range size {
		f.gateways = append(f.gateways, f.add(on))
	}
	return f
}

// add starts one more gateway, which nobody talks to yet.
func (f *fleet) add(on berth) *replicaProcess {
	f.t.Helper()
	g := &replicaProcess{fleet: f, n: len(f.all), listen: fmt.Sprintf("127.0.0.1:%d", peers.Port(f.t)), ops: fmt.Sprintf("127.0.0.1:%d", peers.Port(f.t))}
	f.all = append(f.all, g)
	g.configure(on)
	g.start()
	return g
}

// manifest is a tenant whose people may enter the wiki.
func (f *fleet) manifest() string {
	return `apps:
- {id: wiki, origins: ["` + f.wiki + `"], tenants: [acme]}
tenants:
- id: acme
  domains: [{name: acme.test, proof: operator}]
  connections:
  - {id: acme-saml, protocol: saml, metadata_file: idp.xml, domains: [acme.test], attributes: {email: mail, name: displayName, groups: groups}}
  policy: {create: allow}
`
}

func (f *fleet) write(name, text string) string {
	f.t.Helper()
	path := filepath.Join(f.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return path
}

func (f *fleet) end() {
	for _, g := range f.all {
		g.kill()
		if f.t.Failed() {
			f.t.Logf("gateway %d:\n%s", g.n, g.log.String())
		}
	}
}

func (g *replicaProcess) folder() string { return filepath.Join(g.fleet.folder, fmt.Sprint(g.n)) }

func (g *replicaProcess) configure(on berth) {
	config := fmt.Sprintf("url: %s\nlisten: %s\nops_listen: %s\ndata: data\nmaster_key_file: ../master.key\nmanifests: [../tenants.yaml]\noutbound: {allow_private: [127.0.0.0/8]}\ndatabase: %s\n",
		g.fleet.sso, g.listen, g.ops, on.database(g.n))
	if on.redis != nil {
		config += "redis: " + on.redis(g.n) + "\n"
	}
	g.fleet.write(fmt.Sprintf("%d/leasehold.yaml", g.n), config)
}

// start starts the gateway and waits until it says that it is ready.
func (g *replicaProcess) start() {
	t := g.fleet.t
	t.Helper()
	g.process = exec.Command(g.fleet.binary, "serve", "--config", filepath.Join(g.folder(), "leasehold.yaml"))
	g.process.Stderr = &g.log
	if err := g.process.Start(); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); !g.ready(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("gateway %d does not get ready:\n%s", g.n, g.log.String())
		}
	}
}

func (g *replicaProcess) ready() bool {
	response, err := http.Get("http://" + g.ops + "/readyz")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// kill ends the gateway at once: nothing is flushed, nothing is said.
func (g *replicaProcess) kill() {
	if g.process != nil {
		g.process.Process.Signal(syscall.SIGCONT)
		g.process.Process.Kill()
		g.process.Wait()
		g.process = nil
	}
}

// stop asks the gateway to stop, and waits until it has.
func (g *replicaProcess) stop() {
	g.process.Process.Signal(syscall.SIGTERM)
	g.process.Wait()
	g.process = nil
}

// browser is a person's, who talks to one gateway.
func (g *replicaProcess) browser() *http.Client {
	jar, _ := cookiejar.New(nil)
	return &http.Client{
		Jar: secureOnLoopback{jar}, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, g.listen)
		}},
	}
}

// logIn logs somebody in at the gateway, for the wiki, and returns the wiki's cookie.
func (g *replicaProcess) logIn(subject string) (cookie string, err error) {
	return g.fleet.logIn(g.browser(), subject)
}

// logIn logs somebody in, in a browser of her own.
func (f *fleet) logIn(browser *http.Client, subject string) (cookie string, err error) {
	to := f.wiki + "/_sso/start?rd=" + url.QueryEscape(f.wiki+"/")
	for range 12 {
		response, err := browser.Get(to)
		if err != nil {
			return "", err
		}
		response.Body.Close()
		for _, c := range response.Cookies() {
			if c.Name == "__Host-lh-app" {
				return c.Value, nil
			}
		}
		if response.StatusCode == http.StatusOK && response.Header.Get("Refresh") == "" { // the page that asks for an address
			to = f.sso + "/login?connection=acme-saml&" + response.Request.URL.RawQuery
			continue
		}
		if to, err = hop(response, nil); err != nil {
			return "", err
		}
		if strings.HasPrefix(to, f.idp.SSO) {
			form := f.idp.Answer(f.t, to, samltest.Person{Subject: subject, Email: subject + "@acme.test"})
			response, err := browser.PostForm(f.sso+"/idp/acme-saml/acs", form)
			if to, err = hop(response, err); err != nil {
				return "", err
			}
		}
	}
	return "", fmt.Errorf("%s never got to the wiki", subject)
}

// check asks the gateway, as a proxy does, whether a request with the wiki's cookie may go through.
func (g *replicaProcess) check(client *http.Client, cookie string) (int, error) {
	request, err := http.NewRequest("GET", "http://"+g.listen+"/_sso/check/nginx", nil)
	if err != nil {
		return 0, err
	}
	request.Header = http.Header{"X-Original-Url": {g.fleet.wiki + "/"}, "X-Original-Method": {"GET"}, "Cookie": {"__Host-lh-app=" + cookie}}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	response.Body.Close()
	return response.StatusCode, nil
}

// want wants a status of a check at each gateway named.
func (f *fleet) want(status int, cookie string, gateways ...*replicaProcess) {
	f.t.Helper()
	for _, g := range gateways {
		if got, err := g.check(http.DefaultClient, cookie); err != nil || got != status {
			f.t.Errorf("gateway %d says %d %v, want %d", g.n, got, err, status)
		}
	}
}

// admin asks the gateway's admin socket, as an operator does.
func (g *replicaProcess) admin(method, path string, body, into any) error {
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(g.folder(), "data", socketName))
	}}}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, "http://admin"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s", method, path, response.Status)
	}
	if into == nil || response.StatusCode == http.StatusNoContent {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// leaseOf is the lease that a cookie points at: what comes before its MAC.
func leaseOf(t *testing.T, cookie string) provision.LeaseID {
	t.Helper()
	value, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil || len(value) <= sha256.Size {
		t.Fatalf("no cookie of ours: %q", cookie)
	}
	return provision.LeaseID(value[:len(value)-sha256.Size])
}

// revoke revokes as an operator does at this gateway. When it returns, access has ended.
func (g *replicaProcess) revoke(order revokeOrder) (revoked, error) {
	order.Reason = "test"
	var done revoked
	q := order.question()
	return done, g.admin(q.method, q.path, q.order, &done)
}

// theBinary is the program, as it is shipped but for its version.
var theBinary = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "leasehold")
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "leasehold")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func builtBinary(t testing.TB) string {
	t.Helper()
	path, err := theBinary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// hop is where a response leads.
func hop(response *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	to := response.Header.Get("Location")
	if _, refresh, ok := strings.Cut(response.Header.Get("Refresh"), "url="); ok {
		to = refresh
	}
	next, err := response.Request.URL.Parse(to)
	if err != nil || to == "" {
		return "", fmt.Errorf("status %d leads nowhere", response.StatusCode)
	}
	return next.String(), nil
}

// lockedBuffer is what a process says, readable while it speaks.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String is everything that was said.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
