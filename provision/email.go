package provision

import (
	"fmt"
	"strings"
)

// Email is an address in the one form that is stored and compared: ASCII, lower case, one "@", an unquoted local part.
// ParseEmail is the only way to one that is not zero.
type Email struct {
	local  string
	domain Domain
}

// EmailError says why a text is no address that can be judged.
type EmailError struct {
	Reason Reason // EmailInvalid, or DomainPublic
	Why    string
}

func (e *EmailError) Error() string { return "e-mail address: " + e.Why }

// ParseEmail reads an address: a dot-atom (RFC 5322, 3.2.3), "@", a domain. Everything that two readers could read
// differently is refused: a second "@", quotes, comments, display names, and all that is not ASCII, because case folding
// beyond ASCII makes one address of two (U+212A KELVIN SIGN folds to "k"). Plus tags and dots are left as they are.
func ParseEmail(s string) (Email, error) {
	refuse := func(why string) (Email, error) { return Email{}, &EmailError{EmailInvalid, why} }
	if len(s) > 254 {
		return refuse("is longer than 254 bytes")
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			return refuse("has a character that is not printable ASCII")
		}
	}
	local, host, ok := strings.Cut(s, "@")
	if !ok || strings.Contains(host, "@") {
		return refuse("does not have exactly one @")
	}
	if !isDotAtom(local) {
		return refuse("has a local part that is not plain letters, digits and signs with single dots between")
	}
	if strings.HasSuffix(host, ".") {
		return refuse("ends in a dot")
	}
	domain, err := ParseDomain(host)
	if err != nil {
		reason := EmailInvalid
		if d, ok := err.(*DomainError); ok {
			reason = d.Reason
		}
		return Email{}, &EmailError{reason, err.Error()}
	}
	return Email{strings.ToLower(local), domain}, nil // s is ASCII: ToLower folds nothing else
}

// isDotAtom reports whether s is a dot-atom-text of at most 64 bytes (RFC 5321, 4.5.3.1.1).
func isDotAtom(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	const signs = "!#$%&'*+-/=?^_`{|}~."
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && strings.IndexByte(signs, c) < 0 {
			return false
		}
	}
	return true
}

// String is the address, "" for the zero Email.
func (e Email) String() string {
	if e.local == "" {
		return ""
	}
	return e.local + "@" + e.domain.name
}

// Domain is the part after the "@".
func (e Email) Domain() Domain { return e.domain }

// IsZero reports whether e is no address.
func (e Email) IsZero() bool { return e.local == "" }

// MarshalText is String.
func (e Email) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads what MarshalText wrote, by its form alone, as that of Domain does. Input from outside goes through
// ParseEmail.
func (e *Email) UnmarshalText(text []byte) error {
	*e = Email{}
	if len(text) == 0 {
		return nil
	}
	local, host, _ := strings.Cut(string(text), "@")
	if !isDotAtom(local) || host == "" || strings.ToLower(local) != local {
		return fmt.Errorf("e-mail address %q: %w", text, ErrCorrupt)
	}
	e.local = local
	return e.domain.UnmarshalText([]byte(host))
}
