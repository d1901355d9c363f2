package saml

import (
	"strings"
	"time"

	"github.com/beevik/etree"

	"leasehold/idp"
	"leasehold/provision"
)

const (
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsSignature = "http://www.w3.org/2000/09/xmldsig#"
)

// Names are always expanded ones: a prefix is whatever the sender likes, and a like-sounding namespace is another.

// is reports whether e is the element tag of the namespace ns.
func is(e *etree.Element, ns, tag string) bool { return e.Tag == tag && e.NamespaceURI() == ns }

// children are the direct children of e of that name.
func children(e *etree.Element, ns, tag string) []*etree.Element {
	var found []*etree.Element
	for _, token := range e.Child {
		if child, ok := token.(*etree.Element); ok && is(child, ns, tag) {
			found = append(found, child)
		}
	}
	return found
}

// one is the only direct child of e of that name. None or several are a refusal: whoever takes the first or the last of
// several reads another document than the next reader.
func one(e *etree.Element, ns, tag string) (*etree.Element, error) {
	found := children(e, ns, tag)
	if len(found) != 1 {
		return nil, malformed("%s holds %d of %s, expected one", e.Tag, len(found), tag)
	}
	return found[0], nil
}

// optional is the only direct child of e of that name, or nil.
func optional(e *etree.Element, ns, tag string) (*etree.Element, error) {
	found := children(e, ns, tag)
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	}
	return nil, malformed("%s holds %d of %s, expected at most one", e.Tag, len(found), tag)
}

// sequence is the child elements of e, and whether they are the ones named, in this order, and nothing else but blanks
// is there. Names are written as the specifications have them, "ds:KeyInfo"; one with a "?" in front may be missing, and
// is nil then.
func sequence(e *etree.Element, names ...string) ([]*etree.Element, bool) {
	var there []*etree.Element
	for _, token := range e.Child {
		switch token := token.(type) {
		case *etree.Element:
			there = append(there, token)
		case *etree.CharData:
			if strings.TrimSpace(token.Data) != "" {
				return nil, false
			}
		}
	}
	found := make([]*etree.Element, len(names))
	for i, name := range names {
		name, missable := strings.CutPrefix(name, "?")
		prefix, tag, _ := strings.Cut(name, ":")
		switch {
		case len(there) > 0 && is(there[0], customary(prefix), tag):
			found[i], there = there[0], there[1:]
		case !missable:
			return nil, false
		}
	}
	return found, len(there) == 0
}

// customary is the namespace that the specifications write with a prefix.
func customary(prefix string) string {
	switch prefix {
	case "ds":
		return nsSignature
	case "xenc":
		return nsEncryption
	case "xenc11":
		return nsEncryption11
	}
	return ""
}

// text is what an element without children says, byte for byte.
func text(e *etree.Element) (string, error) {
	if len(e.Child) == 1 {
		if data, ok := e.Child[0].(*etree.CharData); ok {
			return data.Data, nil
		}
	}
	var all strings.Builder
	for _, token := range e.Child {
		data, ok := token.(*etree.CharData)
		if !ok {
			return "", malformed("%s holds more than text", e.Tag)
		}
		all.WriteString(data.Data)
	}
	return all.String(), nil
}

// attribute is the value of an attribute without a namespace, and whether it is there.
func attribute(e *etree.Element, name string) (string, bool) {
	for _, a := range e.Attr {
		if a.Space == "" && a.Key == name {
			return a.Value, true
		}
	}
	return "", false
}

// instant is the time in an attribute, zero when it is not there. Times are UTC (SAML Core 1.3.3).
func instant(e *etree.Element, name string) (time.Time, error) {
	value, ok := attribute(e, name)
	if !ok {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, value)
	if err != nil || at.IsZero() || !strings.HasSuffix(value, "Z") { // the year 1 is what some say for never
		return time.Time{}, malformed("%s of %s is %q, expected a time in UTC", name, e.Tag, brief(value))
	}
	return at, nil
}

// idOf is the ID of a message or an assertion.
func idOf(e *etree.Element) string {
	id, _ := attribute(e, "ID")
	return id
}

// isID reports whether s is an identifier as SAML wants it: an NCName (SAML Core 1.3.4), here of ASCII and of bounded
// length.
func isID(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i, c := range []byte(s) {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '-' && c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return true
}

func malformed(format string, args ...any) error {
	return idp.Reject(provision.DocumentMalformed, format, args...)
}

// brief cuts a stranger's value to what an audit line can bear.
func brief(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
