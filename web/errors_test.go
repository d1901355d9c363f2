package web_test

import (
	"net/url"
	"strings"
	"testing"

	"leasehold/provision"
)

func TestEveryReasonHasAStatusASentenceAndAdvice(t *testing.T) {
	for _, reason := range provision.Reasons() {
		g := newGate(t)
		g.fails["Login"] = &provision.DeniedError{Reason: reason, Ref: "dec_1"}
		r := newBrowser(t, g).get(sso + "/idp/acme-saml/resume?attempt=a")
		if r.StatusCode < 400 || r.StatusCode == 500 {
			t.Errorf("%s: %d", reason, r.StatusCode)
		}
		page := body(t, r)
		if strings.Contains(page, "You cannot go on.</p>") || strings.Contains(page, string(reason)) || !strings.Contains(page, "dec_1") {
			t.Errorf("%s is not in the table, or shows its code: %s", reason, page)
		}
	}
}

func TestAllFailedChecksOfAProtocolLookTheSame(t *testing.T) {
	var first string
	for _, reason := range []provision.Reason{provision.SignatureInvalid, provision.SignatureMissing, provision.AudienceMismatch, provision.DecryptionFailed, provision.EncryptedRefused, provision.DocumentMalformed, provision.Expired, provision.NonceMismatch} {
		g := newGate(t)
		g.fails["Receive"] = &provision.DeniedError{Reason: reason, Ref: "evt_1"}
		b := newBrowser(t, g)
		r := b.get(sso + onward(t, b.do("POST", sso+"/idp/acme-saml/acs", url.Values{"SAMLResponse": {"x"}})))
		if page := r.Status + body(t, r); first == "" {
			first = page
		} else if page != first {
			t.Errorf("%s looks different", reason)
		}
	}
}

func TestEverySentinelHasAnAnswer(t *testing.T) {
	for err, want := range map[error]int{
		provision.ErrUnavailable: 503, provision.ErrNotFound: 404, provision.ErrConflict: 409, provision.ErrDenied: 403, provision.ErrExpired: 403, provision.ErrCorrupt: 500,
	} {
		g := newGate(t)
		g.fails["Login"] = err
		wantStatus(t, newBrowser(t, g).get(sso+"/idp/acme-saml/resume?attempt=a"), want)
	}
}
