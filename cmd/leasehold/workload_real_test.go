//go:build real

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/cmd/leasehold/internal/peers"
)

// deployHost is the app that CI jobs deploy by.
const deployHost = "deploy.other.test"

// jobRules are the rules of the manifest for workloads; hours, an address and the issuer are filled in.
const jobRules = `
  - id: ci
    protocol: workload
    issuer: %s
  rules:
  - id: deploy
    connection: ci
    owner: alice@acme.test
    subject: [repository_id, workflow]
    match:
      repository_id: "123456"
      job_workflow_ref: acme/app/.github/workflows/release.yml@refs/heads/main
      environment: production
    grants: [deploy-prod]
  grants:
  - id: deploy-prod
    apps: [deploy]
    roles: [engineer]
    resources: ["%s/svc/*"]
    concurrent: 2
    renewals: 1
    require: {task: on}
    when: {hours: "%s", addresses: [%s]}
`

// ofJobs is a gateway whose tenant trusts a CI, and whose owner of the rule has an account.
type ofJobs struct {
	*gatewayUnderTest
	ci  *peers.CIIssuer
	way string // a proxy that finds every name on this machine
}

func beginJobs(t *testing.T, caddy bool) ofJobs {
	apps := []peers.Site{{Host: deployHost, App: peers.Echo(t)}, {Host: appHost, App: peers.Echo(t)}}
	g := ofJobs{begin(t, scene{caddy: caddy, apps: apps}), peers.CI(t), peers.Way(t)}
	g.rules("Mon-Sun 00:00-24:00 UTC", "127.0.0.1")
	g.operator("account", "create", "--tenant", "acme", "--email", "alice@acme.test", "--connection", "acme-saml", "--subject", "alice-1")
	return g
}

// rules applies the manifest with rules for workloads that hold at some hours, from an address.
func (g ofJobs) rules(hours, address string) {
	g.t.Helper()
	m := g.manifest(scene{apps: g.recipe.Apps})
	m = strings.Replace(m, "{id: deploy, ", "{id: deploy, workloads: on, ", 1)
	m = strings.Replace(m, "\n  policy:", fmt.Sprintf(jobRules, g.ci.Issuer, g.url(deployHost), hours, address)+"  policy:", 1)
	g.write("acme.yaml", m)
	g.operator("apply", "-f", filepath.Join(g.folder, "acme.yaml"))
}

// token is a token of the honest job, with claims that are said otherwise; nil: without.
func (g ofJobs) token(other map[string]any) string {
	claims := map[string]any{
		"sub": "repo:acme/app:environment:production", "aud": g.url(ssoHost) + "/t/acme", "repository": "acme/app", "repository_id": "123456", "ref": "refs/heads/main", "workflow": "release",
		"environment": "production", "run_id": "4242", "job_workflow_ref": "acme/app/.github/workflows/release.yml@refs/heads/main", "jti": fmt.Sprint(time.Now().UnixNano()),
	}
	seconds := 300
	var absent []string
	for name, value := range other {
		if value == nil {
			absent = append(absent, name)
		}
	}
	maps.Copy(claims, other)
	if s, ok := other["seconds"].(int); ok {
		seconds = s
		delete(claims, "seconds")
	}
	return g.ci.Token(g.t, seconds, claims, absent...)
}

// post posts a form to a tenant's endpoint, as a program.
func (g ofJobs) post(path, bearer string, form url.Values) (int, map[string]any) {
	g.t.Helper()
	request, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.url(ssoHost)+"/t/acme/"+path, strings.NewReader(form.Encode()))
	if err != nil {
		g.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := peers.Client(g.t, g.ca, false).Do(request)
	if err != nil {
		g.t.Fatal(err)
	}
	defer answer.Body.Close()
	var body map[string]any
	_ = json.NewDecoder(answer.Body).Decode(&body) // some answers have none
	return answer.StatusCode, body
}

// exchange is RFC 8693, 2.1, by the honest job unless said otherwise.
func (g ofJobs) exchange(token string, other url.Values) (int, map[string]any) {
	g.t.Helper()
	return g.post("token", "", g.errand(token, other))
}

func (g ofJobs) errand(token string, other url.Values) url.Values {
	form := url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"},
		"subject_token": {token}, "rule": {"deploy"}, "task": {"4242-1"},
	}
	maps.Copy(form, other)
	return form
}

