package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/beevik/etree"

	"leasehold/idp"
	"leasehold/provision"
)

// Limits of a document. Honest ones stay far below: a login with 5,000 groups has 15,100 tokens.
const (
	maxDepth      = 30
	maxTokens     = 20_000 // tags, and texts that are not blank
	maxAttributes = 16     // an element
)

// scan reads a document in one pass, which judges every token before it becomes part of the tree: what was judged is
// what is read on, by one reader. It refuses all that two readers of XML could see differently: document types,
// processing instructions, CDATA, anything outside the root, names with extra colons, reserved or undeclared prefixes,
// attributes that are there twice, IDs that are there twice under any spelling. Comments are refused, or dropped from
// metadata, where people write them.
func scan(doc []byte, comments bool) (*etree.Element, error) {
	if !comments {
		if err := glance(doc); err != nil {
			return nil, err
		}
	}
	s := scanner{comments: comments, ids: map[string]bool{}}
	decoder := xml.NewDecoder(bytes.NewReader(doc))
	for {
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, malformed("document: %s", brief(err.Error()))
		}
		if err := s.token(token); err != nil {
			return nil, err
		}
		s.begun = true
	}
	if s.root == nil || s.at != nil {
		return nil, malformed("document ends before its root does")
	}
	return s.root, nil
}

// glance refuses what can be told from the bytes, before a decoder collects a giant: "<!" begins a document type, a
// comment or CDATA, and without those each "<" begins a tag and each pair of quotes in a tag is an attribute.
func glance(doc []byte) error {
	if bytes.Contains(doc, []byte("<!")) {
		return malformed("document holds a document type, a comment or CDATA")
	}
	if tags := bytes.Count(doc, []byte("<")); tags > maxTokens {
		return idp.Reject(provision.MessageTooLarge, "document of %d tags, at most %d tokens are read", tags, maxTokens)
	}
	var quote byte // 0: none is open
	tag, attributes := false, 0
	for _, c := range doc {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '<':
			tag, attributes = true, 0
		case c == '>':
			tag = false
		case tag && (c == '"' || c == '\''):
			quote = c
			if attributes++; attributes > maxAttributes {
				return idp.Reject(provision.MessageTooLarge, "element with more than %d attributes", maxAttributes)
			}
		}
	}
	return nil
}

type scanner struct {
	comments bool
	begun    bool
	tokens   int
	depth    int
	root, at *etree.Element // at is the element that is open
	ids      map[string]bool
	bound    []binding // prefixes in force, the innermost last
}

// binding is a prefix and its namespace, and how deep the element is that declares it.
type binding struct {
	prefix, namespace string
	depth             int
}

func (s *scanner) token(token xml.Token) error {
	switch token := token.(type) {
	case xml.StartElement:
		return s.start(token)
	case xml.EndElement:
		return s.end(token)
	case xml.CharData:
		return s.text(token)
	case xml.Comment:
		if s.comments {
			return nil
		}
	case xml.ProcInst:
		if token.Target == "xml" && !s.begun { // the XML declaration; the decoder has seen to version and encoding
			return nil
		}
	}
	return malformed("document holds a document type, a comment or a processing instruction")
}

func (s *scanner) count() error {
	s.tokens++
	if s.tokens > maxTokens {
		return idp.Reject(provision.MessageTooLarge, "document of more than %d tokens", maxTokens)
	}
	return nil
}

func (s *scanner) start(token xml.StartElement) error {
	if err := s.count(); err != nil {
		return err
	}
	s.depth++
	switch {
	case s.root != nil && s.at == nil:
		return malformed("document holds a second root")
	case s.depth > maxDepth:
		return idp.Reject(provision.MessageTooLarge, "document is deeper than %d elements", maxDepth)
	case len(token.Attr) > maxAttributes:
		return idp.Reject(provision.MessageTooLarge, "element with %d attributes, at most %d are read", len(token.Attr), maxAttributes)
	}
	if err := s.declare(token.Attr); err != nil {
		return err
	}
	if err := s.name(token.Name); err != nil {
		return err
	}
	if err := s.attributes(token.Attr); err != nil {
		return err
	}
	s.append(token)
	return nil
}

// append makes the token part of the tree, and the element that is open.
func (s *scanner) append(token xml.StartElement) {
	e := etree.NewElement(token.Name.Local)
	e.Space = token.Name.Space
	for _, a := range token.Attr {
		e.Attr = append(e.Attr, etree.Attr{Space: a.Name.Space, Key: a.Name.Local, Value: a.Value})
	}
	if s.at == nil {
		s.root = e
	} else {
		s.at.AddChild(e)
	}
	s.at = e
}

