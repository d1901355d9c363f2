package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/provision"
)

// workloadSnippets are the pieces of docs/workloads.md in a language, in order.
func workloadSnippets(t *testing.T, language string) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/workloads.md")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		found = append(found, match[1])
	}
	return found
}

func TestTheManifestOfThePageOnWorkloadsIsOne(t *testing.T) {
	pieces := workloadSnippets(t, "yaml")
	if len(pieces) != 2 {
		t.Fatalf("%d manifests", len(pieces))
	}
	read := func(text string) (config.Manifest, provision.Policy) {
		file := filepath.Join(t.TempDir(), "acme.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m, faults := config.LoadManifests([]string{file}, nil, judge(provision.Origin{}, time.Time{}))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		return m, m.Tenants[0].Policy
	}
	if _, p := read(pieces[1]); len(p.Trust) != 1 || !p.Trust[0].Agent || p.Grants[0].MaxTTL != 10*time.Minute || p.Grants[0].Concurrent != 2 {
		t.Errorf("of agents: %+v", p)
	}
	m, p := read(pieces[0])
	if len(p.Trust) != 1 || len(p.Grants) != 1 || !p.Grants[0].NeedsTask || p.Grants[0].Concurrent != 1 || !m.Apps[0].Workloads || p.Trust[0].Match["environment"][0] != "production" {
		t.Errorf("%+v", p)
	}
}
