package web_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"leasehold/provision"
	"leasehold/web"
)

func TestARequestHasOneIDInTheAnswerTheAuditAndTheLog(t *testing.T) {
	for name, c := range map[string]struct {
		peer, given string
		taken       bool
	}{
		"none":                  {"127.0.0.1:4711", "", false},
		"a proxy's":             {"127.0.0.1:4711", "4bf92f3577b34da6-A_1", true},
		"somebody else's":       {"203.0.113.7:4711", "4bf92f3577b34da6", false},
		"one that is too long":  {"127.0.0.1:4711", strings.Repeat("a", 65), false},
		"one with a line break": {"127.0.0.1:4711", "a\nb", false},
		"an e-mail address":     {"127.0.0.1:4711", "ada@acme.test", false},
	} {
		var log bytes.Buffer
		g := newGate(t)
		b := newBrowser(t, g, func(c *web.Config) { c.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
		r := b.from(c.peer, sso+"/idp/acme-saml/callback?state=a&email=ada%40acme.test", "X-Request-Id", c.given)
		id := r.Header.Get("X-Request-Id")
		if taken := id == c.given && id != ""; taken != c.taken || !c.taken && !regexp.MustCompile(`^req_[a-z2-7]{12}$`).MatchString(id) {
			t.Errorf("%s: the answer says %q", name, id)
		}
		if c.peer != "127.0.0.1:4711" { // it is on no host of ours: only a proxy says that it came by https
			continue
		}
		var line struct {
			Msg, Request, Step, Connection, Origin string
			Status                                 int
		}
		if err := json.Unmarshal(log.Bytes(), &line); err != nil || line.Msg != "login" || line.Request != id || line.Step != "GET /idp/{connection}/callback" || line.Connection != "acme-saml" || line.Status != 200 || line.Origin != sso {
			t.Errorf("%s: %v, the log says %s", name, err, &log)
		}
		if strings.Contains(log.String(), "@") || strings.Contains(log.String(), "203.0.113") {
			t.Errorf("%s: the log says who it was: %s", name, &log)
		}
		if len(g.backs) != 1 || g.backs[0].Requester.RequestID != id {
			t.Errorf("%s: the audit is told %+v, the answer %q", name, g.backs, id)
		}
	}
}

func TestTheReferenceOnAPageIsNeverAProxysWord(t *testing.T) {
	g, kept := newGate(t), new(web.Refused)
	var log bytes.Buffer
	b := newBrowser(t, g, func(c *web.Config) { c.Refused, c.Log = kept, slog.New(slog.NewJSONHandler(&log, nil)) })
	g.fails["Login"] = denied(provision.AttemptOtherBrowser)
	r := b.get(sso+"/idp/acme-saml/resume?attempt=a", "X-Request-Id", "req_aaaaaaaaaaaa")
	ref := reference(t, body(t, r))
	if ref == "req_aaaaaaaaaaaa" || r.Header.Get("X-Request-Id") != "req_aaaaaaaaaaaa" {
		t.Errorf("the page quotes %s, the answer says %s", ref, r.Header.Get("X-Request-Id"))
	}
	if _, ok := kept.Find(ref); !ok {
		t.Error("nothing is kept of the refusal")
	}
	if !strings.Contains(log.String(), `"reason":"attempt_other_browser"`) || !strings.Contains(log.String(), `"status":403`) {
		t.Errorf("the log says %s", &log)
	}
}

func TestChecksAndLooksAreNotLogged(t *testing.T) {
	g := newGate(t)
	var log bytes.Buffer
	b := newBrowser(t, g, func(c *web.Config) { c.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
	g.verdict = allowing()
	allowed := b.get("http://127.0.0.1/_sso/check/nginx", asNginx("GET", "/")...)
	if id := allowed.Header.Get("X-Request-Id"); id != "" {
		t.Errorf("an allow is called %s", id)
	}
	g.verdict = refusing(provision.SessionMissing)
	b.get("http://127.0.0.1/_sso/check/forward", asForward("GET", "/")...)
	b.get(sso + "/.well-known/jwks.json")
	b.get("https://elsewhere.example/")
	if log.Len() > 0 {
		t.Errorf("the log says %s", &log)
	}
	g.verdict = refusing(provision.RoleMissing)
	if shut := b.get("http://127.0.0.1/_sso/check/forward", asForward("GET", "/", "Accept", "text/html")...); shut.Header.Get("X-Request-Id") == "" {
		t.Error("a page that says no has no id")
	}
	b.post(sso+"/login", url.Values{"email": {"ada@acme.test"}})
	if strings.Count(log.String(), "\n") != 1 {
		t.Errorf("a step of a login is logged as %s", &log)
	}
}
