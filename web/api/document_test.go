package api_test

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web/api"
)

var update = flag.Bool("update", false, "write the tables of docs/api.md")

const page = "../../docs/api.md"

// TestThePageHasEveryRightAndEveryReason keeps the tables true; -update writes them.
func TestThePageHasEveryRightAndEveryReason(t *testing.T) {
	text, err := os.ReadFile(page)
	must(t, err)
	rights := "| right | scope | |\n|---|---|---|\n"
	for _, r := range broker.Rights() {
		what, where := "read", ""
		if r.Write {
			what = "write"
		}
		if r.Everywhere {
			where = "everywhere"
		}
		if r.Home {
			where = "in the operators' tenant: everywhere"
		}
		if r.Whole {
			where = strings.TrimPrefix(where+"; no narrowed token", "; ")
		}
		rights += fmt.Sprintf("| `%s` | `%s:%s` | %s |\n", r.Right, r.Kind, what, where)
	}
	problems := "| reason | |\n|---|---|\n"
	for _, reason := range slices.Sorted(maps.Keys(api.Reasons())) {
		problems += fmt.Sprintf("| `%s` | %s |\n", reason, api.Reasons()[reason])
	}
	wanted := string(text)
	for name, table := range map[string]string{"rights": rights, "problems": problems} {
		part := regexp.MustCompile("(?s)<!-- " + name + " -->\n.*<!-- /" + name + " -->")
		if !part.MatchString(wanted) {
			t.Fatalf("the page has no place for %s", name)
		}
		wanted = part.ReplaceAllLiteralString(wanted, "<!-- "+name+" -->\n"+table+"<!-- /"+name+" -->")
	}
	if *update {
		must(t, os.WriteFile(page, []byte(wanted), 0o644))
	} else if wanted != string(text) {
		t.Error("the tables are not those of the code; run go test ./web/api -run ThePage -update")
	}
	for _, kind := range provision.PermitKinds() {
		if !strings.Contains(wanted, "`"+kind+"`") {
			t.Errorf("the page does not name the scope of %s", kind)
		}
	}
}

// words are a command line's, as a shell takes them apart.
func words(t testing.TB, line string, variables *strings.Replacer) (found []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`'([^']*)'|"([^"]*)"|(\S+)`).FindAllStringSubmatch(line, -1) {
		if m[1] != "" {
			found = append(found, m[1])
		} else {
			found = append(found, variables.Replace(m[2]+m[3]))
		}
	}
	return found
}

// TestTheCommandsOnThePageWork asks what the page's curl commands ask, one after the other.
func TestTheCommandsOnThePageWork(t *testing.T) {
	h := newHouse(t)
	h.register("acme")
	_, err := h.desk.CreateConnection(t.Context(), broker.Order{Mandate: everywhere()}, broker.ConnectionOrder{Connection: provision.Connection{
		ID: "acme-saml", Tenant: "acme", Protocol: provision.SAML, Domains: []provision.Domain{domain("acme.test")}, Subject: "nameid", MetadataURL: "https://idp.acme.test/metadata",
	}})
	must(t, err)
	variables := strings.NewReplacer("$TOKEN", h.token("acme", time.Hour, provision.MayWrite), "$EVERYWHERE", h.token("", time.Hour, provision.MayWrite), "$SSO", "")
	text, err := os.ReadFile(page)
	must(t, err)
	commands := regexp.MustCompile(`(?m)^curl .*$`).FindAllString(string(text), -1)
	if len(commands) < 7 {
		t.Fatalf("only %d commands: is the page still read as it is written?", len(commands))
	}
	for _, line := range commands {
		method, path, body, headers, args := http.MethodGet, "", "", []string{}, words(t, line, variables)
		token := ""
		for i := 1; i < len(args); i++ {
			switch args[i] {
			case "-s":
			case "-X":
				i++
				method = args[i]
			case "-d":
				i++
				body = args[i]
			case "-H":
				i++
				name, value, _ := strings.Cut(args[i], ": ")
				if name == "Authorization" {
					token = strings.TrimPrefix(value, "Bearer ")
					continue
				}
				headers = append(headers, name, value)
			default:
				path = args[i]
			}
		}
		var payload any
		if body != "" {
			payload = body
		}
		if a := h.ask(token, method, path, payload, headers...); a.status != http.StatusOK {
			t.Errorf("%s\nis %d %s", line, a.status, a.body)
		}
	}
}
