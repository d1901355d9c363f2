package provision

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Domain is an e-mail domain in A-label form (RFC 5890), lower case. ParseDomain is the only way to one that is not
// zero, so two domains are the same exactly when they are equal.
type Domain struct{ name string }

// DomainError says why a text is no domain that a tenant could own.
type DomainError struct {
	Input  string
	Reason Reason // EmailInvalid for what is no domain at all, DomainPublic for one that everybody may use
	Why    string // a clause for people
}

func (e *DomainError) Error() string { return fmt.Sprintf("domain %q: %s", e.Input, e.Why) }

//go:embed public_mail.txt
var publicMail string

// ParseDomain reads a domain as IDNA2008 with the mapping of UTS 46, and answers in A-labels. It refuses what nobody
// could own alone: public suffixes (publicsuffix.org), providers of public mail, addresses, and labels of mixed
// scripts (UTS 39, 5.2, "highly restrictive"), which exist to look like another name.
func ParseDomain(s string) (Domain, error) {
	refuse := func(reason Reason, why string) (Domain, error) { return Domain{}, &DomainError{s, reason, why} }
	name, err := asciiDomain(strings.TrimSuffix(s, "."))
	if err != nil {
		return refuse(EmailInvalid, err.Error())
	}
	labels := strings.Split(name, ".")
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return refuse(EmailInvalid, "is an address, not a name")
	}
	for _, label := range labels {
		if mixedScripts(label) {
			return refuse(EmailInvalid, "mixes scripts within a label, as lookalikes do")
		}
	}
	if suffix, _ := publicsuffix.PublicSuffix(name); suffix == name {
		return refuse(DomainPublic, "is a public suffix, below which anybody can register")
	}
	if IsPublicMail(name) {
		return refuse(DomainPublic, "is a public mail provider, where anybody can have an address")
	}
	return Domain{name}, nil
}

// asciiDomain maps and checks s, and refuses what does not survive the way to Unicode and back: an A-label that no
// U-label encodes to is a second spelling of something.
func asciiDomain(s string) (string, error) {
	profile := idna.New(idna.MapForLookup(), idna.StrictDomainName(true), idna.BidiRule(), idna.VerifyDNSLength(true),
		idna.CheckHyphens(true), idna.CheckJoiners(true), idna.ValidateLabels(true))
	name, err := profile.ToASCII(s)
	if err != nil {
		return "", fmt.Errorf("is no domain name (%w)", err)
	}
	wide, err := profile.ToUnicode(name)
	if err != nil {
		return "", fmt.Errorf("is no domain name (%w)", err)
	}
	if again, err := profile.ToASCII(wide); err != nil || again != name {
		return "", fmt.Errorf("has a label that decodes to another name")
	}
	return name, nil
}

// mixedScripts reports whether a label draws on several scripts that are not written together. Latin goes with the
// East Asian sets, as UTS 39 has it; Common and Inherited go with everything.
func mixedScripts(label string) bool {
	if !strings.HasPrefix(label, "xn--") {
		return false // ASCII letters are all Latin
	}
	wide, err := idna.ToUnicode(label)
	if err != nil {
		return true
	}
	var seen []string
	for _, r := range wide {
		if unicode.In(r, unicode.Common, unicode.Inherited) {
			continue
		}
		script := scriptOf(r)
		if script == "" {
			return true
		}
		if !slices.Contains(seen, script) {
			seen = append(seen, script)
		}
	}
	if len(seen) < 2 {
		return false
	}
	for _, together := range [][]string{{"Latin", "Han", "Hiragana", "Katakana"}, {"Latin", "Han", "Bopomofo"}, {"Latin", "Han", "Hangul"}} {
		if !slices.ContainsFunc(seen, func(script string) bool { return !slices.Contains(together, script) }) {
			return false
		}
	}
	return true
}

func scriptOf(r rune) string {
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return ""
}

// IsPublicMail reports whether name is a provider at which anybody can have an address.
func IsPublicMail(name string) bool {
	for line := range strings.Lines(publicMail) {
		if strings.TrimSpace(line) == name {
			return true
		}
	}
	return false
}

// String is the domain in A-labels, "" for the zero Domain.
func (d Domain) String() string { return d.name }

// IsZero reports whether d is no domain.
func (d Domain) IsZero() bool { return d.name == "" }

// MarshalText is String.
func (d Domain) MarshalText() ([]byte, error) { return []byte(d.name), nil }

// UnmarshalText reads what MarshalText wrote: it looks at the form alone, because a list of public suffixes that has
// grown since must not make a stored row unreadable. Input from outside goes through ParseDomain.
func (d *Domain) UnmarshalText(text []byte) error {
	*d = Domain{}
	if len(text) > 0 && !validHost(string(text)) {
		return fmt.Errorf("domain %q: %w", text, ErrCorrupt)
	}
	d.name = string(text)
	return nil
}