func (s *scanner) end(token xml.EndElement) error {
	if err := s.count(); err != nil {
		return err
	}
	if s.at == nil || s.at.Space != token.Name.Space || s.at.Tag != token.Name.Local {
		return malformed("end of %q where another element is open", brief(token.Name.Local))
	}
	for len(s.bound) > 0 && s.bound[len(s.bound)-1].depth == s.depth {
		s.bound = s.bound[:len(s.bound)-1]
	}
	s.depth--
	s.at = s.at.Parent()
	return nil
}

func (s *scanner) text(data xml.CharData) error {
	blank := len(bytes.TrimLeft(data, " \t\r\n")) == 0
	switch {
	case s.at == nil && blank:
		return nil
	case s.at == nil:
		return malformed("document holds text outside its root")
	case !blank:
		if err := s.count(); err != nil {
			return err
		}
	}
	s.at.CreateText(string(data))
	return nil
}

// declare brings an element's namespace declarations into force (Namespaces in XML 1.0).
func (s *scanner) declare(attributes []xml.Attr) error {
	for _, a := range attributes {
		prefix, declares := a.Name.Local, a.Name.Space == "xmlns"
		if a.Name.Space == "" && prefix == "xmlns" {
			prefix, declares = "", true
		}
		if !declares {
			continue
		}
		if err := declarable(prefix, a.Value); err != nil {
			return err
		}
		s.bound = append(s.bound, binding{prefix, a.Value, s.depth})
	}
	return nil
}

// declarable refuses to rebind what XML reserves, and relative namespaces: canonicalization fails on those (Canonical
// XML 1.0, 1.3), in some implementations without saying so, and then the digest of nothing matches anything.
func declarable(prefix, namespace string) error {
	switch {
	case len(prefix) >= 3 && strings.EqualFold(prefix[:3], "xml"):
		return malformed("prefix %q is reserved", brief(prefix))
	case strings.HasPrefix(namespace, "http://www.w3.org/XML/1998/namespace"), strings.HasPrefix(namespace, "http://www.w3.org/2000/xmlns"):
		return malformed("namespace %q is reserved", brief(namespace))
	case prefix == "" && namespace == "":
		return nil
	case !strings.Contains(namespace, ":"):
		return malformed("namespace %q is relative or empty", brief(namespace))
	}
	return nil
}

// name refuses a name that is not one or two NCNames, or whose prefix is not declared.
func (s *scanner) name(n xml.Name) error {
	if n.Local == "" || strings.Contains(n.Local, ":") || strings.Contains(n.Space, ":") {
		return malformed("name %q has a colon where none belongs", brief(n.Local))
	}
	if _, ok := s.namespace(n.Space); !ok || n.Space == "xmlns" {
		return malformed("prefix %q is not declared", brief(n.Space))
	}
	return nil
}

// namespace is what a prefix stands for; without a declaration the empty one stands for no namespace.
func (s *scanner) namespace(prefix string) (string, bool) {
	for i := len(s.bound) - 1; i >= 0; i-- {
		if s.bound[i].prefix == prefix {
			return s.bound[i].namespace, true
		}
	}
	return prefix, prefix == "" || prefix == "xml" || prefix == "xmlns"
}

func (s *scanner) attributes(attributes []xml.Attr) error {
	for i, a := range attributes {
		if a.Name.Space != "xmlns" {
			if err := s.name(a.Name); err != nil {
				return err
			}
		}
		for _, b := range attributes[:i] {
			if s.same(a.Name, b.Name) {
				return malformed("attribute %q is there twice", brief(a.Name.Local))
			}
		}
		if strings.EqualFold(a.Name.Local, "id") && a.Name.Space != "xmlns" {
			if a.Name.Space != "" || s.ids[a.Value] {
				return malformed("ID %q is there twice, or in a namespace", brief(a.Value))
			}
			s.ids[a.Value] = true
		}
	}
	return nil
}

// same reports whether two attributes of one element have one expanded name.
func (s *scanner) same(a, b xml.Name) bool {
	if a.Local != b.Local {
		return false
	}
	if a.Space == b.Space {
		return true
	}
	if a.Space == "" || b.Space == "" { // an attribute without a prefix is in no namespace
		return false
	}
	one, _ := s.namespace(a.Space)
	other, _ := s.namespace(b.Space)
	return one == other
}
