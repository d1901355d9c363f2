package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"leasehold/idp/saml/samltest"
	"leasehold/provision"
	"leasehold/provision/memory"
)

// series are the lines that a gateway exports: by name, the labels of each.
func (p *place) series(t *testing.T) map[string][]map[string]string {
	t.Helper()
	families, err := p.gateway.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]map[string]string{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			found[f.GetName()] = append(found[f.GetName()], labels)
		}
	}
	return found
}

// labelValues is every value that each label may have. Connections, apps and headers are an administrator's, and the
// build's are those of one build.
func labelValues() map[string][]string {
	values := map[string][]string{
		"outcome":  {"allowed", "admitted", "refused", "answered", "server_error", "timeout", "failed", "late", "unseen", "given"},
		"reason":   {""},
		"protocol": {"", "saml", "oidc"},
		"verb":     {"login", "amend", "end", "used", "read"},
		"event":    append(provision.EventKinds(), "other"),
		"alarm":    {"failing", "lapsed", "foreign", "unchecked", "mass_failure"},
		"state":    {"pending", "verified", "failing", "lapsed", "intended", "issued", "revoking", "stuck"},
	}
	for _, reason := range provision.Reasons() {
		values["reason"] = append(values["reason"], string(reason))
	}
	for _, cause := range provision.Causes() {
		values["cause"] = append(values["cause"], string(cause))
	}
	return values
}

func TestNobodyFromOutsideMakesASeries(t *testing.T) {
	p := newPlace(t)
	p.mustLogIn("first")
	before := p.series(t)
	for n := range 5 {
		p.mustLogIn(fmt.Sprintf("planted%d", n))
		_, err := p.logIn(newVisitor(p.port), "acme-saml", samltest.Person{Subject: "planted-stranger", Email: fmt.Sprintf("planted%d@elsewhere.test", n)})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"/planted", "/login?connection=planted", "/idp/planted/metadata", "/idp/planted/callback?state=planted", "/_sso/check/nginx"} {
		if response, err := http.Get("http://127.0.0.1:" + p.port + path); err == nil {
			response.Body.Close()
		}
	}
	after := p.series(t)
	total := 0
	for name, lines := range after {
		total += len(lines)
		if len(lines) != len(before[name]) {
			t.Errorf("%s had %d series and has %d", name, len(before[name]), len(lines))
		}
		if !strings.HasPrefix(name, "leasehold_") {
			continue
		}
		for _, labels := range lines {
			for label, value := range labels {
				known, bounded := labelValues()[label]
				ours := slices.Contains([]string{"connection", "app", "header", "version", "revision", "goversion", "tenant", "source"}, label) // tenant and source: of the operator's file
				if bounded && !slices.Contains(known, value) || !bounded && !ours {
					t.Errorf("%s has %s=%q", name, label, value)
				}
				if strings.ContainsAny(value, "@:") || strings.Contains(value, "planted") || strings.Contains(value, "acme.test") {
					t.Errorf("%s says %s=%q", name, label, value)
				}
			}
		}
	}
	if total > 700 {
		t.Errorf("%d series of a gateway with two connections", total)
	}
}

