package broker_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// tables is everything that is registered and audited, as it stands in the file.
func (h *house) tables() []string {
	h.t.Helper()
	var all []string
	for _, query := range []string{
		"SELECT body FROM tenants", "SELECT body FROM policies", "SELECT body FROM connections", "SELECT body FROM apps", "SELECT origin || app FROM app_origins",
		"SELECT body FROM claims", "SELECT body FROM events", "SELECT name FROM keys", "SELECT body FROM leases", "SELECT body FROM revocations",
	} {
		all = append(all, h.column(query))
	}
	return all
}

func (h *house) try(w broker.Wanted, p broker.Plan) (broker.Registered, error) {
	if p.Owner == "" {
		p.Owner = provision.ByManifest
	}
	return h.Register(context.Background(), operator(), w, p)
}

// wantNothing wants a registration refused, with nothing changed.
func (h *house) wantNothing(w broker.Wanted, p broker.Plan, words string) {
	h.t.Helper()
	before := h.tables()
	done, err := h.try(w, p)
	if !errors.Is(err, provision.ErrConflict) || !strings.Contains(err.Error(), words) {
		h.t.Errorf("got %v, want a conflict about %q", err, words)
	}
	if !reflect.DeepEqual(done, broker.Registered{}) || !reflect.DeepEqual(h.tables(), before) {
		h.t.Errorf("something changed: %+v", done)
	}
}

func TestRegisteringTheSameAgainChangesNothing(t *testing.T) {
	h := newHouse(t, withOIDC)
	before := h.tables()
	done, err := h.try(h.wanted, broker.Plan{})
	if err != nil || len(done.Changes) != 0 || len(done.Unmanaged) != 0 || !reflect.DeepEqual(h.tables(), before) {
		t.Errorf("%+v, %v", done, err)
	}
	h.restart()
	if done, err = h.try(h.wanted, broker.Plan{}); err != nil || len(done.Changes) != 0 {
		t.Errorf("after a restart: %+v, %v", done, err)
	}
}

func TestADryRunSaysWhatWouldChangeAndChangesNothing(t *testing.T) {
	h := newHouse(t, withOIDC)
	w := h.wanted
	w.Apps = slices.Clone(w.Apps)
	w.Apps[0].MaxSession = 3600e9
	w.Apps = append(w.Apps, app("new", "https://new.example.com", "acme"))
	w.Tenants = slices.Clone(w.Tenants)
	w.Tenants[0].Tenant.Policy.Create = provision.CreateInvite
	w.Tenants[0].Connections = slices.Clone(w.Tenants[0].Connections)
	w.Tenants[0].Connections[2].Secret = []byte("another-secret")
	before := h.tables()
	dry, err := h.try(w, broker.Plan{DryRun: true})
	if err != nil || !reflect.DeepEqual(h.tables(), before) {
		t.Fatalf("%v; something changed: %+v", err, dry)
	}
	h.login(ada()) // by the rules as they are
	wet, err := h.try(w, broker.Plan{})
	if err != nil || !reflect.DeepEqual(dry.Changes, wet.Changes) {
		t.Fatalf("%v\ndry %q\nwet %q", err, dry.Changes, wet.Changes)
	}
	for _, want := range []string{"tenant acme: policy: create: allow → invite", "app wiki: max_session: (none) → 1h0m0s", "app new: created", "app new: origins: https://new.example.com"} {
		if !slices.Contains(wet.Changes, want) {
			t.Errorf("no line %q in %q", want, wet.Changes)
		}
	}
	at := slices.IndexFunc(wet.Changes, func(line string) bool { return strings.HasPrefix(line, "connection acme-oidc: client_secret: set (") })
	if at < 0 || strings.Contains(strings.Join(wet.Changes, "\n"), "another-secret") {
		t.Errorf("changes %q", wet.Changes)
	}
	h.refused(somebody(2), provision.InviteRequired)
	if v, err := h.store.Policy(context.Background(), "acme", 1); err != nil || v.Create != provision.CreateAllow {
		t.Errorf("the first version of the policy: %+v, %v", v, err)
	}
}

