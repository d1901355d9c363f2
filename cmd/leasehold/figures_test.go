//go:build figures

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The populations that are held against each other.
const (
	few  = 1_000
	many = 1_000_000
)

// TestFigures measures speed and memory and prints a table. No time makes it fail: it fails when it cannot measure. The
// processes that it measures itself against are itself, run with bareAddress in the environment.
func TestFigures(t *testing.T) {
	if address := os.Getenv(bareAddress); address != "" {
		serveBare(t, address)
	}
	var f figures
	binary := build(t)
	t.Run("saml", func(t *testing.T) { f.reading(t) })
	t.Run("populations", func(t *testing.T) {
		small := settle(t, binary, population{accounts: few, tenants: few / 100, leases: few})
		header := f.checkInProcess(t, small)
		f.loginInProcess(t, small)
		f.checkAgainstBare(t, small, header)
		if os.Getenv("FIGURES_SMALL") == "" {
			f.compare(t, small, settle(t, binary, population{accounts: many, tenants: many / 100, leases: many / 10}))
		}
	})
	fmt.Printf("\n%s\n", f)
}

// figures is the table.
type figures []figure

// figure is a row of it.
type figure struct{ name, value, target, how string }

func (f *figures) add(name, value, target, how string) {
	*f = append(*f, figure{name, value, target, how})
}

// String is the table in Markdown.
func (f figures) String() string {
	var text strings.Builder
	text.WriteString("| Name | Value | Target | How measured |\n|---|---|---|---|\n")
	for _, row := range f {
		fmt.Fprintf(&text, "| %s | %s | %s | %s |\n", row.name, row.value, row.target, row.how)
	}
	return text.String()
}

// build is the path of a binary as it is shipped.
func build(t *testing.T) string {
	binary := filepath.Join(t.TempDir(), "leasehold")
	command := exec.Command("go", "build", "-trimpath", "-o", binary, ".")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// reading is what a SAML response costs here, and with crewjam/saml.
func (f *figures) reading(t *testing.T) {
	out, err := exec.Command("go", "test", "-run", "^$", "-bench", "^Benchmark(Verify|CrewjamParseXMLResponse)$", "-count", "5", "leasehold/idp/saml").CombinedOutput()
	if err != nil {
		t.Fatalf("benchmarks of idp/saml: %v\n%s", err, out)
	}
	ours, theirs := fastest(t, out, "Verify"), fastest(t, out, "CrewjamParseXMLResponse")
	f.add("SAML response read", fmt.Sprintf("%.1f times as fast: %s and %s", part(theirs, ours), micros(ours), micros(theirs)), "≥ 2 times",
		"the whole of Verify against ParseXMLResponse of crewjam/saml on the same 4 KB, RSA-2048; the best of five benchmarks of each, in turn")
}

// fastest is the least time an operation took in the output of a benchmark.
func fastest(t *testing.T, out []byte, name string) time.Duration {
	var least time.Duration
	for _, found := range regexp.MustCompile(`(?m)^Benchmark`+name+`\S*\s+\d+\s+(\d+)(?:\.\d+)? ns/op`).FindAllSubmatch(out, -1) {
		n, err := strconv.ParseInt(string(found[1]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Duration(n); least == 0 || took < least {
			least = took
		}
	}
	if least == 0 {
		t.Fatalf("no Benchmark%s in:\n%s", name, out)
	}
	return least
}

// micros is a time in microseconds.
func micros(d time.Duration) string { return fmt.Sprintf("%.1f µs", float64(d)/1e3) }

// millis is a time in milliseconds.
func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/1e6) }

// seconds is a time in seconds.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
