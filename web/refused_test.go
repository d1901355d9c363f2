package web_test

import (
	"fmt"
	"net/url"
	"regexp"
	"testing"

	"leasehold/provision"
	"leasehold/web"
)

// reference is what a page tells somebody to quote.
func reference(t *testing.T, page string) string {
	t.Helper()
	found := regexp.MustCompile(`<code>(req_\w+)</code>`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no reference on %s", page)
	}
	return found[1]
}

func TestWhatWasBehindAPageIsFoundByItsReference(t *testing.T) {
	kept := new(web.Refused)
	g := newGate(t)
	b := newBrowser(t, g, func(c *web.Config) { c.Refused = kept })

	g.fails["Login"] = denied(provision.AttemptOtherBrowser)
	got, ok := kept.Find(reference(t, body(t, b.get(sso+"/idp/acme-saml/resume?attempt=a"))))
	if !ok || got.Reason != provision.AttemptOtherBrowser || got.Connection != "acme-saml" || got.Status != 403 {
		t.Errorf("%t %+v", ok, got)
	}

	g.fails["Receive"] = denied(provision.AttemptUnknown)
	r := b.do("POST", sso+"/idp/acme-saml/acs", url.Values{"SAMLResponse": {"x"}})
	got, ok = kept.Find(reference(t, body(t, b.get(sso+onward(t, r)))))
	if !ok || got.Reason != provision.AttemptUnknown {
		t.Errorf("%t %+v", ok, got)
	}

	g.fails["Begin"] = denied(provision.DomainUnknown)
	got, ok = kept.Find(reference(t, body(t, b.post(sso+"/login", url.Values{"email": {"ada@nowhere.test"}}))))
	if !ok || got.Reason != provision.DomainUnknown {
		t.Errorf("%t %+v", ok, got)
	}
}

func TestOnlyTheNewestRefusalsAreKept(t *testing.T) {
	kept := new(web.Refused)
	g := newGate(t)
	g.fails["Login"] = fmt.Errorf("%0900d", 1)
	b := newBrowser(t, g, func(c *web.Config) { c.Refused = kept })
	first := reference(t, body(t, b.get(sso+"/idp/acme-saml/resume?attempt=a")))
	if got, ok := kept.Find(first); !ok || len(got.Detail) != 500 {
		t.Fatalf("%t, a detail of %d bytes", ok, len(got.Detail))
	}
	var last string
	for range 4096 {
		last = reference(t, body(t, b.get(sso+"/idp/acme-saml/resume?attempt=a")))
	}
	if _, ok := kept.Find(first); ok {
		t.Error("the oldest is still there")
	}
	if _, ok := kept.Find(last); !ok {
		t.Error("the newest is not there")
	}
}
