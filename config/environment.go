package config

import (
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
)

const variablePrefix = "LEASEHOLD_"

// variable is the environment variable of a key: "tls.cert" is LEASEHOLD_TLS_CERT.
func variable(path string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// defaults gives the fields of the struct that v points to the values of their tags.
func (r *reader) defaults(v any) {
	for path, leaf := range leaves(reflect.ValueOf(v).Elem()) {
		if leaf.tag.Get("default") != "" {
			r.text(leaf.value, leaf.tag.Get("default"), path)
		}
	}
}

// environment overwrites fields with the variables that environ has for them. A variable that nothing asks for is a
// fault: it is a slip of the pen, or a setting that somebody relies on.
func (r *reader) environment(v any, environ []string) {
	given := map[string]string{}
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, variablePrefix) {
			continue
		}
		if before, twice := given[name]; twice && before != text {
			r.variableFault(name, "is set twice, to different values; set it once")
		}
		given[name] = text
	}
	for path, leaf := range leaves(reflect.ValueOf(v).Elem()) {
		name := variable(path)
		if text, ok := given[name]; ok {
			delete(given, name)
			maps.DeleteFunc(r.at, func(at string, _ position) bool { return strings.HasPrefix(at, path+"[") })
			r.at[path] = position{file: "environment", key: name}
			r.text(leaf.value, text, path)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		r.variableFault(name, "is no variable of Leasehold; correct its name or unset it")
	}
}

func (r *reader) variableFault(name, text string) {
	*r.faults = append(*r.faults, Fault{File: "environment", Key: name, Text: text})
}

// leaf is a field that holds a value, not a section.
type leaf struct {
	value reflect.Value
	tag   reflect.StructTag
}

// leaves are the fields of a struct that hold values, with the paths of their keys.
func leaves(v reflect.Value) iter.Seq2[string, leaf] {
	return func(yield func(string, leaf) bool) {
		for i := range v.NumField() {
			field := v.Type().Field(i)
			key := field.Tag.Get("key")
			if !isSection(field.Type) {
				if !yield(key, leaf{v.Field(i), field.Tag}) {
					return
				}
				continue
			}
			for inner, leaf := range leaves(v.Field(i)) {
				if !yield(join(key, inner), leaf) {
					return
				}
			}
		}
	}
}
