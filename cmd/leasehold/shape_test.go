package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What a rule can judge about the shape of the code.
const (
	maxFileLines = 400
	maxFuncLines = 80
	maxParams    = 5 // beside the context
	maxMethods   = 8 // of an interface
)

// exceptions are the places that a rule does not fit, each with its reason. One that is not needed is a fault.
func exceptions() map[string]string {
	return map[string]string{
		"provision/store.go: Registry has 15 methods":                      "it only reads, and one store has all of it: a list a noun",
		"broker/reap.go: endOrKeep has 6 parameters":                       "it is pure: all that it judges by is passed in",
		"cmd/leasehold/internal/peers/process.go: start has 6 parameters":  "what a command of the tests is started with, each named",
		"provision/storetest/crash.go: RunCrashes has more than 80 lines":  "one list of the crashes that matter, by name",
		"provision/storetest/world.go: start is a variable of the package": "a constant, were times allowed to be constants",
		"web/pages.go: show has 6 parameters":                              "the one place that writes a page",
	}
}

// file is one source file's shape.
type file struct {
	path   string
	ast    *ast.File
	fset   *token.FileSet
	faults []string
}

func (f *file) fault(format string, args ...any) {
	f.faults = append(f.faults, f.path+": "+fmt.Sprintf(format, args...))
}

// shapeFaults lists what is wrong with the shape of one file.
func shapeFaults(path, source string) ([]string, error) {
	f := &file{path: path, fset: token.NewFileSet()}
	var err error
	if f.ast, err = parser.ParseFile(f.fset, path, source, parser.ParseComments); err != nil {
		return nil, err
	}
	if slices.Contains([]string{"log", "util", "utils", "common", "helper", "helpers", "errors", "types", "model", "models"}, f.ast.Name.Name) {
		f.fault("a package called %s", f.ast.Name.Name)
	}
	if lines := strings.Count(source, "\n"); lines > maxFileLines {
		f.fault("more than %d lines", maxFileLines)
	}
	for _, declared := range f.ast.Decls {
		switch declared := declared.(type) {
		case *ast.FuncDecl:
			f.function(declared)
		case *ast.GenDecl:
			for _, spec := range declared.Specs {
				f.spec(declared, spec)
			}
		}
	}
	ast.Inspect(f.ast, f.uses)
	return f.faults, nil
}

func (f *file) function(d *ast.FuncDecl) {
	name := d.Name.Name
	receiver := receiverOf(d)
	if name == "init" && receiver == "" {
		f.fault("init")
	}
	if d.Name.IsExported() && name != "Error" && (receiver == "" || ast.IsExported(receiver)) && d.Doc == nil {
		f.fault("%s is exported and says nothing", name)
	}
	if lines := f.fset.Position(d.End()).Line - f.fset.Position(d.Pos()).Line + 1; lines > maxFuncLines {
		f.fault("%s has more than %d lines", name, maxFuncLines)
	}
	params := 0
	for _, field := range d.Type.Params.List {
		if selector, ok := field.Type.(*ast.SelectorExpr); !ok || selector.Sel.Name != "Context" {
			params += max(1, len(field.Names))
		}
	}
	if params > maxParams {
		f.fault("%s has %d parameters", name, params)
	}
}

// receiverOf is the name of a method's type, or "".
func receiverOf(d *ast.FuncDecl) (name string) {
	if d.Recv == nil {
		return ""
	}
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if identifier, ok := n.(*ast.Ident); ok && name == "" {
			name = identifier.Name
		}
		return true
	})
	return name
}

func (f *file) spec(d *ast.GenDecl, spec ast.Spec) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
			f.fault("%s is exported and says nothing", spec.Name.Name)
		}
		if i, ok := spec.Type.(*ast.InterfaceType); ok && len(i.Methods.List) > maxMethods {
			f.fault("%s has %d methods", spec.Name.Name, len(i.Methods.List))
		}
	case *ast.ValueSpec:
		for i, name := range spec.Names {
			if name.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
				f.fault("%s is exported and says nothing", name.Name)
			}
			if d.Tok == token.VAR && !constant(d, spec, i) {
				f.fault("%s is a variable of the package", name.Name)
			}
		}
	}
}

// constant reports whether a variable is one in name only: an embedded file, an error value, an expression compiled
// once, or the compiler's word that a type has an interface.
func constant(d *ast.GenDecl, spec *ast.ValueSpec, i int) bool {
	for _, doc := range []*ast.CommentGroup{d.Doc, spec.Doc} {
		if doc != nil && strings.HasPrefix(doc.List[len(doc.List)-1].Text, "//go:embed ") {
			return true
		}
	}
	if spec.Names[i].Name == "_" {
		return true
	}
	if i >= len(spec.Values) {
		return false
	}
	call, ok := spec.Values[i].(*ast.CallExpr)
	if !ok {
		return false
	}
	made, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	from, ok := made.X.(*ast.Ident)
	return ok && slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile"}, from.Name+"."+made.Sel.Name)
}

