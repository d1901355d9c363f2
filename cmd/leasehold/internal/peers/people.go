package peers

import (
	"encoding/json"
	"testing"
)

// User is a person at an identity provider, whose login name is the key of People.
type User struct {
	Password string   `json:"password"`
	UID      string   `json:"uid"` // the subject
	Mail     string   `json:"mail,omitempty"`
	Name     string   `json:"displayName"`
	Groups   []string `json:"groups,omitempty"`
	Unproven bool     `json:"unproven,omitempty"` // OpenID: email_verified is false
}

// People are the persons of an identity provider by login name.
type People map[string]User

// Password is what every one of the Everybody types.
const Password = "password"

// Everybody are the people of a provider that was given none: honest ones, one whose address is in capitals, one of
// another organisation, one who claims another's address, and one who has none.
func Everybody() People {
	return People{
		"alice@acme.test":   {Password: Password, UID: "u-1001", Mail: "alice@acme.test", Name: "Alice Example", Groups: []string{"engineering", "deploy"}},
		"bob@acme.test":     {Password: Password, UID: "u-1002", Mail: "bob@acme.test", Name: "Bob Example", Groups: []string{"sales"}},
		"carol@acme.test":   {Password: Password, UID: "u-1003", Mail: "Carol@ACME.test", Name: "Carol Example"},
		"dave@partner.test": {Password: Password, UID: "u-2001", Mail: "dave@partner.test", Name: "Dave Partner", Groups: []string{"contractors"}},
		"mallory@evil.test": {Password: Password, UID: "u-6666", Mail: "alice@acme.test", Name: "Mallory", Groups: []string{"admins"}},
		"nomail@acme.test":  {Password: Password, UID: "u-3001", Name: "No Mail"},
	}
}

func encode(t testing.TB, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	return string(text)
}
