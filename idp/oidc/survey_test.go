package oidc_test

import (
	"slices"
	"testing"
	"time"

	"leasehold/idp/oidc/oidctest"
	"leasehold/provision"
)

func TestATrialLearnsAllThatIsWrongWithAToken(t *testing.T) {
	op := oidctest.New(t)
	c := newClock()
	op.Now = c.now
	p := open(t, configured(t, op, c))
	op.Tamper.Claims = func(claims map[string]any) {
		claims["aud"], claims["nonce"], claims["exp"] = "somebody else", "of another login", c.now().Add(-time.Hour).Unix()
	}
	got, err := login(t, p, op, attempt(c))
	want(t, "a login that is meant", got, err, provision.AudienceMismatch)
	if got.Survey != nil {
		t.Errorf("a login that is meant gets %+v", got.Survey)
	}
	a := attempt(c)
	a.Trial = true
	got, err = login(t, p, op, a)
	if err == nil || got.Survey == nil || got.Facts.Subject != "" {
		t.Fatalf("a trial: %v, %+v", err, got)
	}
	var bad, good []provision.Reason
	for _, l := range got.Survey.Looked {
		if l.Reason == "" {
			good = append(good, l.Reasons...)
		} else if bad = append(bad, l.Reason); l.Text == "" {
			t.Errorf("%s is not explained", l.Reason)
		}
	}
	if wrong := []provision.Reason{provision.AudienceMismatch, provision.Expired, provision.NonceMismatch}; !slices.Equal(bad, wrong) || !slices.Contains(good, provision.IssuerMismatch) {
		t.Errorf("wrong are %q, and %q hold", bad, good)
	}
	op.Tamper.Header = func(h map[string]any) { h["kid"] = "nobody's" }
	if got, err = login(t, p, op, a); err == nil || got.Survey != nil {
		t.Errorf("with a signature of nobody's: %v, %+v", err, got.Survey)
	}
}
