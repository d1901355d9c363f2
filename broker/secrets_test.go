package broker_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// vault is a source of secrets that can be made to fail, and that does not always say what it has done.
type vault struct {
	mu       sync.Mutex
	users    map[string]string // name: password
	down     bool
	dies     func() // in the middle of an issue, when the user is there already
	revoking int
	late     bool        // it makes what is ordered later, and does not say so
	hangs    bool        // it does not answer
	roles    []string    // that give; none: engineer
	renewed  []time.Time // the ends that it was told
}

func (v *vault) Issue(_ context.Context, o broker.UserOrder) (broker.Handed, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.down || v.late {
		return broker.Handed{}, errors.New("no route")
	}
	v.users[o.Name] = o.Password
	if v.dies != nil {
		v.dies()
	}
	return broker.Handed{Address: "postgres://db/x"}, nil
}

func (v *vault) Renew(_ context.Context, name string, until time.Time) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.down || v.users[name] == "" {
		return errors.New("no route")
	}
	v.renewed = append(v.renewed, until)
	return nil
}

func (v *vault) Revoke(ctx context.Context, name string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.revoking++
	if v.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if v.down {
		return errors.New("no route")
	}
	delete(v.users, name)
	return nil
}

// Source implements broker.Sources.
func (v *vault) Source(_ context.Context, t provision.TenantID, id provision.SecretID) (provision.Secret, broker.Source, error) {
	if t != "acme" || id != "reports" {
		return provision.Secret{}, nil, provision.ErrNotFound
	}
	roles := v.roles
	if len(roles) == 0 {
		roles = []string{"engineer"}
	}
	return provision.Secret{ID: id, Tenant: t, Roles: roles}, v, nil
}

func withVault(v *vault) func(*house) {
	v.users = map[string]string{}
	return func(h *house) { h.sources = v }
}

func (h *house) issue(l provision.Lease) (broker.HandedOver, error) {
	return h.Issue(context.Background(), l.ID, "reports", provision.Requester{IP: "192.0.2.7"})
}

func (h *house) takeBack() {
	h.t.Helper()
	if err := h.TakeBack(context.Background()); err != nil {
		h.t.Fatal(err)
	}
	h.WaitForLanes()
}

func (h *house) credential() provision.Credential {
	h.t.Helper()
	all, err := h.store.Credentials(context.Background(), provision.CredentialFilter{})
	if err != nil || len(all) == 0 {
		h.t.Fatalf("%d credentials, %v", len(all), err)
	}
	return all[len(all)-1]
}

func TestACredentialIsThereForAsLongAsItsLease(t *testing.T) {
	v := new(vault)
	h := newHouse(t, withVault(v))
	ada := h.login(ada())
	over, err := h.issue(ada)
	if err != nil || v.users[over.Name] != over.Password || over.Password == "" || over.State != provision.CredentialIssued || !over.Until.Equal(ada.End) {
		t.Fatalf("%+v, %v; the source knows %v", over, err, v.users)
	}
	h.takeBack()
	if len(v.users) != 1 {
		t.Fatal("it was taken back under a live lease")
	}
	if err := h.Logout(context.Background(), h.sso(ada), originOf(ssoURL), provision.Requester{}); err != nil {
		t.Fatal(err)
	}
	h.takeBack()
	if len(v.users) != 0 || h.credential().State != provision.CredentialRevoked || h.credential().Ended.IsZero() {
		t.Errorf("after the log-out the source knows %v, the ledger %+v", v.users, h.credential())
	}
	h.takeBack()
	if v.revoking != 1 {
		t.Errorf("it was taken back %d times", v.revoking)
	}
	for _, outcome := range []string{"intended", "issued", "revoked"} {
		if n := h.count(provision.EventCredential, outcome); n != 1 {
			t.Errorf("%d events %s", n, outcome)
		}
	}
}

