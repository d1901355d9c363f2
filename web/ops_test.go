package web_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"leasehold/provision"
	"leasehold/web"
)

func TestTheOperatorsSeeWhatWasRefusedAndWhy(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics, err := web.NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(t)
	b := newBrowser(t, g, func(c *web.Config) { c.Metrics = metrics })
	g.verdict = refusing(provision.RoleMissing)
	b.get("http://127.0.0.1/_sso/check/nginx", asNginx("GET", "/")...)
	g.verdict = allowing()
	b.get("http://127.0.0.1/_sso/check/nginx", asNginx("GET", "/")...)
	g.fails["Login"] = denied(provision.GroupMissing)
	b.get(sso + "/idp/acme-saml/resume?attempt=a")
	g.fails["Login"] = errors.New("disk gone")
	b.get(sso + "/idp/acme-saml/resume?attempt=a")
	delete(g.fails, "Login")
	b.get(sso + "/idp/acme-saml/resume?attempt=b")
	who := ada()
	who.Roles = []string{"a,b"}
	metrics.Present(provision.App{ID: "wiki"}, who)

	ready := web.Readiness{Causes: []string{"ledger: gone", "reaper: stuck"}, Warnings: []string{"manifests: old"}}
	ops := web.NewOps(registry, func(context.Context) web.Readiness { return ready })
	ask := func(path string) (int, string) {
		w := httptest.NewRecorder()
		ops.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w.Code, w.Body.String()
	}
	_, text := ask("/metrics")
	for _, line := range []string{
		`leasehold_checks_total{outcome="refused",reason="role_missing"} 1`, `leasehold_checks_total{outcome="allowed",reason=""} 1`,
		`leasehold_logins_total{outcome="refused",protocol="saml",reason="group_missing"} 1`, `leasehold_logins_total{outcome="refused",protocol="saml",reason="store_unavailable"} 1`,
		`leasehold_logins_total{outcome="admitted",protocol="saml",reason=""} 1`, `leasehold_header_omissions_total{app="wiki",header="X-Leasehold-Roles"} 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if code, _ := ask("/livez"); code != 200 {
		t.Errorf("livez %d", code)
	}
	if code, text := ask("/readyz"); code != 503 || text != "not ready\nledger: gone\nreaper: stuck\nwarning: manifests: old\n" {
		t.Errorf("readyz %d %q", code, text)
	}
	ready.Causes = nil
	if code, text := ask("/readyz"); code != 200 || text != "ready\nwarning: manifests: old\n" {
		t.Errorf("readyz %d %q", code, text)
	}
}