// TestACIJobDeploysOnlyFromTheRightPlace is the first example: a transcript on real parts.
func TestACIJobDeploysOnlyFromTheRightPlace(t *testing.T) {
	for name, caddy := range map[string]bool{"nginx": false, "caddy": true} {
		t.Run(name, func(t *testing.T) {
			g := beginJobs(t, caddy)
			release := g.url(deployHost) + "/svc/web"

			status, got := g.exchange(g.token(nil), nil)
			handle, _ := got["access_token"].(string)
			if status != http.StatusOK || !strings.HasPrefix(handle, "lh_") || got["token_type"] != "Bearer" || got["lease_id"] == "" || got["expires_in"].(float64) > 300 {
				t.Fatalf("the honest job got %d %v", status, got)
			}
			answer, body := g.ask(http.MethodPost, release, "Authorization", "Bearer "+handle)
			if answer.StatusCode != http.StatusOK || !strings.Contains(body, "engineer") {
				t.Fatalf("the app answers %s: %s", answer.Status, body)
			}
			if strings.Contains(body, handle[3:]) || strings.Contains(body, `"Authorization"`) {
				t.Errorf("the app saw the handle: %s", body)
			}
			if answer, body := g.ask(http.MethodPost, g.url(appHost)+"/", "Authorization", "Bearer "+handle); answer.StatusCode != http.StatusUnauthorized {
				t.Errorf("another app answers %s: %s", answer.Status, body)
			}
			if answer, body := g.ask(http.MethodPost, g.url(deployHost)+"/admin", "Authorization", "Bearer "+handle); answer.StatusCode != http.StatusForbidden {
				t.Errorf("another address answers %s: %s", answer.Status, body)
			}

			g.eachWrongTokenHasItsReason()

			status, got = g.post("tasks/4242-1/end", handle, nil)
			if status != http.StatusOK || got["ended"].(float64) != 1 {
				t.Fatalf("the end of the task: %d %v", status, got)
			}
			if answer, body := g.ask(http.MethodPost, release, "Authorization", "Bearer "+handle); answer.StatusCode != http.StatusUnauthorized {
				t.Errorf("after the end the app answers %s: %s", answer.Status, body)
			}
			if lines := g.audit(); !slices.Contains(lines, "exchange created") || !slices.Contains(lines, "task.ended task_end") || !slices.Contains(lines, "lease.ended task_end") {
				t.Errorf("the audit is %q", lines)
			}
		})
	}
}

// eachWrongTokenHasItsReason plays the wrong ones.
func (g ofJobs) eachWrongTokenHasItsReason() {
	g.t.Helper()
	spent := g.token(nil)
	if status, got := g.exchange(spent, url.Values{"task": {"other"}}); status != http.StatusOK {
		g.t.Fatalf("%d %v", status, got)
	}
	seen := map[string]string{}
	for name, token := range map[string]string{
		"branch":      g.token(map[string]any{"job_workflow_ref": "acme/app/.github/workflows/release.yml@refs/heads/evil"}),
		"environment": g.token(map[string]any{"environment": "staging"}),
		"repository":  g.token(map[string]any{"repository_id": "666"}),
		"absent":      g.token(map[string]any{"environment": nil}),
		"audience":    g.token(map[string]any{"aud": "https://elsewhere.example"}),
		"expired":     g.token(map[string]any{"seconds": -10}),
		"replayed":    spent,
		"forged":      spent[:len(spent)-6] + "AAAAAA",
	} {
		status, got := g.exchange(token, nil)
		reason := fmt.Sprint(got["reason"], " ", got["check"])
		if status != http.StatusBadRequest || got["access_token"] != nil || seen[reason] != "" {
			g.t.Errorf("%s: %d %v, as %s", name, status, got, seen[reason])
		}
		seen[reason] = name
		g.t.Logf("%-12s %v", name, got)
	}
}