func TestACredentialGoesWithARevocationAndWithTheLeasesEnd(t *testing.T) {
	for what, end := range map[string]func(*house, provision.Lease){
		"the account's revocation": func(h *house, l provision.Lease) {
			if _, err := h.Account(context.Background(), operator(), l.Account, provision.RevokeAccount); err != nil {
				h.t.Fatal(err)
			}
		},
		"the tenant's revocation": func(h *house, l provision.Lease) {
			if _, err := h.Revoke(context.Background(), operator(), provision.Scope{Tenant: "acme"}, provision.CauseAdmin); err != nil {
				h.t.Fatal(err)
			}
			h.reap()
		},
		"its time, before anybody ends it": func(h *house, l provision.Lease) { h.clock.pass(8 * time.Hour) },
	} {
		v := new(vault)
		h := newHouse(t, withVault(v))
		l := h.login(ada())
		if _, err := h.issue(l); err != nil {
			t.Fatal(err)
		}
		end(h, l)
		h.takeBack()
		if len(v.users) != 0 {
			t.Errorf("%s: the source knows %v", what, v.users)
		}
	}
}

func TestNobodyIsHandedACredentialWithoutALiveLeaseAndARoleForIt(t *testing.T) {
	v := new(vault)
	h := newHouse(t, withVault(v))
	ada, sam := h.login(ada()), h.login(stranger())
	denied := func(what string, l provision.LeaseID, want provision.Reason) {
		t.Helper()
		over, err := h.Issue(context.Background(), l, "reports", provision.Requester{})
		var no *provision.DeniedError
		if !errors.As(err, &no) || no.Reason != want || over.Password != "" {
			t.Errorf("%s: %+v, %v", what, over, err)
		}
	}
	denied("without the role", sam.ID, provision.RoleMissing)
	denied("without a lease", "acme.none", provision.LeaseEnded)
	denied("the zero lease", "", provision.LeaseEnded)
	if _, err := h.Issue(context.Background(), ada.ID, "others", provision.Requester{}); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("of no source: %v", err)
	}
	for range provision.MaxCredentials {
		if _, err := h.issue(ada); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.issue(ada); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("more than so many: %v", err)
	}
	h.clock.pass(8 * time.Hour)
	denied("after the end", ada.ID, provision.LeaseEnded)
	if len(v.users) != provision.MaxCredentials {
		t.Errorf("the source knows %d", len(v.users))
	}
}

func TestWhatAnIssueThatWasKilledLeftIsTakenBack(t *testing.T) {
	v := new(vault)
	h := newHouse(t, withVault(v))
	ada := h.login(ada())
	v.dies = func() { h.ledger.down.Store(true) } // as if the process were gone: nothing is written any more
	if over, err := h.issue(ada); err == nil || over.Password != "" {
		t.Fatalf("%+v, %v", over, err)
	}
	h.ledger.down.Store(false)
	v.dies = nil
	if len(v.users) != 1 || h.credential().State != provision.CredentialIntended {
		t.Fatalf("the source knows %v, the ledger %+v", v.users, h.credential())
	}
	h.restart()
	h.takeBack()
	if len(v.users) != 1 {
		t.Fatal("it was taken back while it may still be under way")
	}
	h.clock.pass(provision.CredentialPatience)
	h.takeBack()
	if len(v.users) != 0 || h.credential().State != provision.CredentialRevoking {
		t.Errorf("the source knows %v, the ledger %+v", v.users, h.credential())
	}
	h.takeBack()
	if h.credential().State != provision.CredentialRevoking {
		t.Error("it was taken for gone while what the source was sent may still be under way")
	}
	h.clock.pass(provision.CredentialPatience)
	h.takeBack()
	if h.credential().State != provision.CredentialRevoked || v.revoking != 2 {
		t.Errorf("asked %d times, the ledger has %+v", v.revoking, h.credential())
	}
}

// A statement can be done long after whoever sent it has given up, and after the source said that it knows no such user.
func TestWhatASourceMadeAfterItsIssueHadFailedIsTakenBackToo(t *testing.T) {
	t.Parallel()
	v := new(vault)
	h := newHouse(t, withVault(v))
	ada := h.login(ada())
	v.late = true
	if over, err := h.issue(ada); !errors.Is(err, provision.ErrUnavailable) || over.Password != "" {
		t.Fatalf("%+v, %v", over, err)
	}
	h.takeBack() // at once, and there is nobody
	if v.revoking != 1 || len(v.users) != 0 || h.credential().State != provision.CredentialRevoking {
		t.Fatalf("asked %d times, the source knows %v, the ledger has %+v", v.revoking, v.users, h.credential())
	}
	v.users[h.credential().Name] = "made after all"
	h.clock.pass(provision.CredentialPatience)
	h.takeBack()
	if len(v.users) != 0 || h.credential().State != provision.CredentialRevoked || h.count(provision.EventCredential, "revoked") != 1 {
		t.Errorf("the source knows %v, the ledger %+v", v.users, h.credential())
	}
}

