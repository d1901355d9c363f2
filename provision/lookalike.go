package provision

import (
	"strings"

	"golang.org/x/net/idna"
)

// confusables are letters beyond ASCII, lower case, that look like one of ASCII: of Cyrillic, Greek and Latin, after the
// list of UTS 39, 4. They are for a warning, not for a gate: what nobody proved is refused however it looks.
const confusables = "а:a в:b с:c ԁ:d е:e һ:h і:i ї:i ј:j к:k ӏ:l м:m н:h о:o п:n р:p ԛ:q г:r ѕ:s т:t ц:u ѵ:v ѡ:w х:x у:y з:3 ё:e ґ:r " +
	"α:a β:b ε:e η:n ι:i κ:k μ:u ν:v ο:o ρ:p σ:o τ:t υ:u χ:x γ:y ω:w ϲ:c ϳ:j ά:a έ:e ή:n ί:i ό:o ύ:u ώ:w " +
	"ı:i ɑ:a ɡ:g ɩ:i ʏ:y ß:b á:a à:a â:a ä:a å:a ã:a ā:a ç:c č:c é:e è:e ê:e ë:e ē:e í:i ì:i î:i ï:i ī:i ñ:n ó:o ò:o ô:o ö:o õ:o ø:o ō:o " +
	"š:s ú:u ù:u û:u ü:u ū:u ý:y ÿ:y ž:z ł:l đ:d"

// Look is a domain as a person sees it: what is left of its name when everything that looks alike is one.
type Look struct {
	domain Domain
	shape  []rune
}

// Resembles reports whether a person could take one domain for the other: they look the same, or but for one letter.
func (l Look) Resembles(other Look) bool {
	return !l.domain.IsZero() && !other.domain.IsZero() && l.domain != other.domain && withinOneEdit(l.shape, other.shape)
}

// Look is how d looks.
func (d Domain) Look() Look {
	wide, err := idna.ToUnicode(d.name)
	if err != nil {
		wide = d.name
	}
	var pairs []string
	for pair := range strings.FieldsSeq(confusables) {
		look, plain, _ := strings.Cut(pair, ":")
		pairs = append(pairs, look, plain)
	}
	plain := strings.NewReplacer(pairs...).Replace(wide)
	shape := strings.NewReplacer("rn", "m", "vv", "w", "cl", "d", "0", "o", "1", "l", "i", "l", "3", "e", "5", "s", "-", "").Replace(plain)
	return Look{d, []rune(shape)}
}

// withinOneEdit reports whether a becomes b by at most one letter put in, taken out or exchanged, or by two neighbours
// that change places.
func withinOneEdit(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	n := 0
	for n < len(a) && a[n] == b[n] {
		n++
	}
	switch rest := b[n:]; {
	case len(b)-len(a) > 1:
		return false
	case len(b) > len(a):
		return string(a[n:]) == string(rest[1:])
	case len(rest) < 2 || string(a[n+1:]) == string(rest[1:]):
		return true
	default:
		return a[n] == rest[1] && a[n+1] == rest[0] && string(a[n+2:]) == string(rest[2:])
	}
}
