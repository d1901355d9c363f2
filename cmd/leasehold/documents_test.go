package main_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
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
	for _, document := range []string{"docs/limits.md", "SECURITY.md"} {
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
		if len(named) < 10 || len(files) < 5 {
			t.Errorf("%s names %d tests and %d files: is it still read as it is written?", document, len(named), len(files))
		}
	}
}
