package saml

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beevik/etree"

	"leasehold/idp"
	"leasehold/provision"
)

// Formats of a NameID that may name an account (SAML Core 8.3), and the one that never does.
const (
	formatUnspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
	formatEmail       = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	formatPersistent  = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	formatTransient   = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
)

// maxValue is the length of a value that is kept, in bytes.
const maxValue = 1024

// overage is what Entra ID sends in place of groups when a person has more than it cares to list.
const overage = "http://schemas.microsoft.com/claims/groups.link"

// names says where facts stand: by the exact Name of an attribute, never by its FriendlyName, which anybody may choose.
type names struct {
	subject             string // an attribute; "": the NameID
	email, name, groups []string
	nameIDIsEmail       bool
}

// namesOf reads a connection's own choice. Where it makes none, the Names that SimpleSAMLphp, Keycloak, Okta, Entra ID
// and the eduPerson schema use are looked for; and for the e-mail address, if none of them is there, a NameID that says it
// is one (Google Workspace sends nothing else).
func namesOf(c provision.Connection) (names, error) {
	n := names{
		email: []string{"email", "mail", "urn:oid:0.9.2342.19200300.100.1.3",
			"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"},
		name: []string{"displayName", "name", "urn:oid:2.16.840.1.113730.3.1.241",
			"http://schemas.microsoft.com/identity/claims/displayname"},
		groups: []string{"groups", "memberOf", "urn:oid:1.3.6.1.4.1.5923.1.5.1.1",
			"http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"},
		nameIDIsEmail: c.Attributes["email"] == "",
	}
	for key, list := range map[string]*[]string{"email": &n.email, "name": &n.name, "groups": &n.groups} {
		if chosen := c.Attributes[key]; chosen != "" {
			*list = []string{chosen}
		}
	}
	subject, ok := strings.CutPrefix(c.Subject, "attribute:")
	switch {
	case c.Subject == "" || c.Subject == "nameid":
	case ok && subject != "":
		n.subject = subject
	default:
		return names{}, fmt.Errorf("subject %q: expected nameid or attribute:NAME", c.Subject)
	}
	return n, nil
}

// facts is what the assertion says about its subject.
func (p *Provider) facts(assertion, subject *etree.Element) (provision.Facts, error) {
	f := provision.Facts{Connection: p.connection.ID, EmailVerified: true} // SAML has no such flag; the domain's proof is what counts
	said, err := attributesOf(assertion)
	if err != nil {
		return f, err
	}
	id, err := p.nameID(subject)
	if err != nil {
		return f, err
	}
	if f.Subject, f.Transient, err = p.subject(id, said); err != nil {
		return f, err
	}
	if f.Email, err = p.email(id, said); err != nil {
		return f, err
	}
	name, err := said.of(p.names.name)
	if err != nil {
		return f, err
	}
	if len(name) > 0 {
		f.Name = name[0]
	}
	f.Groups, err = said.of(p.names.groups)
	f.GroupsOverage = len(said[overage]) > 0
	return f, err
}

// nameID is the subject's only name.
type nameID struct {
	value, format string
}

// nameID reads the one NameID (SAML Core 2.2.3). A name that another provider or service qualifies is another name, so
// the qualifiers are then part of it; the "!" in front keeps the two kinds apart.
func (p *Provider) nameID(subject *etree.Element) (nameID, error) {
	if len(children(subject, nsAssertion, "EncryptedID")) > 0 {
		return nameID{}, idp.Reject(provision.EncryptedRefused, "encrypted NameID, which this connection does not read")
	}
	e, err := one(subject, nsAssertion, "NameID")
	if err != nil {
		return nameID{}, idp.Reject(provision.SubjectMissing, "%w", err)
	}
	name, err := value(e)
	if err != nil {
		return nameID{}, err
	}
	if name == "" || len(name) > 256 || strings.TrimSpace(name) != name || name[0] == '!' {
		return nameID{}, idp.Reject(provision.SubjectMissing, "NameID %q is no name of 1 to 256 bytes", brief(name))
	}
	format, _ := attribute(e, "Format")
	provider, _ := attribute(e, "NameQualifier")
	service, _ := attribute(e, "SPNameQualifier")
	own := (provider == "" || provider == p.idp.EntityID) && (service == "" || service == p.entityID)
	switch {
	case own:
		return nameID{name, format}, nil
	case strings.Contains(provider+service, "!") || len(provider) > maxValue || len(service) > maxValue:
		return nameID{}, idp.Reject(provision.SubjectMissing, "NameID with qualifiers %q and %q", brief(provider), brief(service))
	}
	return nameID{"!" + provider + "!" + service + "!" + name, format}, nil
}

// subject is what the connection's accounts are found by, byte for byte, and whether it is for this session only.
func (p *Provider) subject(id nameID, said attributes) (string, bool, error) {
	if p.names.subject != "" {
		values, err := said.of([]string{p.names.subject})
		switch {
		case err != nil:
			return "", false, err
		case len(values) != 1:
			return "", false, idp.Reject(provision.SubjectMissing, "%d values of %q, expected one", len(values), p.names.subject)
		}
		return values[0], false, nil
	}
	switch id.format {
	case formatPersistent, formatEmail, formatUnspecified, "":
		return id.value, false, nil
	case formatTransient:
		return id.value, true, nil
	}
	return "", false, idp.Reject(provision.SubjectMissing, "NameID of format %q, expected a persistent one", brief(id.format))
}

// email is the one e-mail address, "" when there is none. Two different ones are none that could be trusted.
func (p *Provider) email(id nameID, said attributes) (string, error) {
	values, err := said.of(p.names.email)
	if err != nil {
		return "", err
	}
	slices.Sort(values)
	values = slices.Compact(values)
	switch {
	case len(values) > 1:
		return "", idp.Reject(provision.EmailInvalid, "%d e-mail addresses, expected one", len(values))
	case len(values) == 1:
		return values[0], nil
	case p.names.nameIDIsEmail && id.format == formatEmail:
		return id.value, nil
	}
	return "", nil
}

// attributes are the values of an assertion by Name, over all statements.
type attributes map[string][]*etree.Element

func attributesOf(assertion *etree.Element) (attributes, error) {
	all := attributes{}
	for _, statement := range children(assertion, nsAssertion, "AttributeStatement") {
		if len(children(statement, nsAssertion, "EncryptedAttribute")) > 0 {
			return nil, idp.Reject(provision.EncryptedRefused, "encrypted attribute, which this connection does not read")
		}
		for _, e := range children(statement, nsAssertion, "Attribute") {
			name, _ := attribute(e, "Name")
			all[name] = append(all[name], children(e, nsAssertion, "AttributeValue")...)
		}
	}
	return all, nil
}

// of is the values of all those Names; empty ones say nothing.
func (a attributes) of(names []string) ([]string, error) {
	var values []string
	for _, name := range names {
		for _, e := range a[name] {
			v, err := value(e)
			if err != nil {
				return nil, err
			}
			if v != "" {
				values = append(values, v)
			}
		}
	}
	return values, nil
}

// value is the text of an element, of a length that can be kept.
func value(e *etree.Element) (string, error) {
	v, err := text(e)
	if err == nil && len(v) > maxValue {
		return "", malformed("%s of %d bytes, at most %d are read", e.Tag, len(v), maxValue)
	}
	return v, err
}
