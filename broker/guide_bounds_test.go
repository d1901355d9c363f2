package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/idp/oidc/oidctest"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

func TestASetupLinkDoesNotSetAsideWhatTheOperatorAttested(t *testing.T) {
	s, ctx := newOutsider(t), context.Background()
	_, err := s.guide.Prover.Attest(ctx, operator(), "globex", domain("globex.test"))
	must(t, err)
	s.open()
	must(t, s.guide.Claim(ctx, s.pass, "globex.test", provision.Requester{}))
	if c := s.progress().Claims[0].Claim; c.Proof != provision.ProofOperator || c.State != provision.ClaimVerified {
		t.Errorf("the operator's word became %s, %s", c.Proof, c.State)
	}
	link := operator()
	link.Actor = s.link.Setup.Actor() // and was attested just now
	if c, err := s.guide.Prover.Claim(ctx, link, "globex", domain("globex.test")); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("the operator's word became %s: %v", c.Proof, err)
	}
}

func TestASetupLinkEndsWithWhatItWasMadeFor(t *testing.T) {
	for what, ends := range map[string]func(*outsider) error{
		"suspended": func(s *outsider) error {
			_, err := s.SuspendTenant(context.Background(), operator(), "globex")
			return err
		},
		"suspended and resumed": func(s *outsider) error {
			_, err := s.SuspendTenant(context.Background(), operator(), "globex")
			return errors.Join(err, s.ResumeTenant(context.Background(), operator(), "globex"))
		},
		"revoked": func(s *outsider) error {
			_, err := s.Revoke(context.Background(), operator(), provision.Scope{Tenant: "globex"}, provision.CauseAdmin)
			return err
		},
		"everything revoked": func(s *outsider) error {
			_, err := s.Revoke(context.Background(), operator(), provision.Scope{}, provision.CauseAdmin)
			return err
		},
		"deleted": func(s *outsider) error { s.deleteTenant("globex"); return nil },
		"deleted and registered anew": func(s *outsider) error {
			s.deleteTenant("globex")
			s.register(s.wanted)
			return nil
		},
	} {
		t.Run(what, func(t *testing.T) {
			s, ctx := newOutsider(t), context.Background()
			unopened := s.make("globex")
			s.enabled()
			must(t, ends(s))
			if p, err := s.guide.Progress(ctx, s.pass); reasonOf(err) != provision.SetupUnknown {
				t.Errorf("it goes on: %+v, %v", p.Tenant, err)
			}
			if err := s.guide.Undo(ctx, s.pass, provision.Requester{}); reasonOf(err) != provision.SetupUnknown {
				t.Errorf("it is acted by: %v", err)
			}
			s.link = unopened
			if _, _, err := s.guide.Open(ctx, s.token(), provision.Requester{}); reasonOf(err) != provision.SetupUnknown {
				t.Errorf("another one is opened: %v", err)
			}
		})
	}
}

func (s *outsider) secrets() []string {
	s.t.Helper()
	names, err := s.store.KeyNames(context.Background(), "secret/globex", "secret/globex~", 1000)
	must(s.t, err)
	return names
}

func TestOnlyTheClientSecretInUseIsKept(t *testing.T) {
	s, ctx := newOutsider(t, withOIDC), context.Background()
	s.open()
	draft := func(issuer string, secret []byte) error {
		return s.guide.DraftOIDC(ctx, s.pass, broker.OIDCDraft{Issuer: issuer, ClientID: oidctest.ClientID, Secret: secret}, provision.Requester{})
	}
	var wrong *broker.SetupError
	if err := draft(s.oidc.URL+"/nobody", []byte("tried")); !errors.As(err, &wrong) || len(s.secrets()) != 0 {
		t.Errorf("an issuer that is none: %v, kept %v", err, s.secrets())
	}
	if err := draft(s.oidc.URL, bytes.Repeat([]byte("x"), 4097)); !errors.As(err, &wrong) || len(s.secrets()) != 0 {
		t.Errorf("a giant: %v, kept %v", err, s.secrets())
	}
	for n := range 3 {
		must(t, draft(s.oidc.URL, fmt.Appendf(nil, "secret %d", n)))
		if kept := s.secrets(); len(kept) != 1 || kept[0] != s.progress().Connection.ClientSecret {
			t.Errorf("after %d drafts: %v", n+1, kept)
		}
	}
	must(t, draft(s.oidc.URL, nil))
	if kept := s.secrets(); len(kept) != 1 || kept[0] != s.progress().Connection.ClientSecret {
		t.Errorf("drafted without one: %v", kept)
	}
}

