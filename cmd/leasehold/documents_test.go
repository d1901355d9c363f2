package main_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"leasehold/provision"
)

// TestDocumentsNameTestsAndFilesThatThereAre keeps what is said to be tested, and where it stands, from being a memory.
func TestDocumentsNameTestsAndFilesThatThereAre(t *testing.T) {
	var tests strings.Builder
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		tests.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for document, least := range map[string]int{"docs/limits.md": 5, "docs/attacks.md": 1, "SECURITY.md": 5} {
		text, err := os.ReadFile(filepath.Join("../..", document))
		if err != nil {
			t.Fatal(err)
		}
		named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w+)`").FindAllStringSubmatch(string(text), -1)
		for _, name := range named {
			if !strings.Contains(tests.String(), "func "+name[1]+"(") {
				t.Errorf("%s names %s, which is not there", document, name[1])
			}
		}
		files := regexp.MustCompile("`((?:broker|cmd|config|idp|provision|web|docs|deploy)/[\\w./-]+)`").FindAllStringSubmatch(string(text), -1)
		for _, name := range files {
			if _, err := os.Stat(filepath.Join("../..", name[1])); err != nil {
				t.Errorf("%s: %v", document, err)
			}
		}
		if len(named) < 10 || len(files) < least {
			t.Errorf("%s names %d tests and %d files: is it still read as it is written?", document, len(named), len(files))
		}
	}
}

// TestTheAttacksNameReasonsThatThereAreAndEveryTarget keeps docs/attacks.md from a reason that nobody says, and from
// leaving out a fuzz target of what comes from outside.
func TestTheAttacksNameReasonsThatThereAreAndEveryTarget(t *testing.T) {
	text, err := os.ReadFile("../../docs/attacks.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile("`([a-z]+_[a-z_]+)`").FindAllStringSubmatch(string(text), -1)
	for _, code := range codes {
		if !slices.Contains(provision.Reasons(), provision.Reason(code[1])) {
			t.Errorf("%s is no reason", code[1])
		}
	}
	if len(codes) < 50 {
		t.Errorf("%d reasons: is the page still read as it is written?", len(codes))
	}
	for _, folder := range []string{"idp/saml", "idp/oidc", "web", "broker"} {
		files, err := filepath.Glob(filepath.Join("../..", folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, target := range regexp.MustCompile(`(?m)^func (Fuzz\w+)`).FindAllStringSubmatch(string(source), -1) {
				if !strings.Contains(string(text), "`"+target[1]+"`") {
					t.Errorf("%s of %s is not on the page", target[1], folder)
				}
			}
		}
	}
}
