package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"leasehold/broker"
	"leasehold/cmd/leasehold/internal/demo"
	"leasehold/config"
	"leasehold/provision"
)

// demoCommand runs everything that a company would have around the gateway, in one process and on one port.
type demoCommand struct {
	Check  bool   `help:"Play the whole story, a line a step, and exit 0 or 1."`
	Listen string `help:"The one port." default:"127.0.0.1:8080" placeholder:"ADDR"`
	App    string `help:"Put this app behind the gateway instead of the demo's." placeholder:"URL"`
}

// stage is a running demo.
type stage struct {
	gateway *gateway
	saml    *demo.SAML
	oidc    *demo.OIDC
	dns     *demo.DNS
	app     http.Handler
	port    string
	folder  string
}

// Run runs the demo until it is stopped, or until its story is played.
func (c demoCommand) Run(s *surroundings) error {
	if c.Check && c.App != "" {
		return usageError{errors.New("--check plays in the demo's own app; leave --app out")}
	}
	address := c.Listen
	if c.Check && address == "127.0.0.1:8080" {
		address = "127.0.0.1:0" // nobody looks
	}
	l, err := net.Listen("tcp", address)
	if errors.Is(err, unix.EADDRINUSE) {
		return fmt.Errorf("%s is taken by another process; any free port will do: --listen 127.0.0.1:0", address)
	}
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer l.Close()
	folder, err := os.MkdirTemp("", "leasehold-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	st, err := newStage(ctx, folder, l.Addr(), c.App, s.environ)
	if err != nil {
		return err
	}
	defer st.close()
	tasks := st.gateway.background(ctx)
	defer tasks.Wait()
	defer stop()
	front := server(st, st.gateway.log)
	go front.Serve(l)
	defer front.Close()
	if err := st.prove(ctx); err != nil {
		return err
	}
	if c.Check {
		return st.play(ctx, s)
	}
	st.welcome(s.stdout)
	<-ctx.Done()
	fmt.Fprintln(s.stdout, "\nEnded. Nothing is left behind.")
	return nil
}

// newStage sets everything up; only the front does not listen yet.
func newStage(ctx context.Context, folder string, at net.Addr, app string, environ []string) (st *stage, err error) {
	_, port, err := net.SplitHostPort(at.String())
	if err != nil {
		return nil, err
	}
	st = &stage{port: port, folder: folder, app: demo.App{}}
	half := st
	defer func() {
		if err != nil {
			half.close()
		}
	}()
	if app != "" {
		target, err := url.Parse(app)
		if err != nil || target.Host == "" {
			return nil, usageError{fmt.Errorf("--app %s: is no URL such as http://127.0.0.1:3000", app)}
		}
		st.app = &httputil.ReverseProxy{
			Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target); p.SetXForwarded() },
			ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
				http.Error(w, fmt.Sprintf("Leasehold let you in, but your app does not answer at %s: %v", target, err), http.StatusBadGateway)
			},
		}
	}
	if st.dns, err = demo.NewDNS(); err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	if st.saml, err = demo.NewSAML(st.url("saml"), log); err != nil {
		return nil, err
	}
	sso, err := provision.ParseOrigin(st.url("sso"))
	if err != nil {
		return nil, err
	}
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	st.gateway, err = openGateway(ctx, config.Config{
		URL: sso, Data: folder, MasterKeyFile: folder + "/master.key", Database: "sqlite", Cache: true, TrustedProxies: loopback,
		DNS: config.DNS{Resolver: st.dns.Addr}, Outbound: config.Outbound{AllowPrivate: loopback},
		Proof:  config.Proof{Every: 24 * time.Hour, Grace: 72 * time.Hour},
		Limits: config.Limits{Attempts: config.Rate{Count: 600, Per: time.Minute}, Exempt: loopback},
	}, environ, log)
	if err != nil {
		return nil, err
	}
	return st, st.register(ctx)
}

// register registers the demo's tenant as a manifest would.
func (st *stage) register(ctx context.Context) error {
	secret := rand.Text()
	var err error
	if st.oidc, err = demo.NewOIDC(st.url("oidc"), "leasehold", secret, addresses{st.gateway.config.URL}.callback("acme-oidc")); err != nil {
		return err
	}
	w, err := st.wanted(secret)
	if err != nil {
		return err
	}
	deed := broker.Deed{Actor: provision.Actor{Kind: provision.System, Via: "demo"}}
	if _, err := st.gateway.broker.Register(ctx, deed, w, broker.Plan{Owner: provision.ByManifest}); err != nil {
		return err
	}
	sp, err := st.gateway.broker.Metadata(ctx, "acme-saml")
	if err != nil {
		return err
	}
	return st.saml.Trust(sp)
}