func TestMetricsAreNamedAsPrometheusWantsThem(t *testing.T) {
	families, err := newPlace(t).gateway.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	families = slices.DeleteFunc(families, func(f *dto.MetricFamily) bool { return !strings.HasPrefix(f.GetName(), "leasehold_") })
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(families) < 15 {
		t.Errorf("%d families: %v", len(families), err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

// metricsIn are the metrics in an expression of PromQL, with the labels that are compared for equality.
func metricsIn(expression string) map[string][]string {
	found := map[string][]string{}
	for _, use := range regexp.MustCompile(`\b((?:leasehold|go|process)_\w+)(?:\{([^}]*)\})?`).FindAllStringSubmatch(expression, -1) {
		found[use[1]] = append(found[use[1]], regexp.MustCompile(`\w+="[^"]*"`).FindAllString(use[2], -1)...)
	}
	return found
}

// expressions are all in deploy: those of the dashboard, and those of the alerts.
func expressions(t *testing.T) (found []string) {
	t.Helper()
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	text, err := os.ReadFile("../../deploy/grafana/leasehold.json")
	if err = errors.Join(err, json.Unmarshal(text, &board)); err != nil {
		t.Fatal(err)
	}
	if text, err = os.ReadFile("../../deploy/prometheus/rules.yaml"); err == nil {
		err = yaml.UnmarshalWithOptions(text, &rules, yaml.Strict())
	}
	if err != nil || len(board.Panels) < 10 || len(rules.Groups) != 1 || len(rules.Groups[0].Rules) < 8 {
		t.Fatalf("%d panels, rules %+v: %v", len(board.Panels), rules, err)
	}
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			found = append(found, target.Expr)
		}
	}
	for _, rule := range rules.Groups[0].Rules {
		if _, err := time.ParseDuration(rule.For); rule.For != "" && err != nil || rule.Annotations["summary"] == "" || rule.Labels["severity"] == "" {
			t.Errorf("alert %s: %+v", rule.Alert, rule)
		}
		found = append(found, rule.Expr)
	}
	return found
}

func TestDashboardAndAlertsNameMetricsThatThereAre(t *testing.T) {
	p := newPlace(t)
	p.gateway.counts.wrote(nil)
	series := p.series(t)
	for range 500 { // what is looked at now and then has been looked at
		if _, ok := series["leasehold_connection_expiry_timestamp_seconds"]; ok {
			break
		}
		time.Sleep(10 * time.Millisecond)
		series = p.series(t)
	}
	seen := map[string]bool{}
	for _, expression := range expressions(t) {
		if strings.Count(expression, "(") != strings.Count(expression, ")") || len(metricsIn(expression)) == 0 && !strings.HasPrefix(expression, "up{") {
			t.Errorf("cannot be read: %s", expression)
		}
		for name, wanted := range metricsIn(expression) {
			lines, ok := series[name]
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				if !ok {
					lines, ok = series[strings.TrimSuffix(name, part)]
				}
			}
			if !ok && name != "leasehold_header_omissions_total" { // its labels are apps, of which none was left out yet
				t.Errorf("no metric %s, in %s", name, expression)
			}
			for _, pair := range wanted {
				label, value, _ := strings.Cut(pair, "=")
				value, _ = strconv.Unquote(value)
				if !slices.ContainsFunc(lines, func(l map[string]string) bool { return l[label] == value }) {
					t.Errorf("no %s with %s, in %s", name, pair, expression)
				}
			}
			seen[name] = true
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d metrics are looked at", len(seen))
	}
}

func TestEveryMetricIsInTheManual(t *testing.T) {
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range newPlace(t).series(t) {
		if strings.HasPrefix(name, "leasehold_") && !strings.Contains(string(manual), "| `"+name) {
			t.Errorf("docs/operations.md does not say what %s is", name)
		}
	}
}

func TestTheLedgerIsMeasured(t *testing.T) {
	p := newPlace(t)
	p.mustLogIn("ada")
	if said := p.says("tenant", "suspend", "acme", "--reason", "test"); !strings.Contains(said, "done") {
		t.Fatal(said)
	}
	text := p.metrics(t)
	for _, want := range []string{
		`leasehold_ledger_duration_seconds_count\{verb="login"\} 1\n`, `leasehold_ledger_duration_seconds_count\{verb="read"\} [1-9]`, `leasehold_events_total\{event="login"\} 1\n`,
		`leasehold_events_total\{event="revocation"\} 1\n`, `leasehold_revoke_seconds_count 1\n`, `leasehold_leases_live [01]\n`, `leasehold_domain_claims\{state="verified"\} 1\n`,
		`leasehold_connection_expiry_timestamp_seconds\{connection="acme-saml"\} [1-9]`, `leasehold_build_info\{.*version="devel"\} 1\n`, `leasehold_ledger_errors_total\{verb="amend"\} 0\n`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("no %s in:\n%s", want, strings.Join(regexp.MustCompile(`(?m)^leasehold_[^c].* [^0\n].*$`).FindAllString(text, -1), "\n"))
		}
	}
}

func TestALedgerThatCannotAnswerIsCountedAndOneThatSaysNoIsNot(t *testing.T) {
	p := newPlace(t)
	ledger := watched{memory.New(nil), p.gateway.counts}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = ledger.Lease(t.Context(), "acme.nothing")
	_, _ = ledger.Amend(t.Context(), provision.Target{}, func(provision.State) (provision.Change, error) { return provision.Change{}, provision.ErrConflict })
	_, _ = ledger.Lease(gone, "acme.nothing")
	text := p.metrics(t)
	for _, want := range []string{`leasehold_ledger_errors_total{verb="read"} 1`, `leasehold_ledger_errors_total{verb="amend"} 0`} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s in %s", want, regexp.MustCompile(`leasehold_ledger_errors_total.*`).FindAllString(text, -1))
		}
	}
}
