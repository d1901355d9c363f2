package broker_test

import (
	"testing"

	"leasehold/provision"
)

// FuzzSession: the value of a cookie is the one that was given to this browser at this origin, or it is nobody's.
func FuzzSession(f *testing.F) {
	h := newHouse(f)
	l := h.login(ada())
	honest, elsewhere := h.entered(l), h.Token(l.ID, originOf(vaultURL))
	h.wantAllow(honest)
	for _, seed := range []string{honest, elsewhere, h.sso(l), "", honest[1:], honest + "A", honest + "=", string(l.ID)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		v := h.check(token)
		if v.Allow != (token == honest) || !v.Allow && v.Reason != provision.SessionMalformed && v.Reason != provision.SessionMissing {
			t.Fatalf("%q is allowed %t, %q", token, v.Allow, v.Reason)
		}
	})
}