func (st *stage) wanted(secret string) (broker.Wanted, error) {
	metadata, err := st.saml.Metadata()
	if err != nil {
		return broker.Wanted{}, err
	}
	domain, err := provision.ParseDomain(demo.Domain)
	if err != nil {
		return broker.Wanted{}, err
	}
	origin, err := provision.ParseOrigin(st.url("app"))
	if err != nil {
		return broker.Wanted{}, err
	}
	domains := []provision.Domain{domain}
	return broker.Wanted{
		Apps: []provision.App{{ID: "demo", Origins: []provision.Origin{origin}, Headers: "leasehold", Tenants: []provision.TenantID{"acme"}}},
		Tenants: []broker.WantedTenant{{
			Tenant: provision.Tenant{ID: "acme", Name: "Acme Corp", Contact: "it@" + demo.Domain, Policy: provision.Policy{
				Create: provision.CreateAllow, Groups: provision.GroupRule{None: []string{"contractors"}},
				Roles: provision.RoleRule{Map: map[string][]string{"engineering": {"engineer"}}, Ceiling: []string{"engineer"}},
			}},
			Claims: []broker.WantedClaim{{Domain: domain, Proof: provision.ProofDNS}},
			Connections: []broker.WantedConnection{
				{Connection: provision.Connection{ID: "acme-saml", Protocol: provision.SAML, Domains: domains, Default: true, Subject: "nameid", Metadata: metadata, Attributes: st.saml.Attributes()}},
				{Connection: provision.Connection{ID: "acme-oidc", Protocol: provision.OIDC, Domains: domains, Subject: "sub", Issuer: st.url("oidc"), ClientID: "leasehold"}, Secret: []byte(secret)},
			},
		}},
	}, nil
}

// prove publishes the record that proves the domain, and has it looked up.
func (st *stage) prove(ctx context.Context) error {
	domain, err := provision.ParseDomain(demo.Domain)
	if err != nil {
		return err
	}
	claims, err := st.gateway.broker.Claims(ctx, domain)
	if err != nil || len(claims) == 0 {
		return fmt.Errorf("claim on %s: %w", domain, err)
	}
	st.dns.Publish(provision.ProofName(domain), provision.ProofValue(claims[0].Token))
	_, err = st.gateway.prover.Check(ctx, broker.Deed{Actor: provision.Actor{Kind: provision.System, Via: "demo"}}, "acme", domain)
	return err
}

// url is the origin of one of the demo's hosts.
func (st *stage) url(host string) string { return "http://" + host + ".localhost:" + st.port }

// ServeHTTP is the proxy in front of everything: it chooses by Host, and lets nothing through to the app that the check
// does not let through.
func (st *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _, _ := strings.Cut(r.Host, ".")
	switch host {
	case "saml":
		st.saml.ServeHTTP(w, r)
	case "oidc":
		st.oidc.ServeHTTP(w, r)
	case "app":
		st.serveApp(w, r)
	default:
		st.gateway.public.ServeHTTP(w, r)
	}
}

func (st *stage) serveApp(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_sso/check/") {
		http.NotFound(w, r)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/_sso/") {
		st.gateway.public.ServeHTTP(w, r)
		return
	}
	verdict := st.check(r)
	if verdict.Code != http.StatusOK {
		for name, values := range verdict.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(verdict.Code)
		_, _ = io.Copy(w, verdict.Body) // the browser is gone if it fails
		return
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Leasehold-") {
			r.Header.Del(name) // what a browser says about itself
		}
	}
	for name, values := range verdict.Header() {
		if strings.HasPrefix(name, "X-Leasehold-") {
			r.Header[name] = values
		}
	}
	st.app.ServeHTTP(w, r)
}

// check asks the gateway as Caddy's forward_auth does.
func (st *stage) check(r *http.Request) *httptest.ResponseRecorder {
	ask := r.Clone(r.Context())
	ask.Method, ask.URL, ask.RequestURI, ask.Body = http.MethodGet, &url.URL{Path: "/_sso/check/forward"}, "/_sso/check/forward", http.NoBody
	ask.ContentLength = 0
	for name := range ask.Header {
		if strings.HasPrefix(name, "X-Leasehold-") || strings.HasPrefix(name, "X-Forwarded-") {
			ask.Header.Del(name)
		}
	}
	ask.Header.Set("X-Forwarded-Method", r.Method)
	ask.Header.Set("X-Forwarded-Proto", "http")
	ask.Header.Set("X-Forwarded-Host", r.Host)
	ask.Header.Set("X-Forwarded-Uri", r.URL.RequestURI())
	verdict := httptest.NewRecorder()
	st.gateway.public.ServeHTTP(verdict, ask)
	return verdict
}

func (st *stage) close() {
	if st.gateway != nil {
		st.gateway.close()
	}
	if st.dns != nil {
		_ = st.dns.Close()
	}
}

// welcome says what to do now.
func (st *stage) welcome(w io.Writer) {
	fmt.Fprintf(w, "Leasehold demo. Everything is on this port and in a temporary folder; Ctrl-C ends it.\n\n")
	fmt.Fprintf(w, "  open  %s/\n\n", st.url("app"))
	fmt.Fprintf(w, "Type anything@%s, then log in at the demo identity provider (password: demo) as\n", demo.Domain)
	for _, p := range demo.People() {
		fmt.Fprintf(w, "  %-8s %s\n", p.Login, p.Note)
	}
	fmt.Fprintf(w, "\nThe same people by OpenID Connect:  %s/login?connection=acme-oidc\n", st.url("sso"))
	fmt.Fprintf(w, "Your own app behind the gateway:    leasehold demo --app http://127.0.0.1:3000\n")
}
