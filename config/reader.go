package config

import (
	"fmt"
	"iter"
	"path/filepath"
	"reflect"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// reader fills structs from one YAML file. It is strict, and goes on after a fault so that all come at once.
//
// The field of a key has the tag `key:"name"`. Further tags: `default:"…"`; `required:"true"`, the key must be there;
// `later:"true"`, only an empty value is accepted, because what it asks for is not built yet. A field of type [place]
// remembers where its struct stands, for the checks that come after reading.
type reader struct {
	file   string              // as it was named
	dir    string              // where relative paths in values begin
	at     map[string]position // by path, "tenants[0].id"; "" is the file itself
	faults *Faults
}

// position is where a value was given. A key that is not "" is reported in place of the path.
type position struct {
	file         string
	line, column int
	key          string
}

// place is one mapping in a file.
type place struct {
	reader *reader
	path   string // of the mapping, "tenants[0]"; "" is the whole file
}

// has reports whether the mapping has the key, whatever stands there.
func (p place) has(key string) bool {
	_, ok := p.reader.at[join(p.path, key)]
	return ok
}

// fault notes what is wrong with a key of the mapping.
func (p place) fault(key, format string, args ...any) {
	p.reader.fault(join(p.path, key), format, args...)
}

func newReader(file, dir string, faults *Faults) *reader {
	return &reader{file, dir, map[string]position{"": {file: file}}, faults}
}

// position is where the value at path was given, or the nearest thing above it that is there.
func (r *reader) position(path string) position {
	where, ok := r.at[path]
	for !ok {
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
		where, ok = r.at[path]
	}
	return where
}

// fault notes what is wrong at path.
func (r *reader) fault(path, format string, args ...any) {
	where := r.position(path)
	if where.key != "" {
		path = where.key
	}
	*r.faults = append(*r.faults, Fault{where.file, where.line, where.column, path, fmt.Sprintf(format, args...)})
}

// faultAt notes what is wrong at a token.
func (r *reader) faultAt(t *token.Token, key, format string, args ...any) {
	*r.faults = append(*r.faults, Fault{r.file, t.Position.Line, t.Position.Column, key, fmt.Sprintf(format, args...)})
}

// load reads the file into the struct that v points to, and reports whether there was something to understand.
func (r *reader) load(v any) bool {
	text, err := readFile(r.file, maxFile)
	if err != nil {
		r.fault("", "%v", err)
		return false
	}
	r.at[""] = position{file: r.file, line: 1}
	document, ok := r.parse(text)
	if ok && document != nil {
		r.value(reflect.ValueOf(v).Elem(), document, "")
	}
	return ok
}

// value reads node into v.
func (r *reader) value(v reflect.Value, node ast.Node, path string) {
	switch {
	case isSection(v.Type()):
		r.section(v, node, path)
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for key, node := range r.pairs(node, path) {
			inner := reflect.New(v.Type().Elem()).Elem()
			r.value(inner, node, join(path, key))
			v.SetMapIndex(reflect.ValueOf(key), inner)
		}
	case isList(v.Type()):
		r.list(v, node, path)
	default:
		if text, ok := r.scalar(node, path); ok {
			r.set(v, text, path)
		}
	}
}

// section reads a mapping into a struct, by the tags of its fields.
func (r *reader) section(v reflect.Value, node ast.Node, path string) {
	r.defaults(v.Addr().Interface())
	fields, known := map[string]int{}, []string{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if key := field.Tag.Get("key"); key != "" {
			fields[key], known = i, append(known, key)
		} else if field.Type == reflect.TypeFor[place]() {
			v.Field(i).Set(reflect.ValueOf(place{r, path}))
		}
	}
	for key, node := range r.pairs(node, path) {
		i, ok := fields[key]
		if !ok {
			r.fault(join(path, key), "is no key of this place; the keys here are %s", strings.Join(known, ", "))
			continue
		}
		r.value(v.Field(i), node, join(path, key))
		if v.Type().Field(i).Tag.Get("later") != "" && !v.Field(i).IsZero() {
			r.fault(join(path, key), "is not supported by this version yet; leave it out")
		}
	}
	for _, key := range known {
		if v.Type().Field(fields[key]).Tag.Get("required") != "" && !(place{r, path}).has(key) {
			r.fault(join(path, key), "is missing; add it")
		}
	}
}

// list reads a sequence into a slice. An item that cannot be read stays as a zero value, so that indexes are the file's.
func (r *reader) list(v reflect.Value, node ast.Node, path string) {
	sequence, ok := node.(*ast.SequenceNode)
	if _, single := node.(*ast.StringNode); single && v.Type() == reflect.TypeFor[patterns]() {
		r.at[item(path, 0)] = at(r.file, node.GetToken())
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		r.value(v.Index(0), node, item(path, 0))
		return
	}
	if !ok {
		r.fault(path, "wants a list; write [a, b], or a line that begins with - for each item")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(sequence.Values), len(sequence.Values)))
	for i, node := range sequence.Values {
		r.at[item(path, i)] = at(r.file, node.GetToken())
		r.value(v.Index(i), node, item(path, i))
	}
}

