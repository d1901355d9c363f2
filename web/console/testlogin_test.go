package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestAnAdministratorTriesALoginAtAConnectionOfHers(t *testing.T) {
	_, acme, _, _ := settled(t)
	const at = "/admin/connections/acme-idp/test"
	if page := acme.get("/admin/connections/acme-idp").Body.String(); !strings.Contains(page, at) {
		t.Error("the page of the connection does not lead there")
	}
	going := acme.do(http.MethodPost, at, url.Values{})
	if refresh := going.Header().Get("Refresh"); going.Code != http.StatusOK || !strings.HasPrefix(refresh, "0; url=") || going.Header().Get("Location") != "" {
		t.Errorf("%d %v", going.Code, going.Header())
	}
	if page := acme.get(at); page.Code != http.StatusOK || !strings.Contains(page.Body.String(), "Nobody is let in by it") {
		t.Errorf("%d %s", page.Code, page.Body)
	}
}
