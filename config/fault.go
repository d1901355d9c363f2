package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Fault is one thing that is wrong with a configuration, and where. A configuration with a fault is not used at all.
type Fault struct {
	File   string `json:"file"`             // as it was named; "environment" for a variable; "configuration" when there is neither
	Line   int    `json:"line,omitempty"`   // from 1; 0: the fault is about no line
	Column int    `json:"column,omitempty"` // from 1; 0: not known
	Key    string `json:"key,omitempty"`    // "tenants[0].policy.create", or the variable's name; "": the fault is about no key
	Text   string `json:"text"`             // what is wrong and what to do
}

// String is the fault in one line, "file:line: key: sentence".
func (f Fault) String() string {
	where := f.File
	if f.Line > 0 {
		where = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	if f.Key != "" {
		where += ": " + f.Key
	}
	return printable(where + ": " + f.Text)
}

// Faults is everything that is wrong, in the order of files and lines. It is an error only when its length is not 0:
// no Faults in a variable of type error is not nil.
type Faults []Fault

// Error is the faults, one a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// sorted is f in the order in which a person reads: by file, then from the top.
func (f Faults) sorted() Faults {
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Key, b.Key))
	})
	return f
}

// printable is s without the characters that could draw another line, or something else, on a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
