package provision_test

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"leasehold/provision"
)

var update = flag.Bool("update", false, "write docs/reasons.md")

// coded is one declared code, with what its comment says.
type coded struct {
	kind, code, meaning, do string
}

// codes are the reasons and causes that reason.go declares, by the heading of their block.
func codes(t testing.TB) (headings []string, under map[string][]coded) {
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	under = map[string][]coded{}
	for _, block := range file.Decls {
		block, ok := block.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			continue
		}
		heading := strings.TrimSuffix(strings.TrimSpace(block.Doc.Text()), ".")
		headings = append(headings, heading)
		for _, spec := range block.Specs {
			spec := spec.(*ast.ValueSpec)
			code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(strings.TrimSpace(spec.Doc.Text()), "\n", " ")
			meaning, do, _ := strings.Cut(text, " Do: ")
			under[heading] = append(under[heading], coded{spec.Type.(*ast.Ident).Name, code, meaning, do})
		}
	}
	return headings, under
}

// reference is docs/reasons.md.
func reference(t testing.TB) string {
	var b strings.Builder
	b.WriteString("# Reasons and causes\n\nMade of the comments in `provision/reason.go` by `go test ./provision -update`. Codes are stable: more may come, none is renamed.\n")
	headings, under := codes(t)
	for _, heading := range headings {
		b.WriteString("\n## " + heading + "\n")
		for i, c := range under[heading] {
			anchor := ""
			if c.kind == "Reason" {
				anchor = `<a id="` + c.code + `"></a>`
			}
			switch {
			case c.kind == "Cause" && i == 0:
				b.WriteString("Why a lease ended.\n\n| cause | meaning |\n|---|---|\n")
			case c.kind == "Reason" && i == 0:
				b.WriteString("| reason | meaning | what to do |\n|---|---|---|\n")
			}
			b.WriteString("| " + anchor + "`" + c.code + "` | " + c.meaning + " |")
			if c.kind == "Reason" {
				b.WriteString(" " + strings.ToUpper(c.do[:1]) + c.do[1:] + " |")
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

func TestEveryDeclaredReasonAndCauseIsListedAndSaysWhatItMeans(t *testing.T) {
	var reasons []provision.Reason
	var causes []provision.Cause
	headings, under := codes(t)
	for _, heading := range headings {
		for _, c := range under[heading] {
			if !strings.HasSuffix(c.meaning, ".") || (c.kind == "Reason") != (c.do != "") {
				t.Fatalf("%s does not say what it means, or what to do: %+v", c.code, c)
			}
			if c.kind == "Reason" {
				reasons = append(reasons, provision.Reason(c.code))
			} else {
				causes = append(causes, provision.Cause(c.code))
			}
		}
	}
	if len(reasons) == 0 || !slices.Equal(reasons, provision.Reasons()) {
		t.Errorf("declared %v\nlisted   %v", reasons, provision.Reasons())
	}
	if len(causes) == 0 || !slices.Equal(causes, provision.Causes()) {
		t.Errorf("declared %v\nlisted   %v", causes, provision.Causes())
	}
	for _, list := range [][]provision.Reason{provision.Reasons()} {
		slices.Sort(list)
		if len(slices.Compact(list)) != len(provision.Reasons()) {
			t.Error("one code stands for two reasons")
		}
	}
}

func TestAReasonSaysItselfWhatItMeans(t *testing.T) {
	_, under := codes(t)
	for _, listed := range under {
		for _, c := range listed {
			meaning, do := provision.Reason(c.code).Meaning()
			if c.kind == "Reason" && (meaning != c.meaning || do != strings.ToUpper(c.do[:1])+c.do[1:]) {
				t.Errorf("%s means %q, do %q; declared is %+v", c.code, meaning, do, c)
			}
		}
	}
	if meaning, do := provision.Reason("no_such").Meaning(); meaning+do != "" {
		t.Errorf("a code that is not there means %q, %q", meaning, do)
	}
}

func TestTheListOfReasonsIsWhatTheCodeSays(t *testing.T) {
	const path = "../docs/reasons.md"
	want := reference(t)
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
		t.Errorf("%s is not what the code says; run: go test ./provision -update", path)
	}
}
