package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"leasehold/cmd/leasehold/internal/peers"
	"leasehold/config"
	"leasehold/idp/oidc/oidctest"
	"leasehold/idp/saml/samltest"
)

// place is a whole gateway in this process, on a data folder of its own, with an identity provider of each protocol.
// Everything that it ever logs, at the lowest level, is in log.
type place struct {
	*desk
	config, ops string
	op          *oidctest.OP
	gateway     *gateway
	log         shared
	halt        func() // until it has stopped
}

const placeManifest = `apps:
- {id: wiki, origins: ["http://wiki.localhost:${PORT}"], tenants: [acme]}
tenants:
- id: acme
  name: Acme Corp
  contact: it@acme.test
  domains: [{name: acme.test, proof: operator}]
  connections:
  - {id: acme-saml, protocol: saml, metadata_file: ../idp.xml, domains: [acme.test], attributes: {email: mail, name: displayName, groups: groups}}
  - {id: acme-oidc, protocol: oidc, issuer: "${OP}", client_id: leasehold, client_secret_file: ../secret.txt, domains: [acme.test]}
  policy: {create: allow}
`

// newPlace is a place that serves. settings are further lines of its configuration.
func newPlace(t *testing.T, settings ...string) *place {
	t.Helper()
	folder := t.TempDir()
	data, err := os.MkdirTemp("", "lh") // a socket's path has room for 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(data) })
	p := &place{desk: &desk{t: t, provider: *samltest.New(t), data: filepath.Join(data, "data"), port: strconv.Itoa(peers.Port(t))}, op: oidctest.New(t)}
	p.provider.SSO = "http://idp.localhost:" + p.port + "/sso" // where browsers come to, and find nobody
	p.config, p.ops = filepath.Join(folder, "leasehold.yaml"), strconv.Itoa(peers.Port(t))
	words := strings.NewReplacer("${PORT}", p.port, "${OPS}", p.ops, "${DATA}", p.data, "${OP}", p.op.URL, `dns: {resolver: "${DNS}"}`, "outbound: {allow_private: [127.0.0.0/8]}")
	for name, text := range map[string]string{
		"leasehold.yaml": words.Replace(deskConfig) + strings.Join(settings, ""), "tenants.d/acme.yaml": words.Replace(placeManifest),
		"idp.xml": string(p.provider.Metadata()), "secret.txt": oidctest.ClientSecret,
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.start()
	t.Cleanup(func() { p.halt() })
	return p
}

// start serves on what is in the data folder.
func (p *place) start() {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c, faults := config.Load(p.config, nil)
	if len(faults) > 0 {
		p.t.Fatal(faults)
	}
	g, err := openGateway(ctx, c, nil, slog.New(slog.NewJSONHandler(&p.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := g.register(ctx, "manifest"); err != nil {
		p.t.Fatal(err)
	}
	before := strings.Count(p.log.String(), `"msg":"serving"`)
	over := make(chan struct{})
	go func() {
		defer close(over)
		if err := g.serve(ctx); err != nil {
			p.t.Error(err)
		}
	}()
	for began := time.Now(); strings.Count(p.log.String(), `"msg":"serving"`) == before; time.Sleep(time.Millisecond) {
		if time.Since(began) > peers.Patience {
			p.t.Fatalf("does not start: %s", p.log.String())
		}
	}
	p.gateway = g
	p.halt = func() {
		cancel()
		<-over
		g.close()
		p.halt = func() {}
	}
}

// says is what a command line prints, on both outputs.
func (p *place) says(args ...string) string {
	var out bytes.Buffer
	_ = run(context.Background(), append([]string{"--config", p.config}, args...), nil, &out, &out) // what goes wrong is printed
	return out.String()
}

// logInByOIDC goes to the wiki, and by the OpenID provider back; with what the browser brought back.
func (p *place) logInByOIDC(v *visitor) (page, url.Values) {
	p.t.Helper()
	wiki := url.QueryEscape("http://wiki.localhost:" + p.port + "/")
	there, err := v.get(context.Background(), p.sso("/login?connection=acme-oidc&rd="+wiki))
	if err != nil || !strings.HasPrefix(there.url, p.op.URL) {
		p.t.Fatalf("%v; the login leads to %s: %s", err, there.url, there.body)
	}
	answer := p.op.Login(p.t, there.url)
	back, err := v.get(context.Background(), p.sso("/idp/acme-oidc/callback?"+answer.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	return back, answer
}

func (p *place) sso(path string) string { return "http://sso.localhost:" + p.port + path }

// entered reports whether a visitor's cookie lets a request to the wiki through.
func (p *place) entered(v *visitor) bool {
	p.t.Helper()
	request, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+p.port+"/_sso/check/nginx", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("X-Original-URL", "http://wiki.localhost:"+p.port+"/page")
	request.Header.Set("X-Original-Method", http.MethodGet)
	if c := p.cookie(v); c != nil {
		request.AddCookie(c)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// mustLogIn wants an honest login to get in.
func (p *place) mustLogIn(subject string) *visitor {
	p.t.Helper()
	v := newVisitor(p.port)
	end, err := p.logIn(v, "acme-saml", samltest.Person{Subject: subject, Email: subject + "@acme.test", Name: subject})
	if err != nil || !p.entered(v) {
		p.t.Fatalf("%v; an honest login ends at %s: %s", err, end.url, end.words())
	}
	return v
}
