package oidc_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"leasehold/idp/oidc"
	"leasehold/idp/oidc/oidctest"
	"leasehold/provision"
)

// factsOf plays a login after changes, and fails unless it passes.
func factsOf(t *testing.T, change func(*oidctest.OP, *oidc.Config)) provision.Facts {
	t.Helper()
	op, c := oidctest.New(t), newClock()
	op.Now = c.now
	config := configured(t, op, c)
	change(op, &config)
	got, err := login(t, open(t, config), op, attempt(c))
	if err != nil {
		t.Error(err)
	}
	return got.Facts
}

func TestAnEmailAddressIsVerifiedWhenSomebodyVouchesForIt(t *testing.T) {
	for _, x := range []struct {
		said  any // email_verified; nil: nothing
		trust bool
		email string
		named string // the claim that holds it; "": email
		want  bool
	}{
		{said: true, want: true}, {said: "true", want: true},
		{said: false}, {said: "false"}, {said: "TRUE"}, {said: "yes"}, {said: 1}, {said: []bool{true}}, {said: nil},
		{said: nil, trust: true, want: true},
		{said: false, trust: true}, // an explicit no stands
		{said: nil, trust: true, email: "ada@globex.test"},
		{said: nil, trust: true, email: "ada@acme.test@globex.test"},
		{said: nil, trust: true, email: "ada@sub.acme.test"},
		{said: true, email: "not an address"},
		{said: true, email: ""},
		{said: true, named: "upn"}, // email_verified speaks of email
		{said: true, named: "upn", trust: true, want: true},
	} {
		got := factsOf(t, func(op *oidctest.OP, c *oidc.Config) {
			delete(op.Claims, "email")
			delete(op.Claims, "email_verified")
			if x.said != nil {
				op.Claims["email_verified"] = x.said
			}
			c.Connection.TrustEmail = x.trust
			address, name := "ada@acme.test", "email"
			if x.email != "" {
				address = x.email
			}
			if x.named != "" {
				name = x.named
				c.Connection.Attributes = map[string]string{"email": name}
			}
			op.Claims[name] = address
		})
		if want := x.want || (x.said == true && x.email == "" && x.named == ""); got.EmailVerified != want {
			t.Errorf("%+v: verified %v", x, got.EmailVerified)
		}
	}
}

func TestAGoogleAccountIsHostedOrUnverified(t *testing.T) {
	for hd, want := range map[string]bool{"acme.test": true, "": false, "globex.test": false, "not a domain": false} {
		got := factsOf(t, func(op *oidctest.OP, c *oidc.Config) {
			op.Issuer = "https://accounts.google.com"
			c.Connection.Issuer, c.HTTP.Transport = op.Issuer, op.Reached()
			if hd != "" {
				op.Claims["hd"] = hd
			}
		})
		if got.EmailVerified != want {
			t.Errorf("hd %q: verified %v", hd, got.EmailVerified)
		}
	}
}

func TestClaimsAreReadUnderTheNamesThatTheConnectionGives(t *testing.T) {
	got := factsOf(t, func(op *oidctest.OP, c *oidc.Config) {
		c.Connection.Attributes = map[string]string{"email": "upn", "name": "displayName", "groups": "https://acme.test/groups"}
		op.Claims["upn"], op.Claims["displayName"], op.Claims["https://acme.test/groups"] = "countess@acme.test", "Countess", "analysts"
	})
	if got.Email != "countess@acme.test" || got.Name != "Countess" || !reflect.DeepEqual(got.Groups, []string{"analysts"}) {
		t.Errorf("got %+v", got)
	}
}

func TestTheSubjectIsWhatTheRuleSays(t *testing.T) {
	const tid, oid = "72f988bf-86f1-41af-91ab-2d7cd011db47", "00000000-0000-0000-66f3-3332eca7ea81"
	for _, x := range []struct {
		name, rule string
		claims     map[string]any
		want       string
		refused    provision.Reason
	}{
		{"sub", "sub", nil, "248289761001", ""},
		{"nothing said", "", nil, "248289761001", ""},
		{"sub keeps its case", "sub", map[string]any{"sub": "AbC"}, "AbC", ""},
		{"a claim", "claim:employee", map[string]any{"employee": "E-7"}, "E-7", ""},
		{"a claim that is not there", "claim:employee", nil, "", provision.SubjectMissing},
		{"a claim that is empty", "claim:employee", map[string]any{"employee": ""}, "", provision.SubjectMissing},
		{"a claim that is a list", "claim:employee", map[string]any{"employee": []string{"E-7"}}, "", provision.DocumentMalformed},
		{"a claim in another case", "claim:employee", map[string]any{"Employee": "E-7"}, "", provision.SubjectMissing},
		{"Entra ID", "tid+oid", map[string]any{"tid": tid, "oid": oid}, tid + ":" + oid, ""},
		{"no oid", "tid+oid", map[string]any{"tid": tid}, "", provision.SubjectMissing},
		{"no tid", "tid+oid", map[string]any{"oid": oid}, "", provision.SubjectMissing},
		{"oid that is no UUID", "tid+oid", map[string]any{"tid": tid, "oid": "ada"}, "", provision.DocumentMalformed},
		{"oid in capitals", "tid+oid", map[string]any{"tid": tid, "oid": strings.ToUpper(tid)}, "", provision.DocumentMalformed},
		{"oid with a colon", "tid+oid", map[string]any{"tid": tid, "oid": strings.Replace(oid, "-", ":", 1)}, "", provision.DocumentMalformed},
	} {
		op, c := oidctest.New(t), newClock()
		op.Now = c.now
		config := configured(t, op, c)
		config.Connection.Subject = x.rule
		for name, value := range x.claims {
			op.Claims[name] = value
		}
		got, err := login(t, open(t, config), op, attempt(c))
		want(t, x.name, got, err, x.refused)
		if got.Facts.Subject != x.want {
			t.Errorf("%s: subject %q", x.name, got.Facts.Subject)
		}
	}
}