// TestAnIntegrationGetsInOnlyWhenTargetContextAndTimeMatch is the fifth example: the whole truth table, and what the
// explanation says of each.
func TestAnIntegrationGetsInOnlyWhenTargetContextAndTimeMatch(t *testing.T) {
	g := beginJobs(t, false)
	if status, got := g.exchange(g.token(nil), url.Values{"task": {"first"}}); status != http.StatusOK { // the account is known
		t.Fatalf("%d %v", status, got)
	}
	elsewhen := "Mon-Sun 00:00-00:01 UTC"
	if now := time.Now().UTC(); now.Hour() == 0 && now.Minute() < 5 {
		elsewhen = "Mon-Sun 23:00-23:01 UTC"
	}
	for row := range 8 {
		target, context, now := row&4 != 0, row&2 != 0, row&1 != 0
		hours, address, resource := elsewhen, "192.0.2.0/24", g.url(deployHost)+"/admin/x"
		if now {
			hours = "Mon-Sun 00:00-24:00 UTC"
		}
		if context {
			address = "127.0.0.1"
		}
		if target {
			resource = g.url(deployHost) + "/svc/web"
		}
		g.rules(hours, address)
		token := g.token(nil)
		other := url.Values{"resource": {resource}, "task": {fmt.Sprint("row-", row)}}
		status, said := g.post("decide", "", g.errand(token, other))
		if status != http.StatusOK || said["allowed"] != (row == 7) {
			t.Errorf("target %t, context %t, time %t: %d %v", target, context, now, status, said)
		}
		failed := map[string]bool{}
		for _, c := range said["checks"].([]any) {
			if check := c.(map[string]any); check["holds"] == false {
				failed[check["of"].(string)] = true
			}
		}
		if failed["target"] == target || failed["context"] == context || failed["time"] == now || failed["token"] {
			t.Errorf("target %t, context %t, time %t: it says that %v failed: %v", target, context, now, failed, said)
		}
		if status, got := g.exchange(token, other); (status == http.StatusOK) != (row == 7) {
			t.Errorf("target %t, context %t, time %t: %d %v", target, context, now, status, got)
		}
		if row < 7 && len(g.leases()) > 1 {
			t.Errorf("a row gave a lease: %+v", g.leases())
		}
	}
}

// TestLeaseholdExecRunsACommandWithALeaseAndEndsItsTask runs the binary as a job does.
func TestLeaseholdExecRunsACommandWithALeaseAndEndsItsTask(t *testing.T) {
	g := beginJobs(t, false)
	for _, c := range []struct {
		script string
		code   int
	}{
		{`curl -sf --cacert "$SSL_CERT_FILE" -H "Authorization: Bearer $LEASEHOLD_TOKEN" ` + g.url(deployHost) + `/svc/web`, 0},
		{`exit 7`, 7},
	} {
		job := g.job(g.token(nil), "sh", "-c", c.script)
		out, _ := job.CombinedOutput()
		if code := job.ProcessState.ExitCode(); code != c.code {
			t.Errorf("%s: exit code %d: %s", c.script, code, out)
		}
		if c.code == 0 && !strings.Contains(string(out), "engineer") {
			t.Errorf("the app was not reached: %s", out)
		}
		if left := g.leases(); len(left) != 0 {
			t.Errorf("%s: left %+v", c.script, left)
		}
	}
	refused := g.job(g.token(map[string]any{"environment": "staging"}), "touch", filepath.Join(g.folder, "ran"))
	if out, err := refused.CombinedOutput(); err == nil || !strings.Contains(string(out), "claim environment") {
		t.Errorf("a refused job: %v: %s", err, out)
	}
	if _, err := os.Stat(filepath.Join(g.folder, "ran")); err == nil {
		t.Error("the command ran without a lease")
	}
}

// job is leasehold exec with a token in a file, as a process of its own.
func (g ofJobs) job(token string, command ...string) *exec.Cmd {
	g.write("token", token)
	args := []string{"exec", "--url", g.url(ssoHost), "--tenant", "acme", "--rule", "deploy", "--token-file", filepath.Join(g.folder, "token"), "--"}
	job := exec.Command(os.Args[0], append(args, command...)...)
	job.Env = append(os.Environ(), asGateway+"=yes", "SSL_CERT_FILE="+g.ca.File, "HTTPS_PROXY="+g.way, "https_proxy="+g.way)
	return job
}

// TestTheSnippetsOfThePageOnWorkloadsRun plays them, with the addresses of this gateway.
func TestTheSnippetsOfThePageOnWorkloadsRun(t *testing.T) {
	g := beginJobs(t, false)
	bin := t.TempDir()
	if err := os.Symlink(os.Args[0], filepath.Join(bin, "leasehold")); err != nil {
		t.Fatal(err)
	}
	pieces := workloadSnippets(t, "sh")
	if len(pieces) != 3 { // the first is of agents, and played with one
		t.Fatalf("%d snippets", len(pieces))
	}
	for i, want := range []string{"engineer", `"access_token":"lh_`} {
		g.write("token", g.token(nil))
		script := strings.ReplaceAll(pieces[i+1], "https://deploy.example.com", g.url(deployHost))
		job := exec.Command("sh", "-ec", script)
		job.Env = append(os.Environ(), asGateway+"=yes", "PATH="+bin+":"+os.Getenv("PATH"), "SSL_CERT_FILE="+g.ca.File, "CURL_CA_BUNDLE="+g.ca.File, "HTTPS_PROXY="+g.way, "https_proxy="+g.way,
			"SSO="+g.url(ssoHost), "TOKEN_FILE="+filepath.Join(g.folder, "token"), "TASK=by-hand")
		if out, err := job.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v: %s", script, err, out)
		}
	}
}