// uses finds what nobody may call: crewjam's judgements of messages, a panic, and in the core a clock.
func (f *file) uses(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.SelectorExpr:
		name := n.Sel.Name
		if strings.HasPrefix(name, "ValidateLogout") || (strings.HasPrefix(name, "Parse") && strings.HasSuffix(name, "Response")) {
			f.fault("%s: messages are judged by idp/saml alone", name)
		}
		if from, ok := n.X.(*ast.Ident); ok && from.Name == "time" && filepath.Dir(f.path) == "provision" && slices.Contains([]string{"Now", "Since", "Until", "After", "Sleep"}, name) {
			f.fault("time.%s in the core", name)
		}
	case *ast.CallExpr:
		if name, ok := n.Fun.(*ast.Ident); ok && name.Name == "panic" {
			f.fault("panic")
		}
	}
	return true
}

func TestShapeOfEverySourceFile(t *testing.T) {
	root := filepath.Join("..", "..")
	needed, documented := exceptions(), map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		if entry.IsDir() && path != root && (strings.HasPrefix(name, ".") && name != ".." || name == "testdata" || name == "node_modules") {
			return filepath.SkipDir
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		path, _ = filepath.Rel(root, path)
		faults, err := shapeFaults(filepath.ToSlash(path), string(source))
		for _, fault := range faults {
			if _, excepted := exceptions()[fault]; !excepted {
				t.Error(fault)
			}
			delete(needed, fault)
		}
		folder := filepath.Dir(path)
		documented[folder] = documented[folder] || strings.Contains(string(source), "\n// Package ") || strings.HasPrefix(string(source), "// ")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for fault := range needed {
		t.Errorf("an exception that is not needed: %s", fault)
	}
	for folder, has := range documented {
		if !has {
			t.Errorf("%s: the package says nothing about itself", folder)
		}
	}
	if len(documented) < 10 {
		t.Errorf("only %d folders are seen", len(documented))
	}
}

func TestShapeFaultsPlantedAreSeen(t *testing.T) {
	long := strings.Repeat("\n", maxFuncLines)
	for source, want := range map[string]string{
		"package util":                                                         "a package called util",
		"package x\nfunc init() {}":                                            "init",
		"package x\nfunc F() {}":                                               "F is exported and says nothing",
		"package x\n// T is.\ntype T int\nfunc (T) M() {}":                     "M is exported and says nothing",
		"package x\ntype T int":                                                "T is exported and says nothing",
		"package x\nconst C = 1":                                               "C is exported and says nothing",
		"package x\nvar v = map[string]int{}":                                  "v is a variable of the package",
		"package x\nvar a, b = errors.New(``), 1":                              "b is a variable of the package",
		"package x\nvar v int":                                                 "v is a variable of the package",
		"package x\nfunc f() {" + long + "}":                                   "f has more than 80 lines",
		"package x\nfunc f() {}" + strings.Repeat(long, 5):                     "more than 400 lines",
		"package x\nfunc f(ctx context.Context, a, b, c int, d, e, g bool) {}": "f has 6 parameters",
		"package x\ntype i interface{" + strings.Repeat("M()\n", 9) + "}":      "i has 9 methods",
		"package x\nfunc f() { panic(1) }":                                     "panic",
		"package x\nfunc f() { sp.ParseXMLResponse(nil) }":                     "ParseXMLResponse: messages are judged by idp/saml alone",
		"package x\nfunc f() { sp.ValidateLogoutResponseForm() }":              "ValidateLogoutResponseForm: messages are judged by idp/saml alone",
		"package x\nfunc f() { _ = time.Now() }":                               "time.Now in the core",
	} {
		faults, err := shapeFaults("provision/x.go", source)
		if err != nil || !slices.Equal(faults, []string{"provision/x.go: " + want}) {
			t.Errorf("%q, %v; want %q", faults, err, want)
		}
	}
	honest := "// Package x is.\npackage x\n\n// ErrX is.\nvar ErrX = errors.New(``)\nvar _ I = T{}\nvar r = regexp.MustCompile(``)\n\n//go:embed a.txt\nvar a string\n\nfunc f(ctx context.Context, a, b, c, d, e int) {}\n\ntype t int\n\nfunc (t) Close() {}\n"
	if faults, err := shapeFaults("provision/x.go", honest); err != nil || len(faults) != 0 {
		t.Errorf("honest: %q, %v", faults, err)
	}
}