func TestNoLeaseHasMoreCredentialsThanItMayHoweverManyAskAtOnce(t *testing.T) {
	t.Parallel()
	v := new(vault)
	h := newHouse(t, withVault(v))
	ada := h.login(ada())
	var all sync.WaitGroup
	var given atomic.Int64
	for range 3 * provision.MaxCredentials {
		all.Go(func() {
			_, err := h.issue(ada)
			if err == nil {
				given.Add(1)
			} else if !errors.Is(err, provision.ErrConflict) {
				t.Errorf("refused: %v", err)
			}
		})
	}
	all.Wait()
	if given.Load() != provision.MaxCredentials || len(v.users) != provision.MaxCredentials {
		t.Errorf("%d were given, the source knows %d", given.Load(), len(v.users))
	}
}

func TestACredentialFollowsItsLeaseWhenItGoesOnAndOneWhoseSourceDoesNotHearOfItEnds(t *testing.T) {
	t.Parallel()
	v := new(vault)
	h := newWorkloadHouse(t, withRenewals, withVault(v))
	v.roles = []string{"deployer"}
	got := h.exchanged()
	over, err := h.HandOver(context.Background(), "acme", "reports", got.Token, provision.Requester{})
	if err != nil {
		t.Fatal(err)
	}
	h.clock.pass(4 * time.Minute)
	renewed, err := h.renewed(got.Token)
	if err != nil {
		t.Fatal(err)
	}
	c := h.credential()
	if len(v.renewed) != 1 || v.renewed[0].Sub(h.clock.Now()) != 5*time.Minute || !c.Until.Equal(renewed.Lease.Until()) || h.count(provision.EventCredential, "renewed") != 1 {
		t.Fatalf("the source was told %v, the ledger has %+v", v.renewed, c)
	}
	h.clock.pass(2 * time.Minute)
	if h.takeBack(); v.users[over.Name] == "" {
		t.Fatal("it was taken back at its former end")
	}
	v.down = true
	h.clock.pass(2 * time.Minute)
	if renewed, err = h.renewed(got.Token); err != nil { // the lease goes on all the same
		t.Fatal(err)
	}
	if h.credential().Until.Equal(renewed.Lease.Until()) {
		t.Error("the ledger has an end that the source has not heard of")
	}
	v.down = false
	h.clock.pass(2 * time.Minute)
	if h.takeBack(); len(v.users) != 0 {
		t.Errorf("the source knows %v after the end that it was told", v.users)
	}
	h.wantReach(h.reach(got.Token, deployURL, "/"), "")
}