func TestGroupsThatWereLeftOutAreNoticed(t *testing.T) {
	for _, x := range []struct {
		name   string
		claims map[string]any
		want   bool
	}{
		{"all there", map[string]any{"groups": []string{"a"}}, false},
		{"none", nil, false},
		{"named elsewhere", map[string]any{"_claim_names": map[string]any{"groups": "src1"}, "_claim_sources": map[string]any{"src1": map[string]any{"endpoint": "https://graph.windows.net/x"}}}, true},
		{"something else elsewhere", map[string]any{"_claim_names": map[string]any{"address": "src1"}, "_claim_sources": map[string]any{"src1": map[string]any{"endpoint": "https://x.test"}}}, false},
		{"hasgroups", map[string]any{"hasgroups": true}, true},
		{"hasgroups as text", map[string]any{"hasgroups": "true"}, true},
		{"hasgroups and all there", map[string]any{"hasgroups": true, "groups": []string{"a"}}, false},
	} {
		got := factsOf(t, func(op *oidctest.OP, _ *oidc.Config) {
			delete(op.Claims, "groups")
			for name, value := range x.claims {
				op.Claims[name] = value
			}
		})
		if got.GroupsOverage != x.want {
			t.Errorf("%s: overage %v", x.name, got.GroupsOverage)
		}
	}
}

func TestClaimsOfTheWrongShapeAreRefused(t *testing.T) {
	play(t, []lie{
		{"email a list", claim("email", []string{"ada@acme.test"}), provision.DocumentMalformed},
		{"name a number", claim("name", 7), provision.DocumentMalformed},
		{"groups an object", claim("groups", map[string]any{"a": 1}), provision.DocumentMalformed},
		{"groups with a number", claim("groups", []any{"a", 7}), provision.DocumentMalformed},
		{"acr a list", claim("acr", []string{"gold"}), provision.DocumentMalformed},
		{"amr a number", claim("amr", 7), provision.DocumentMalformed},
		{"session_expiry as text", claim("session_expiry", "soon"), provision.DocumentMalformed},
		{"session_expiry as a date", claim("session_expiry", "2030-01-01T00:00:00Z"), provision.DocumentMalformed},
		{"sid a number", claim("sid", 7), provision.DocumentMalformed},
		{"claims elsewhere, nowhere", claim("_claim_names", map[string]any{"groups": "src1"}), provision.DocumentMalformed},
		{"name null", payload(`"Ada"`, `null`), ""},
	}, nil)
}

func TestUserInfo(t *testing.T) {
	info := func(name string, value any) func(*oidctest.OP, time.Time) {
		return func(op *oidctest.OP, _ time.Time) { op.Tamper.UserInfo = func(u map[string]any) { u[name] = value } }
	}
	answers := func(status int, text string) func(*oidctest.OP, time.Time) {
		return func(op *oidctest.OP, _ time.Time) {
			op.Tamper.Handle = map[string]http.HandlerFunc{"/userinfo": func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(text))
			}}
		}
	}
	play(t, []lie{
		{"honest", func(*oidctest.OP, time.Time) {}, ""},
		{"another sub", info("sub", "victim"), provision.ConfirmationInvalid},
		{"no sub", info("sub", nil), provision.ConfirmationInvalid},
		{"sub in another case", func(op *oidctest.OP, now time.Time) {
			op.Claims["sub"] = "ada"
			info("sub", "Ada")(op, now)
		}, provision.ConfirmationInvalid},
		{"Sub beside sub", info("Sub", "victim"), provision.DocumentMalformed},
		{"sub a number", info("sub", 7), provision.DocumentMalformed},
		{"unreachable", answers(502, ""), provision.IdPUnreachable},
		{"not allowed", answers(401, ""), provision.IdPUnreachable},
		{"a page", answers(200, "<html>"), provision.DocumentMalformed},
		{"a signed one", answers(200, "e30.e30.e30"), provision.DocumentMalformed},
		{"2 MiB", info("padding", strings.Repeat("p", 2<<20)), provision.MessageTooLarge},
		{"groups of the wrong shape", info("groups", 7), provision.DocumentMalformed},
	}, func(op *oidctest.OP) {
		op.Claims = map[string]any{"sub": "248289761001"}
		op.UserInfo = map[string]any{"email": "ada@acme.test", "email_verified": true, "name": "Ada", "groups": []string{"engineering"}}
	})
}

func TestUserInfoFillsInWhatTheTokenLeavesOut(t *testing.T) {
	got := factsOf(t, func(op *oidctest.OP, _ *oidc.Config) {
		op.Claims = map[string]any{"sub": "248289761001"}
		op.UserInfo = map[string]any{"email": "ada@acme.test", "email_verified": true, "name": "Ada", "groups": []string{"engineering"}}
	})
	expected := provision.Facts{Connection: "acme-oidc", Subject: "248289761001", Email: "ada@acme.test", EmailVerified: true, Name: "Ada", Groups: []string{"engineering"}}
	if !reflect.DeepEqual(got, expected) {
		t.Errorf("got %+v", got)
	}
	got = factsOf(t, func(op *oidctest.OP, _ *oidc.Config) { // the token comes first, and email_verified stays with its email
		op.Claims = map[string]any{"sub": "248289761001", "email": "ada@acme.test"}
		op.UserInfo = map[string]any{"email": "eve@acme.test", "email_verified": true, "groups": []string{"engineering"}}
	})
	if got.Email != "ada@acme.test" || got.EmailVerified || len(got.Groups) != 1 {
		t.Errorf("got %+v", got)
	}
}
