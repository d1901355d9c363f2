package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leasehold/config"
)

func TestSourcesOfSecretsAreReadWithAllTheirFaults(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("reports.url", "postgres://boss:hunter2@db:5432/reports\n")
	write("none.url", "hunter2")
	sources, faults := config.LoadSecrets(write("a.yaml", "secrets:\n- {id: reports, tenant: acme, url_file: reports.url, member_of: [reading], roles: [analyst]}\n"), nil)
	if len(faults) != 0 || len(sources) != 1 || sources[0].ID != "reports" || sources[0].Tenant != "acme" || sources[0].Roles[0] != "analyst" || sources[0].Members[0] != "reading" || sources[0].Connections != 5 {
		t.Fatalf("%+v, %v", sources, faults)
	}
	if !strings.HasPrefix(sources[0].URL.Reveal(), "postgres://boss:hunter2@") {
		t.Error("the address was not read")
	}
	_, faults = config.LoadSecrets(write("b.yaml", `secrets:
- {id: reports, tenant: acme, url_file: none.url, roles: [analyst]}
- {id: reports, tenant: acme, kind: oracle, url_file: reports.url}
- {id: other, tenant: acme, roles: [analyst]}
`), nil)
	said := faults.Error()
	for _, want := range []string{"holds no address of a database", "has a source of that name above", `"oracle" is none of postgres`, "names none", "url_file: is missing"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said: %s", want, said)
		}
	}
	if strings.Contains(said, "hunter2") {
		t.Error("a fault holds a secret")
	}
	if sources, faults := config.LoadSecrets(filepath.Join(dir, "c.yaml"), nil); len(sources) != 0 || len(faults) != 0 {
		t.Errorf("a file that is not there: %v, %v", sources, faults)
	}
}
