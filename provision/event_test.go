package provision_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"leasehold/provision"
)

func TestEveryKindOfEventIsListed(t *testing.T) {
	source, err := os.ReadFile("event.go")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, found := range regexp.MustCompile(`(?m)^\tEvent\w+ += "([\w.]+)"`).FindAllStringSubmatch(string(source), -1) {
		kinds = append(kinds, found[1])
	}
	if len(kinds) < 15 || !slices.Equal(kinds, provision.EventKinds()) {
		t.Errorf("%v are constants, %v are listed", kinds, provision.EventKinds())
	}
}