func TestASourceThatHangsHoldsUpNoOtherAndIsAskedOnceInATurn(t *testing.T) {
	t.Parallel()
	v := new(vault)
	h := newHouse(t, withVault(v))
	ada := h.login(ada())
	for range 3 {
		if _, err := h.issue(ada); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.RevokeLease(context.Background(), operator(), ada.ID); err != nil {
		t.Fatal(err)
	}
	v.hangs = true
	began := time.Now()
	h.takeBack()
	if took := time.Since(began); took > 9*time.Second || v.revoking != 1 {
		t.Errorf("it took %s, and the source was asked %d times", took, v.revoking)
	}
	all, err := h.store.Credentials(context.Background(), provision.CredentialFilter{Open: true})
	for _, c := range all {
		if c.Tried != 1 || c.Fault == "" {
			t.Errorf("noted was %+v", c)
		}
	}
	if err != nil || len(all) != 3 {
		t.Errorf("%d are open, %v", len(all), err)
	}
}

// retry has a credential's source asked again, at the desk.
func (h *house) retry(id provision.CredentialID) error {
	m := broker.Mandate{Everywhere: true, Write: true, Actor: operator().Actor}
	_, err := broker.NewDesk(h.Broker, broker.NewProver(h.Broker, nil, 0, 0), h.store).RetryCredential(context.Background(), broker.Order{Mandate: m}, id)
	return err
}

func TestAStuckCredentialIsTriedWhenAnOperatorSaysSo(t *testing.T) {
	t.Parallel()
	v := new(vault)
	h := newHouse(t, withVault(v))
	ada := h.login(ada())
	if _, err := h.issue(ada); err != nil {
		t.Fatal(err)
	}
	id := h.credential().ID
	if err := h.retry(id); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("one that is held: %v", err)
	}
	if err := h.RevokeLease(context.Background(), operator(), ada.ID); err != nil {
		t.Fatal(err)
	}
	v.down = true
	for range provision.CredentialTries {
		h.takeBack()
		h.clock.pass(5 * time.Minute)
	}
	if h.takeBack(); h.credential().State != provision.CredentialStuck {
		t.Fatalf("it is %s", h.credential().State)
	}
	v.down = false
	if h.takeBack(); h.credential().State != provision.CredentialStuck {
		t.Fatal("it was tried before its turn")
	}
	if err := h.retry(id); err != nil {
		t.Fatal(err)
	}
	if h.takeBack(); h.credential().State != provision.CredentialRevoked || h.count(provision.EventCredential, "retried") != 1 {
		t.Errorf("it is %s", h.credential().State)
	}
	for _, id := range []provision.CredentialID{id, "crd_none", ""} {
		if err := h.retry(id); !errors.Is(err, provision.ErrConflict) && !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestALeaseThatEndsWhileItsCredentialIsMadeHandsNothingOver(t *testing.T) {
	v := new(vault)
	h := newHouse(t, withVault(v))
	ada := h.login(ada())
	v.dies = func() {
		if err := h.RevokeLease(context.Background(), operator(), ada.ID); err != nil {
			t.Error(err)
		}
	}
	over, err := h.issue(ada)
	var no *provision.DeniedError
	if !errors.As(err, &no) || no.Reason != provision.LeaseEnded || over.Password != "" {
		t.Fatalf("%+v, %v", over, err)
	}
	h.takeBack()
	if len(v.users) != 0 {
		t.Errorf("the source knows %v", v.users)
	}
}

func TestASourceThatDoesNotAnswerIsStuckAndTriedOn(t *testing.T) {
	v := new(vault)
	h := newHouse(t, withVault(v))
	ada := h.login(ada())
	if _, err := h.issue(ada); err != nil {
		t.Fatal(err)
	}
	token := h.entered(ada)
	v.down = true
	if _, err := h.issue(ada); !errors.Is(err, provision.ErrUnavailable) {
		t.Errorf("a source that is down: %v", err)
	}
	if err := h.RevokeLease(context.Background(), operator(), ada.ID); err != nil {
		t.Fatal(err)
	}
	h.wantReason(token, provision.LeaseEnded) // whatever the source says
	for range provision.CredentialTries {
		h.takeBack()
		h.clock.pass(5 * time.Minute)
	}
	if n := h.count(provision.EventCredential, "stuck"); n != 2 {
		t.Errorf("%d events that one is stuck", n)
	}
	h.takeBack()
	if n := h.count(provision.EventCredential, "stuck"); n != 2 {
		t.Errorf("%d events of two that are stuck", n)
	}
	v.down = false
	h.clock.pass(5 * time.Minute)
	h.takeBack()
	h.clock.pass(provision.CredentialPatience)
	h.takeBack() // of the one that was not issued it is no last word when the source knows it not
	if len(v.users) != 0 || h.count(provision.EventCredential, "revoked") != 2 {
		t.Errorf("the source knows %v, %d were taken back", v.users, h.count(provision.EventCredential, "revoked"))
	}
}

func TestAPasswordIsNowhereButInTheAnswer(t *testing.T) {
	v := new(vault)
	h := newHouse(t, withVault(v))
	over, err := h.issue(h.login(ada()))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range h.events("") {
		if strings.Contains(strings.Join(e.Changes, " ")+e.Personal.Detail+e.Check, over.Password) {
			t.Errorf("it is in the audit: %+v", e)
		}
	}
	if everything := h.bytes(); bytes.Contains(everything, []byte(over.Password)) || !bytes.Contains(everything, []byte(over.Name)) {
		t.Error("it is in the ledger, or its user is not")
	}
}
