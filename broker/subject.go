package broker

import (
	"strings"

	"leasehold/provision"
)

// SubjectWarnings say what may go wrong with the subjects that a connection knows people by, as a trial showed them.
func SubjectWarnings(t Trial, c provision.Connection) []string {
	var said []string
	format := ""
	for _, claim := range t.Claims {
		if claim.Name == "NameID" {
			format = claim.Note
		}
	}
	byName := c.Protocol == provision.SAML && (c.Subject == "" || c.Subject == "nameid")
	switch {
	case t.Facts.Transient || byName && strings.HasSuffix(format, ":transient"):
		said = append(said, "The NameID is transient: another one at each login, by which nobody can be known again. Have a persistent one sent, or choose an attribute that stays.")
	case byName && strings.HasSuffix(format, ":emailAddress"), t.Facts.Subject != "" && strings.EqualFold(t.Facts.Subject, t.Facts.Email):
		said = append(said, "People are known by their e-mail address: whoever gets another address is somebody new here, and whoever gets a former colleague’s address gets that account. A persistent NameID, or an id that never changes, is better.")
	case byName && t.Facts.Subject != "" && (format == "" || strings.HasSuffix(format, ":unspecified")):
		said = append(said, "The NameID does not say what it is. Make sure that it never changes, and is never given to somebody else.")
	}
	return said
}
