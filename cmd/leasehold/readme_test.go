package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"leasehold/config"
)

const root = "../.."

// readme is the README, and its code blocks of a language.
func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func snippets(t *testing.T, language string) []string {
	t.Helper()
	var found []string
	for _, block := range regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$").FindAllStringSubmatch(readme(t), -1) {
		if block[1] == language {
			found = append(found, block[2])
		}
	}
	if len(found) == 0 {
		t.Fatalf("no snippet of %q", language)
	}
	return found
}

func TestTheReadmeIsShort(t *testing.T) {
	if lines := strings.Count(readme(t), "\n"); lines > 200 {
		t.Errorf("%d lines", lines)
	}
}

func TestLinksBetweenPagesLead(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(more) == 0 {
		t.Fatal("no docs", err)
	}
	for _, page := range append(pages, more...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`).FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), link[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

// TestOperatorsAreToldOfEveryMetric: the page lists those that there are, and no others.
func TestOperatorsAreToldOfEveryMetric(t *testing.T) {
	st := startStage(t, demoCommand{Listen: "127.0.0.1:0"})
	text, err := os.ReadFile(filepath.Join(root, "docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(leasehold_\\w+)").FindAllStringSubmatch(string(text), -1) {
		described[row[1]] = true
	}
	all := make(chan *prometheus.Desc, 100)
	st.gateway.metrics.Describe(all)
	close(all)
	for d := range all {
		name := regexp.MustCompile(`fqName: "(\w+)"`).FindStringSubmatch(d.String())[1]
		if strings.HasPrefix(name, "leasehold_") && !described[name] {
			t.Errorf("docs/operations.md does not describe %s", name)
		}
		delete(described, name)
	}
	for name := range described {
		t.Errorf("docs/operations.md describes %s, which is not there", name)
	}
}

func TestTheConfigurationsOfTheReadmeHaveNoFault(t *testing.T) {
	folder := t.TempDir()
	for _, text := range snippets(t, "yaml") {
		name, ok := strings.CutPrefix(strings.SplitN(text, "\n", 2)[0], "# /etc/leasehold/")
		if !ok {
			t.Fatalf("a snippet that does not say what file it is: %s", text)
		}
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, faults := config.Load(filepath.Join(folder, "leasehold.yaml"), nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	m, faults := config.LoadManifests(c.Manifests, nil, judge(c.URL, time.Now()))
	if len(faults) > 0 || len(m.Tenants) != 1 || len(m.Tenants[0].Connections) != 1 || len(m.Apps) != 1 {
		t.Errorf("%v: %+v", faults, m)
	}
}

// TestTheProxyOfTheReadmeIsTheTestedOne: its lines are those of the recipe, in the same order.
func TestTheProxyOfTheReadmeIsTheTestedOne(t *testing.T) {
	recipe, err := os.ReadFile(filepath.Join(root, "deploy/nginx/wiki.example.com.conf"))
	if err != nil {
		t.Fatal(err)
	}
	plain := func(text string) (lines []string) {
		for _, line := range strings.Split(text, "\n") {
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
		return lines
	}
	there := plain(string(recipe))
	for _, line := range plain(snippets(t, "nginx")[0]) {
		at := slices.Index(there, line)
		if at < 0 {
			t.Fatalf("%q does not come next in the recipe", line)
		}
		there = there[at+1:]
	}
}

func TestTheStoryOfTheReadmeIsTheDemos(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"demo", "--check"}, nil, &out, &out); err != nil {
		t.Fatal(err, out.String())
	}
	number := regexp.MustCompile(`^\d+ +ok +`)
	told := func(text string) (steps []string) {
		for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
			if number.MatchString(line) {
				line, _, _ = strings.Cut(line, " (")
				steps = append(steps, line)
			}
		}
		return steps
	}
	if want, got := told(out.String()), told(snippets(t, "")[0]); len(got) == 0 || !slices.Equal(got, want) {
		t.Errorf("the README tells\n%s\nthe demo plays\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestTheReadmesVerbsAreThere: each command line of the README is one that leasehold understands.
func TestTheReadmesVerbsAreThere(t *testing.T) {
	lines := regexp.MustCompile(`(?m)^leasehold (.*?) *(#.*)?$`).FindAllStringSubmatch(strings.Join(snippets(t, "sh"), "\n"), -1)
	if len(lines) < 5 {
		t.Fatalf("only %d", len(lines))
	}
	for _, line := range lines {
		words := regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(line[1], -1)
		var out bytes.Buffer
		if err := run(t.Context(), append(words, "--help"), nil, &out, &out); err != nil {
			t.Errorf("leasehold %s: %v", line[1], err)
		}
		for _, word := range words { // --help does not ask whether flags are there
			if strings.HasPrefix(word, "--") && !strings.Contains(out.String(), word) {
				t.Errorf("leasehold %s: no %s in\n%s", line[1], word, &out)
			}
		}
	}
}

// verifier is the README's Go snippet, made a program that reads assertions and says whose they are.
const verifier = `package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/coreos/go-oidc/v3/oidc"
)

func main() {
	http.DefaultTransport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, os.Args[1])
	}
	ctx := context.Background()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		r := &http.Request{Header: http.Header{"X-Leasehold-Assertion": {lines.Text()}}}
SNIPPET
		if err != nil {
			fmt.Println("refused")
			continue
		}
		fmt.Println(token.Subject)
	}
}
`

func TestTheReadmesVerifierBelievesTheGatewayAndNobodyElse(t *testing.T) {
	st := startStage(t, demoCommand{Listen: "127.0.0.1:0"})
	p, err := st.logIn(t.Context(), newVisitor(st.port), "alice")
	if err != nil {
		t.Fatal(err)
	}
	told := func(header string) string {
		found := regexp.MustCompile(header + `</td><td>([^<]+)<`).FindStringSubmatch(p.body)
		if found == nil {
			t.Fatalf("no %s in %s", header, p.body)
		}
		return found[1]
	}
	assertion, account := told("X-Leasehold-Assertion"), told("X-Leasehold-User")

	for app, want := range map[string][]string{
		st.url("app"):                     {account, "refused", "refused"},
		"https://another-app.example.com": {"refused", "refused", "refused"},
	} {
		here := strings.NewReplacer("https://sso.example.com", st.url("sso"), "https://wiki.example.com", app)
		program := strings.Replace(verifier, "SNIPPET", here.Replace(snippets(t, "go")[0]), 1)
		command := exec.Command("go", "run", "-overlay", overlay(t, program), "../readme", "127.0.0.1:"+st.port)
		command.Stdin = strings.NewReader(strings.Join([]string{assertion, forged(assertion), "nonsense"}, "\n"))
		out, err := command.CombinedOutput()
		if got := strings.Fields(string(out)); err != nil || !slices.Equal(got, want) {
			t.Errorf("for %s: %v %s, want %v", app, err, out, want)
		}
	}
}

// forged is an assertion whose signature is another's.
func forged(assertion string) string {
	at := strings.LastIndexByte(assertion, '.') + 10
	other := byte('A')
	if assertion[at] == other {
		other = 'B'
	}
	return assertion[:at] + string(other) + assertion[at+1:]
}

// overlay puts a program into the module, at cmd/readme, without writing there.
func overlay(t *testing.T, program string) string {
	t.Helper()
	folder := t.TempDir()
	source, list := filepath.Join(folder, "main.go"), filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	at, err := filepath.Abs("../readme/main.go")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {at: source}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(list, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return list
}
