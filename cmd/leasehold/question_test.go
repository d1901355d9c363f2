package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"leasehold/web/api"
)

// afar is a command line that speaks to a server from afar.
func afar(t *testing.T, answer http.HandlerFunc) *surroundings {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return &surroundings{ctx: t.Context(), stdout: new(bytes.Buffer), stderr: new(bytes.Buffer), server: server.URL, token: "lht_test"}
}

func TestAChangeWhoseAnswerIsLostIsSentAgainUnderOneName(t *testing.T) {
	t.Parallel()
	var names []string
	s := afar(t, func(w http.ResponseWriter, r *http.Request) {
		names = append(names, r.Header.Get("Idempotency-Key"))
		if len(names) == 1 {
			c, _, _ := w.(http.Hijacker).Hijack()
			c.Close()
			return
		}
		fmt.Fprint(w, `{"revocation":"rev_1"}`)
	})
	var done revoked
	if err := s.ask(revokeOrder{Tenant: "acme", Reason: "test"}.question(), &done); err != nil || done.Revocation != "rev_1" {
		t.Fatalf("%+v, %v", done, err)
	}
	if len(names) != 2 || names[0] == "" || names[0] != names[1] {
		t.Errorf("sent under %q", names)
	}
}

func TestANameOfARevocationThatIsNoKeyOfTheAPIIsStillOneName(t *testing.T) {
	t.Parallel()
	keys := map[string]bool{}
	for _, name := range []string{"incident-12", "incident 12", "ünfall", strings.Repeat("x", 65)} {
		once := revokeOrder{Tenant: "acme", Once: name}.question().once
		if again := (revokeOrder{Tenant: "acme", Once: name}).question().once; once != again || len(once) > 64 || strings.ContainsAny(once, " ü") {
			t.Errorf("%q is sent as %q and %q", name, once, again)
		}
		keys[once] = true
	}
	if len(keys) != 4 {
		t.Errorf("four names are %v", keys)
	}
}

func TestADeletionIsAskedForUntilItIsDone(t *testing.T) {
	t.Parallel()
	asked := 0
	s := afar(t, func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked < 3 {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	c := deleteTenant{one{"acme"}, reasoned{"closed"}}
	if err := c.Run(s); err != nil || asked != 3 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestAListIsGatheredPartByPart(t *testing.T) {
	t.Parallel()
	var asked []string
	s := afar(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		var items []string
		for n := range 500 {
			items = append(items, fmt.Sprintf(`{"id":"acc_%d"}`, n))
		}
		if len(asked) == 3 {
			items = items[:200]
		}
		fmt.Fprintf(w, `{"items":[%s],"next":"more%d"}`, strings.Join(items, ","), len(asked))
	})
	found, err := gather[accountView](s, get("/accounts", url.Values{"limit": {"1200"}, "after": {"acc_0"}, "tenant": {""}}))
	if err != nil || len(found) != 1200 {
		t.Fatalf("%d, %v", len(found), err)
	}
	if want := []string{"after=acc_0&limit=500", "cursor=more1&limit=500", "cursor=more2&limit=200"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q", asked)
	}
}

func TestATokenGoesNowhereElse(t *testing.T) {
	t.Parallel()
	taken := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { taken = true }))
	defer other.Close()
	s := afar(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer lht_test" {
			t.Errorf("shown %q", r.Header.Get("Authorization"))
		}
		http.Redirect(w, r, other.URL+"/api/v1/accounts", http.StatusFound)
	})
	if err := s.ask(get("/accounts", nil), nil); err == nil || err.Error() != "server: 302 Found" || taken {
		t.Errorf("%v, followed: %v", err, taken)
	}

	s.token = "lh_handle" // of a workload, which leasehold exec gives to the command that it runs
	if err := s.ask(get("/accounts", nil), nil); err == nil || !strings.Contains(err.Error(), "no token of the API") {
		t.Errorf("shown a handle: %v", err)
	}

	// A name of loopback is loopback, whatever a resolver says, and no proxy reads what goes there in the clear.
	here, err := url.Parse(other.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dialHere(t.Context(), "tcp", net.JoinHostPort("nobody-has-this.localhost", here.Port()))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if proxy, err := proxyOf(httptest.NewRequest(http.MethodGet, "http://sso.localhost/", nil)); proxy != nil || err != nil {
		t.Errorf("by %v, %v", proxy, err)
	}
}

func TestARefusalIsSaidInWords(t *testing.T) {
	t.Parallel()
	at := get("/accounts/acc_1", nil)
	for want, p := range map[string]api.Problem{
		"account acc_1: not found":                                           {Status: 404, Reason: "not_found"},
		"account \ufffd[2J is expired":                                       {Status: 409, Reason: "conflict", Detail: "account \x1b[2J is expired: conflict"},
		"domain \ufffd[2J":                                                   {Status: 409, Reason: "conflict", Detail: "domain \x1b[2J"},
		"account acc_1 is expired":                                           {Status: 409, Reason: "conflict", Detail: "account acc_1 is expired: conflict"},
		"token: not found: conflict":                                         {Status: 409, Reason: "conflict", Detail: "token: not found: conflict"},
		"input_invalid: bad: body.x: unexpected property":                    {Status: 422, Reason: "input_invalid", Detail: "bad", Faults: []string{"body.x: unexpected property"}},
		"scope_missing: The token's scope does not hold what was asked for.": {Status: 403, Reason: "scope_missing"},
		"managed_by_manifest: account acc_1: The manifests own it. Change it there, or have them leave it out.": {Status: 409, Reason: "managed_by_manifest"},
	} {
		if err := at.refused(p); err.Error() != want {
			t.Errorf("said %q, want %q", err, want)
		}
	}
}
