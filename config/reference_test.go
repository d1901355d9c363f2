package config_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"leasehold/config"
)

var update = flag.Bool("update", false, "write docs/config.md")

func TestTheReferenceIsWhatTheCodeSays(t *testing.T) {
	const path = "../docs/config.md"
	want := config.Reference()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the code says; run: go test ./config -update", path)
	}
}

func TestEveryKeyOfTheReferenceHasAMeaning(t *testing.T) {
	for line := range strings.Lines(config.Reference()) {
		if strings.HasPrefix(line, "| `") && strings.HasSuffix(line, "|  |\n") {
			t.Errorf("no comment on a field: %s", line)
		}
	}
}