// pairs are the keys and values of a mapping, each key once.
func (r *reader) pairs(node ast.Node, path string) iter.Seq2[string, ast.Node] {
	return func(yield func(string, ast.Node) bool) {
		mapping, ok := node.(ast.MapNode)
		if !ok {
			r.fault(path, "wants keys with values; write key: value")
			return
		}
		lines := map[string]int{}
		for pair := mapping.MapRange(); pair.Next(); {
			t := pair.Key().GetToken()
			if first, twice := lines[t.Value]; twice {
				r.faultAt(t, join(path, t.Value), "is here a second time, after line %d; keep one", first)
				continue
			}
			lines[t.Value] = t.Position.Line
			r.at[join(path, t.Value)] = at(r.file, t)
			if !yield(t.Value, pair.Value()) {
				return
			}
		}
	}
}

// scalar is the text of a single value as it was written, so that on, 007 and 2027-12-31 mean what they show.
func (r *reader) scalar(node ast.Node, path string) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	case *ast.NullNode:
		r.fault(path, "has no value; write one, or leave the key out")
	default:
		r.fault(path, "wants a single value, not a list or a mapping; quote a value that has a colon")
	}
	return "", false
}

// text reads a value that came as plain text, from the environment or as a default; lists are separated by commas.
func (r *reader) text(v reflect.Value, text, path string) {
	if !isList(v.Type()) {
		r.set(v, text, path)
		return
	}
	v.SetZero()
	if strings.TrimSpace(text) == "" {
		return
	}
	for part := range strings.SplitSeq(text, ",") {
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		r.set(v.Index(v.Len()-1), strings.TrimSpace(part), item(path, v.Len()-1))
	}
}

// set parses text into v, which is a single value and stays as it was after a fault.
func (r *reader) set(v reflect.Value, text, path string) {
	switch _, document := v.Interface().(document); {
	case strings.HasSuffix(path, "]") && text == "":
		r.fault(path, "is empty; write a value, or leave the item out")
	case !document && strings.ContainsFunc(text, unicode.IsControl):
		r.fault(path, "has a line break or another control character; write it in one line")
	default:
		parsed := reflect.New(v.Type()).Elem()
		if err := parse(parsed, text); err != nil {
			r.fault(path, "%v", err)
			return
		}
		v.Set(parsed)
	}
}

// resolve is a path of a value as the process can open it: relative paths begin at the file that they stand in.
func (r *reader) resolve(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.dir, path)
}

func at(file string, t *token.Token) position {
	return position{file: file, line: t.Position.Line, column: t.Position.Column}
}

func join(path, key string) string {
	if path == "" || key == "" {
		return path + key
	}
	return path + "." + key
}

func item(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// isSection reports whether t is a struct whose fields are keys.
func isSection(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("key") != "" {
			return true
		}
	}
	return false
}

func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t != reflect.TypeFor[document]()
}
