package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	maxFile    = 4 << 20 // bytes of a configuration file or manifest
	maxNesting = 20      // lists and mappings in each other; the parser recurses
)

// parse is the one document in text, or nil when there are only comments.
func (r *reader) parse(text []byte) (ast.Node, bool) {
	if !utf8.Valid(text) {
		r.fault("", "is not UTF-8; save it in that encoding")
		return nil, false
	}
	tokens := lexer.Tokenize(strings.TrimPrefix(string(text), "\ufeff"))
	if !r.plain(tokens) {
		return nil, false
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	switch {
	case err != nil:
		r.syntax(err)
		return nil, false
	case len(file.Docs) > 1:
		r.fault("", "holds several documents; write one, without a line of ---")
		return nil, false
	case len(file.Docs) == 0:
		return nil, true
	}
	return file.Docs[0].Body, true
}

// plain refuses what makes a file mean something else than it shows, or cost more than its length: anchors, aliases
// and merge keys, tags, directives, keys that are not text, and deep nesting. The parser does not see any of it.
func (r *reader) plain(tokens token.Tokens) bool {
	before, flow, line, dashes := len(*r.faults), 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, dashes = t.Position.Line, 0
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			r.faultAt(t, "", "anchors (&), aliases (*) and merge keys (<<) are not read here; write the value out, or quote it")
		case token.TagType, token.DirectiveType, token.MappingKeyType:
			r.faultAt(t, "", "tags (!), directives (%%) and complex keys (?) are not read here; write plain keys and values, or quote them")
		case token.SequenceEntryType:
			dashes++
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		}
		if flow > maxNesting || dashes > maxNesting {
			r.faultAt(t, "", "is nested too deep; nothing here is deeper than %d", maxNesting)
			return false
		}
	}
	return len(*r.faults) == before
}

// syntax reports the parser's error. Only its message: the excerpt that it can print may show a secret.
func (r *reader) syntax(err error) {
	const sentence = "is not valid YAML: %s; mend this first, the file was not read any further"
	var located yaml.Error
	if errors.As(err, &located) && located.GetToken() != nil {
		r.faultAt(located.GetToken(), "", sentence, located.GetMessage())
		return
	}
	r.fault("", sentence, "syntax error")
}

// readFile reads a whole file of at most limit bytes. Its errors say what to do.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, unreadable(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, unreadable(err)
	case int64(len(text)) > limit:
		return nil, fmt.Errorf("is larger than %d bytes; split it, or name another file", limit)
	}
	return text, nil
}

// unreadable says why a file cannot be read, without its name, which the fault gives already.
func unreadable(err error) error {
	var of *os.PathError
	if errors.As(err, &of) {
		err = of.Err
	}
	return fmt.Errorf("cannot be read (%w); check the path and who may read it", err)
}
