package config

import (
	"fmt"
	"io"
	"log/slog"
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
