package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers is who may import whom, of ours: docs/architecture.md. "x/*" is everything below x, "*" is everybody.
func layers() map[string][]string {
	return map[string][]string{
		"provision":   {},
		"provision/*": {"provision"},
		"config":      {"provision"},
		"idp":         {"provision"},
		"idp/*":       {"idp", "provision"},
		"broker":      {"idp", "provision"},
		"broker/*":    {"broker", "idp", "provision"},
		"web":         {"broker", "provision"},
		"web/*":       {"web", "broker", "provision"},
		"cmd/*":       {"*"},
	}
}

// impure is what the core must not reach for: a clock is the one thing that an import does not show.
func impure() []string {
	return []string{"os", "net", "net/http", "crypto/rand", "math/rand", "math/rand/v2", "database/sql", "log", "log/slog", "syscall"}
}

// imported is one package of `go list -json`, without its tests.
type imported struct {
	ImportPath string
	Imports    []string
}

// layerFaults lists the imports that the table does not allow.
func layerFaults(packages []imported) (faults []string) {
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, "leasehold/")
		allowed, known := layers()[name]
		if top, _, below := strings.Cut(name, "/"); !known && below {
			allowed, known = layers()[top+"/*"]
		}
		if !known {
			faults = append(faults, name+" has no place in the table")
		}
		for _, path := range p.Imports {
			other, ours := strings.CutPrefix(path, "leasehold/")
			own := strings.HasPrefix(other, name+"/internal/")
			if ours && !own && !slices.Contains(allowed, other) && !slices.Contains(allowed, "*") {
				faults = append(faults, name+" imports "+other)
			}
			if name == "provision" && slices.Contains(impure(), path) {
				faults = append(faults, "the core imports "+path)
			}
			if strings.HasSuffix(path, "crewjam/saml/samlsp") {
				faults = append(faults, name+" imports samlsp")
			}
		}
	}
	return faults
}

func TestLayersImportOnlyWhatTheTableAllows(t *testing.T) {
	list := exec.Command("go", "list", "-json=ImportPath,Imports", "leasehold/...")
	list.Stderr = new(bytes.Buffer)
	output, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, list.Stderr)
	}
	var packages []imported
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p imported
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) < len(layers()) {
		t.Errorf("only %d packages are seen", len(packages))
	}
	for _, fault := range layerFaults(packages) {
		t.Error(fault)
	}
}

func TestLayersForgedAreSeen(t *testing.T) {
	for want, p := range map[string]imported{
		"provision imports idp":                       {"leasehold/provision", []string{"strings", "leasehold/idp"}},
		"provision/sqlite imports provision/memory":   {"leasehold/provision/sqlite", []string{"leasehold/provision/memory"}},
		"broker imports broker/redis":                 {"leasehold/broker", []string{"leasehold/broker/redis"}},
		"web imports config":                          {"leasehold/web", []string{"leasehold/config"}},
		"web imports idp":                             {"leasehold/web", []string{"leasehold/idp"}},
		"idp/saml imports broker":                     {"leasehold/idp/saml", []string{"leasehold/broker"}},
		"idp/saml imports cmd/leasehold/internal/x":   {"leasehold/idp/saml", []string{"leasehold/cmd/leasehold/internal/x"}},
		"config imports web":                          {"leasehold/config", []string{"leasehold/web"}},
		"internal/util has no place in the table":     {"leasehold/internal/util", nil},
		"config/middleware has no place in the table": {"leasehold/config/middleware", nil},
		"the core imports net/http":                   {"leasehold/provision", []string{"net/http"}},
		"idp/saml imports samlsp":                     {"leasehold/idp/saml", []string{"github.com/crewjam/saml/samlsp"}},
	} {
		if faults := layerFaults([]imported{p}); !slices.Equal(faults, []string{want}) {
			t.Errorf("%q, want %q", faults, want)
		}
	}
	honest := []imported{{"leasehold/cmd/leasehold", []string{"leasehold/config", "leasehold/idp/saml"}}, {"leasehold/idp/saml", []string{"leasehold/idp", "leasehold/idp/saml/internal/x"}}}
	if faults := layerFaults(honest); len(faults) != 0 {
		t.Errorf("honest: %q", faults)
	}
}
