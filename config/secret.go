package config

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const hidden = "[secret]"

// Secret is a value that is never printed: not by fmt under any verb, not by slog, not as JSON. The zero Secret is none.
type Secret struct{ value string }

// NewSecret hides value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal is the value. Whoever calls it answers for where it goes.
func (s Secret) Reveal() string { return s.value }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.value == "" }

// String is a placeholder.
func (s Secret) String() string { return hidden }

// Format prints the placeholder under every verb: without it, %d and %#v would show the value.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// LogValue is a placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText is a placeholder, also in JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

const maxSecret = 4 << 10 // bytes of a secret's file

// given is a key with its value.
type given struct{ key, value string }

// secret is the value of a secret, from its file or its variable.
func (p place) secret(environ []string, file, variable given) Secret {
	switch {
	case file.value != "" && variable.value != "":
		p.fault(variable.key, "is given beside %s; give one of them", file.key[strings.LastIndexByte(file.key, '.')+1:])
	case file.value != "":
		return NewSecret(strings.TrimRight(string(p.read(file.key, file.value, maxSecret)), "\r\n"))
	case strings.HasPrefix(variable.value, variablePrefix):
		p.fault(variable.key, "%q looks like a key of the configuration; choose a name that does not begin with %s", variable.value, variablePrefix)
	case variable.value != "":
		return p.variable(environ, variable)
	}
	return Secret{}
}

func (p place) variable(environ []string, named given) Secret {
	for _, entry := range environ {
		if value, ok := strings.CutPrefix(entry, named.value+"="); ok && value != "" {
			return NewSecret(value)
		}
	}
	p.fault(named.key, "%q is not set in the environment; set it, or name a file", named.value)
	return Secret{}
}

// read is the content of a file that a key names. An empty one is a fault.
func (p place) read(key, path string, limit int64) []byte {
	path = p.reader.resolve(path)
	text, err := readFile(path, limit)
	switch {
	case err != nil:
		p.fault(key, "%s %v", path, err)
	case strings.TrimSpace(string(text)) == "":
		p.fault(key, "%s is empty; name a file with content", path)
	}
	return text
}