func TestEachObjectHasOneOwner(t *testing.T) {
	h := newHouse(t)
	changed := h.wanted
	changed.Tenants = []broker.WantedTenant{tenant("acme", "acme.test")}
	changed.Tenants[0].Tenant.Name = "Other"
	changed.Apps = nil
	h.wantNothing(changed, broker.Plan{Owner: provision.ByAPI}, "managed_by_manifest")
	if _, err := h.try(changed, broker.Plan{Owner: provision.ByAPI, Adopt: true}); err != nil {
		t.Fatal(err)
	}
	h.wantNothing(h.wanted, broker.Plan{}, "managed_by_api")
	if done, err := h.try(h.wanted, broker.Plan{Adopt: true}); err != nil || len(done.Changes) == 0 {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestOneFaultAndNothingIsRegistered(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := broker.Wanted{
		Apps:    []provision.App{app("new", "https://new.example.com", "acme")},
		Tenants: []broker.WantedTenant{tenant("new", "new.test"), tenant("thief", "acme.test")},
	}
	h.wantNothing(w, broker.Plan{}, "tenant thief: domain acme.test: another tenant owns acme.test")

	w.Tenants = []broker.WantedTenant{tenant("one", "same.test"), tenant("two", "same.test")}
	h.wantNothing(w, broker.Plan{}, "tenant two: domain same.test")

	w.Tenants = []broker.WantedTenant{tenant("one", "one.test")}
	w.Tenants[0].Connections[0].Connection.ID = "acme"
	h.wantNothing(w, broker.Plan{}, "connection acme: is one of tenant acme")

	w.Tenants = nil
	w.Apps = []provision.App{app("squatter", wikiURL, "acme")}
	h.wantNothing(w, broker.Plan{}, "https://wiki.example.com is an origin of app wiki")

	w.Apps = []provision.App{app("one", "https://one.example.com"), app("two", "https://one.example.com")}
	h.wantNothing(w, broker.Plan{}, "https://one.example.com is an origin of app")
}

func TestAnOriginMovesToAnotherApp(t *testing.T) {
	h := newHouse(t)
	h.wanted.Apps[0].Origins, h.wanted.Apps[1].Origins = h.wanted.Apps[1].Origins, h.wanted.Apps[0].Origins
	h.register(h.wanted)
	if v := h.check(""); v.App != "vault" {
		t.Errorf("the app at %s is %s", wikiURL, v.App)
	}
	if a, err := h.store.AppByOrigin(context.Background(), originOf(vaultURL)); err != nil || a.ID != "wiki" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestWhatIsNotWantedAnyMoreIsListedAndPrunedOnlyWhenAsked(t *testing.T) {
	h := newHouse(t)
	wiki := h.entered(h.login(ada()))
	w := broker.Wanted{Apps: h.wanted.Apps[:1], Tenants: h.wanted.Tenants[1:]}
	done, err := h.try(w, broker.Plan{})
	want := []string{"tenant acme", "connection acme", "connection acme-saml", "app rivals", "app vault"}
	if err != nil || !reflect.DeepEqual(done.Unmanaged, want) || len(done.Changes) != 0 || done.Ended != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	h.wantAllow(wiki)
	dry, err := h.try(w, broker.Plan{Prune: true, DryRun: true})
	if err != nil || dry.Ended != 1 {
		t.Errorf("%+v, %v", dry, err)
	}
	h.wantAllow(wiki)
	wet, err := h.try(w, broker.Plan{Prune: true})
	if err != nil || wet.Ended != 1 || !reflect.DeepEqual(wet.Changes, dry.Changes) {
		t.Errorf("%+v, %v", wet, err)
	}
	h.wantReason(wiki, provision.LeaseEnded)
	if n := h.reap(); n != 1 {
		t.Errorf("%d ended", n)
	}
	if e := h.events(provision.EventLeaseEnded); len(e) != 1 || e[0].Reason != string(provision.CauseConnectionDisabled) || e[0].Revocation.ID == "" {
		t.Errorf("%+v", e)
	}
	h.refused(ada(), provision.DomainUnknown)
	if again, err := h.try(w, broker.Plan{Prune: true}); err != nil || len(again.Changes) != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func TestARegistrationUndoesNoRevocationAndNoProof(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	token := h.entered(h.login(ada()))
	if _, err := h.SuspendTenant(ctx, operator(), "acme"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.DisableConnection(ctx, operator(), "acme-saml"); err != nil {
		t.Fatal(err)
	}
	h.wanted.Tenants[0].Tenant.Name = "Acme again"
	h.wanted.Tenants[0].Connections[1].Connection.Attributes = map[string]string{"email": "mail"}
	h.register(h.wanted)
	h.wantReason(token, provision.LeaseEnded)
	if got, _ := h.store.Tenant(ctx, "acme"); !got.Suspended || got.Name != "Acme again" {
		t.Errorf("%+v", got)
	}
	if got, _ := h.store.Connection(ctx, "acme-saml"); !got.Disabled || len(got.Attributes) != 1 {
		t.Errorf("%+v", got)
	}
}

// TestAProofAndARegistrationDoNotUndoEachOther has a claim lapse while a registration is about to take it over.
func TestAProofAndARegistrationDoNotUndoEachOther(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	acme := domain("acme.test")
	silent := broker.NewProver(h.Broker, resolverFunc(func(context.Context, string) ([]string, error) { return nil, nil }), 3600e9, 7200e9)
	if _, err := silent.Claim(ctx, operator(), "acme", acme); err != nil {
		t.Fatal(err)
	}
	token := h.entered(h.login(ada()))
	for range 2 {
		silent.Check(ctx, operator(), "acme", acme)
		h.clock.pass(3600e9)
		h.check(token)
	}
	done := make(chan error, 1)
	h.ledger.before = func() { // the registration has read that the claim stands
		checked := make(chan struct{})
		go func() {
			defer close(checked)
			_, err := silent.Check(ctx, operator(), "acme", acme)
			done <- err
		}()
		select { // it has to wait for the registration; if it does not, it lapses here
		case <-checked:
		case <-time.After(100 * time.Millisecond):
		}
	}
	h.register(h.wanted) // attests it again
	if err := <-done; err != nil && !errors.Is(err, provision.ErrConflict) {
		t.Error(err)
	}
	claims, err := h.Claims(ctx, acme)
	if err != nil || len(claims) != 1 || claims[0].Proof != provision.ProofOperator || claims[0].State != provision.ClaimVerified {
		t.Errorf("%+v, %v", claims, err)
	}
	for _, e := range h.events(provision.EventDomainClaim) {
		if e.Outcome == string(provision.ClaimLapsed) && claims[0].Generation < 2 {
			t.Error("a lapse was undone")
		}
	}
}
