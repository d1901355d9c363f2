package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"leasehold/cmd/leasehold/internal/demo"
)

// throwaway is a gateway in a process of its own, in a temporary folder, with an OpenID provider beside it in this one:
// what is measured when no gateway is named. Sessions are those of real logins; there is no other way to one.
type throwaway struct {
	folder, config string
	sso, app, url  string // url: of the listener
	process        *exec.Cmd
	over           chan error // what became of it
	provider       *http.Server
	roam           *http.Transport // of browsers: *.localhost is here (RFC 6761, 6.3)
}

const throwawayConfig = `url: %s
listen: 127.0.0.1:%s
ops_listen: 127.0.0.1:%s
data: data
log: {level: warn}
outbound: {allow_private: [127.0.0.0/8, "::1/128"]}
limits: {attempts: 100000000/m, tenant: 100000000/m}
manifests: [bench.yaml]
`

const throwawayManifest = `apps:
- {id: bench, origins: ["%s"], tenants: [bench]}
tenants:
- id: bench
  name: Bench
  domains: [{name: %s, proof: operator}]
  connections:
  - {id: bench, protocol: oidc, issuer: "%s", client_id: bench, client_secret_file: secret.txt, domains: [%s]}
  policy: {create: allow}
`

// newThrowaway starts one, and returns when it is ready.
func newThrowaway(ctx context.Context, environ []string) (t *throwaway, err error) {
	t = &throwaway{roam: &http.Transport{MaxIdleConnsPerHost: 256, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, _ := net.SplitHostPort(address)
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	}}}
	if t.folder, err = os.MkdirTemp(shortTemp(), "lh-bench-"); err != nil {
		return nil, err
	}
	if err := t.start(ctx, environ); err != nil {
		said, _ := os.ReadFile(filepath.Join(t.folder, "log"))
		return nil, errors.Join(fmt.Errorf("the gateway that is to be measured: %w: %s", err, said), t.stop())
	}
	return t, nil
}

func (t *throwaway) start(ctx context.Context, environ []string) error {
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, providerPort, _ := net.SplitHostPort(l.Addr().String())
	issuer := "http://oidc.localhost:" + providerPort
	t.sso, t.app, t.url = "http://sso.localhost:"+ports[0], "http://app.localhost:"+ports[0], "http://127.0.0.1:"+ports[0]
	secret := rand.Text()
	op, err := demo.NewOIDC(issuer, "bench", secret, t.sso+"/idp/bench/callback")
	if err != nil {
		return errors.Join(err, l.Close())
	}
	t.provider = server(op, slog.New(slog.DiscardHandler))
	go t.provider.Serve(l)
	t.config = filepath.Join(t.folder, "leasehold.yaml")
	for name, text := range map[string]string{
		"leasehold.yaml": fmt.Sprintf(throwawayConfig, t.sso, ports[0], ports[1]), "secret.txt": secret,
		"bench.yaml": fmt.Sprintf(throwawayManifest, t.app, demo.Domain, issuer, demo.Domain),
	} {
		if err := os.WriteFile(filepath.Join(t.folder, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return t.launch(ctx, environ, "http://127.0.0.1:"+ports[1]+"/livez")
}

// shortTemp is a folder for temporary folders in which a socket's path has room.
func shortTemp() string {
	if folder := os.TempDir(); len(folder) < maxSocketPath/2 {
		return folder
	}
	return "/tmp"
}

// launch starts this program as the gateway.
func (t *throwaway) launch(ctx context.Context, environ []string, probe string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(t.folder, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	process := exec.Command(program, "serve", "--config", t.config)
	process.Stdout, process.Stderr = log, log
	process.Env = slices.DeleteFunc(slices.Clone(environ), func(v string) bool { return strings.HasPrefix(v, "LEASEHOLD_") })
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true} // it is ours to stop, also at Ctrl-C
	if err := process.Start(); err != nil {
		return err
	}
	t.process, t.over = process, make(chan error, 1)
	go func() { t.over <- process.Wait() }()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if response, err := http.Get(probe); err == nil {
			response.Body.Close()
			return nil
		}
		select {
		case err := <-t.over:
			t.process = nil
			return fmt.Errorf("does not start: %w", err)
		default:
		}
		if time.Since(began) > 20*time.Second || ctx.Err() != nil {
			return errors.Join(errors.New("does not start"), ctx.Err())
		}
	}
}

// freePorts are ports that nobody listens on.
func freePorts(n int) ([]string, error) {
	var ports []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all of them at the end, so that none is named twice
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ports = append(ports, port)
	}
	return ports, nil
}

func (t *throwaway) stop() (err error) {
	if t.process != nil {
		err = errors.Join(t.process.Process.Signal(syscall.SIGTERM), <-t.over)
	}
	if t.provider != nil {
		err = errors.Join(err, t.provider.Close())
	}
	return errors.Join(err, os.RemoveAll(t.folder))
}

// logIn logs somebody in from a browser of her own, and returns the app's cookie.
func (t *throwaway) logIn(ctx context.Context, login string) (string, error) {
	jar, _ := cookiejar.New(nil) // never fails without options
	v := &visitor{http.Client{Jar: secureOnLoopback{jar}, Timeout: 30 * time.Second, Transport: t.roam}}
	p, err := v.get(ctx, t.sso+"/login?connection=bench&rd="+url.QueryEscape(t.app+"/"))
	if err != nil {
		return "", err
	}
	action, form, err := p.form("password")
	if err != nil {
		return "", err
	}
	form.Set("login", login)
	form.Set("password", "demo")
	if p, err = v.post(ctx, action, form); err != nil {
		return "", err
	}
	app, err := url.Parse(t.app)
	if err != nil {
		return "", err
	}
	for _, c := range v.http.Jar.Cookies(app) {
		if c.Name == "__Host-lh-app" {
			return c.Value, nil
		}
	}
	return "", fmt.Errorf("the login ends at %s with status %d", p.url, p.status)
}

// cpu is what the gateway's process has used of processors (proc(5): fields 14 and 15 of stat, in hundredths of a second).
func (t *throwaway) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", t.process.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:])) // the third is the first
	var ticks int64
	for _, field := range fields[11:13] {
		n, _ := strconv.ParseInt(field, 10, 64) // the kernel writes numbers
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
