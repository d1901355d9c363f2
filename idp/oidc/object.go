package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	strict "github.com/go-jose/go-jose/v4/json"
)

// object is a JSON object whose members are found by their exact names. The decoder of the standard library takes
// "Sub" for "sub" and the last of two for the one; an attacker who may add a claim could so replace another.
type object map[string]strict.RawMessage

// readObject reads a JSON object in UTF-8. Two members of one name are refused, and two whose names differ in case
// only: some reader would take one for the other.
func readObject(text []byte) (object, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("is not UTF-8") // RFC 8259, 8.1
	}
	var o object
	if err := strict.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("is no JSON object: %s", quoted(err.Error()))
	}
	if o == nil {
		return nil, errors.New("is no JSON object: null")
	}
	seen := make(map[string]bool, len(o))
	for name := range o {
		folded := strings.ToLower(strings.ToUpper(name)) // both ways: U+017F and U+212A fold to ASCII letters
		if seen[folded] {
			return nil, fmt.Errorf("has two members %s that differ in case only", quoted(folded))
		}
		seen[folded] = true
	}
	return o, nil
}

// has reports whether there is a member of that name that is not null.
func (o object) has(name string) bool {
	raw, ok := o[name]
	return ok && string(raw) != "null"
}

// text is a string, "" when it is not there.
func (o object) text(name string) (string, error) {
	var s string
	if o.has(name) && json.Unmarshal(o[name], &s) != nil {
		return "", fmt.Errorf("%s is no string", name)
	}
	return s, nil
}

// texts is a list of strings, or the one string that some write in its place; nil when it is not there.
func (o object) texts(name string) ([]string, error) {
	if !o.has(name) {
		return nil, nil
	}
	var one string
	if json.Unmarshal(o[name], &one) == nil {
		return []string{one}, nil
	}
	var pointers []*string
	if json.Unmarshal(o[name], &pointers) != nil {
		return nil, fmt.Errorf("%s is no list of strings", name)
	}
	list := make([]string, len(pointers))
	for i, s := range pointers {
		if s == nil {
			return nil, fmt.Errorf("%s has a null among its strings", name)
		}
		list[i] = *s
	}
	return list, nil
}

// yes reports whether a member is true, or the string "true" that some write in its place. All else is no.
func (o object) yes(name string) bool {
	raw := string(o[name])
	return raw == "true" || raw == `"true"`
}

// time is a NumericDate (RFC 7519, 2): seconds since 1970, perhaps with a fraction; zero when it is not there.
func (o object) time(name string) (time.Time, error) {
	if !o.has(name) {
		return time.Time{}, nil
	}
	var seconds float64
	const most = 253402300799 // the end of the year 9999
	if json.Unmarshal(o[name], &seconds) != nil || seconds < 0 || seconds > most {
		return time.Time{}, fmt.Errorf("%s is no time", name)
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC(), nil
}