func TestALinkClaimsSoManyDomainsAndActsSoOften(t *testing.T) {
	s, ctx := newOutsider(t), context.Background()
	s.open()
	var refused error
	n := 0
	for ; n < 200 && refused == nil; n++ {
		refused = s.guide.Claim(ctx, s.pass, fmt.Sprintf("d%d.globex.test", n), provision.Requester{})
	}
	if n != 61 || reasonOf(refused) != provision.RateLimited {
		t.Fatalf("%d acts in one go: %v", n, refused)
	}
	for refused = nil; n < 200 && refused == nil; n++ {
		s.clock.pass(10 * time.Second)
		refused = s.guide.Claim(ctx, s.pass, fmt.Sprintf("d%d.globex.test", n), provision.Requester{})
	}
	var wrong *broker.SetupError
	claims, err := s.store.Claims(ctx, provision.Page{Tenant: "globex", Limit: 1000})
	must(t, err)
	if !errors.As(refused, &wrong) || len(claims) != 100 {
		t.Errorf("%d claims: %v", len(claims), refused)
	}
}

func TestASetupChangesNoConnectionThatSomebodyElseWrote(t *testing.T) {
	s, ctx := newOutsider(t), context.Background()
	s.enabled()
	must(t, s.guide.Undo(ctx, s.pass, provision.Requester{}))
	must(t, s.guide.Restart(ctx, s.pass, provision.Requester{}))
	s.connects()
	if got := s.tries(bob()); !got.Good() {
		t.Fatal(got.Found)
	}
	c := s.progress().Connection
	must(t, s.EnableConnection(ctx, operator(), c.ID)) // people may come by it
	if err := s.guide.Undo(ctx, s.pass, provision.Requester{}); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("what the operator enabled was undone: %v", err)
	}
	_, err := s.DisableConnection(ctx, operator(), c.ID)
	must(t, err)
	if err := s.guide.DraftSAML(ctx, s.pass, broker.SAMLDraft{Document: samltest.New(t).Metadata()}, provision.Requester{}); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("another provider under sign-ins of the former: %v", err)
	}
	if got := s.tries(bob()); !got.Good() {
		t.Fatal(got.Found)
	}
	if err := s.guide.Enable(ctx, s.pass, provision.Requester{}); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("enabled as somebody else left it: %v", err)
	}
}

func TestATrialTellsAStrangerNothingOfTheInside(t *testing.T) {
	s := newOutsider(t)
	s.open()
	s.connects()
	got := s.tries(samltest.Answer{Person: samltest.Person{Subject: "ada-1", Email: "ada@acme.test"}})
	if got.Reason != provision.DomainForeign || got.Found != "" {
		t.Errorf("%s: %q", got.Reason, got.Found)
	}
	got = s.tries(samltest.Answer{Person: bob().Person, Signed: samltest.Neither})
	if got.Reason != provision.SignatureMissing || got.Found == "" {
		t.Errorf("%s: %q", got.Reason, got.Found)
	}
}

func TestATrialIsJudgedByThePolicysCondition(t *testing.T) {
	s := newOutsider(t, func(h *house) {
		h.wanted.Tenants[len(h.wanted.Tenants)-1].Tenant.Policy.When = "account.domain == 'globex.test'"
	})
	s.enabled()
	_, err := s.comesIn(bob())
	must(t, err)
}

func TestASetupOfTheOperatorsTenantMakesNoOperator(t *testing.T) {
	s := newOutsider(t, func(h *house) { h.operators = "globex" })
	s.enabled()
	l, err := s.comesIn(samltest.Answer{Person: samltest.Person{Subject: "bob-7", Email: "bob@globex.test", Groups: []string{"leasehold:operator", "leasehold:admin"}}})
	must(t, err)
	if a := s.account(l.Account); len(a.Offices) != 0 || len(l.Grant.Roles) != 0 {
		t.Errorf("came in with %v, %v", a.Offices, l.Grant.Roles)
	}
	must(t, s.guide.Accept(context.Background(), s.pass, s.sso(l), provision.Requester{}))
	if a := s.account(l.Account); len(a.Offices) != 1 || a.Offices[0] != provision.TenantAdminOffice {
		t.Errorf("became %v", a.Offices)
	}
}

func TestEverythingKeptIsHandedOverNowAndThen(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	token := h.sso(h.login(ada()))
	for n := range 11 {
		if _, err := h.Held(ctx, token, originOf(ssoURL)); (n < 10) != (err == nil) || n == 10 && reasonOf(err) != provision.RateLimited {
			t.Errorf("time %d: %v", n+1, err)
		}
	}
	h.clock.pass(time.Minute)
	if _, err := h.Held(ctx, token, originOf(ssoURL)); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

func TestOnePolicyOfATenantIsTriedAtATime(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	h.Trying("acme", func() {
		if _, err := h.Rules(everywhere(), "acme").Patient(time.Millisecond).Try(ctx, h.policyNow(), ""); reasonOf(err) != provision.RateLimited {
			t.Errorf("a second one: %v", err)
		}
		if _, err := h.Rules(everywhere(), "rival").Try(ctx, h.policyNow(), ""); err != nil {
			t.Errorf("another tenant's: %v", err)
		}
	})
	if _, err := h.Rules(everywhere(), "acme").Try(ctx, h.policyNow(), ""); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
