package broker_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// dated is documents that all run out at one time.
type dated struct {
	noDocuments
	until time.Time
}

func (d dated) Expires([]byte) (time.Time, bool) { return d.until, true }

// newDatedHouse is a house whose SAML connection runs out so long from now, and whose tenant is told of it.
func newDatedHouse(t *testing.T, left time.Duration) *house {
	t.Helper()
	h := newHouse(t, func(h *house) {
		h.wanted.Tenants[0].Tenant.Hook.URL = "https://acme.test/warnings"
		h.wanted.Hooks = map[provision.AppID][]byte{provision.HookOf("acme"): []byte(hook)}
	})
	h.ports.Documents = dated{until: h.clock.Now().Add(left)}
	h.start()
	return h
}

func (h *house) warns() {
	h.t.Helper()
	must(h.t, h.Warn(context.Background()))
	h.deliver()
}

func TestATenantIsWarnedOnceAtEachThresholdThatACertificateRunsOut(t *testing.T) {
	h := newDatedHouse(t, 31*24*time.Hour)
	var days []int
	for range 34 {
		h.warns()
		h.warns() // whoever looks again says nothing
		h.clock.pass(24 * time.Hour)
	}
	h.ear.mu.Lock()
	defer h.ear.mu.Unlock()
	for _, m := range h.ear.heard {
		d := m.Delivery
		if d.Kind != provision.ConnectionExpiring || d.App != "tenant/acme" || d.Tenant != "acme" || d.Connection != "acme-saml" || m.URL != "https://acme.test/warnings" || len(m.Secrets) != 1 {
			t.Errorf("told %+v", m)
		}
		days = append(days, d.Days)
	}
	if want := []int{30, 14, 7, 1}; !slices.Equal(days, want) {
		t.Errorf("warned %v days ahead, want %v", days, want)
	}
	if n := len(h.events(provision.EventConnectionExpiring)); n != 4 {
		t.Errorf("%d events, want 4", n)
	}
}

func TestAWarningSurvivesARestartAndATenantThatDoesNotAnswer(t *testing.T) {
	h := newDatedHouse(t, 5*24*time.Hour)
	h.ear.set("tenant/acme", context.DeadlineExceeded, false)
	h.warns()
	h.restart()
	h.ports.Documents = dated{until: h.clock.began.Add(5 * 24 * time.Hour)}
	h.start()
	h.ear.set("tenant/acme", nil, false)
	h.clock.pass(time.Hour)
	h.warns()
	if n := len(h.ear.of("tenant/acme")); n != 1 || h.ear.heard[0].Delivery.Days != 7 {
		t.Errorf("heard %d warnings", n)
	}
	if n := len(h.events(provision.EventConnectionExpiring)); n != 1 {
		t.Errorf("%d events of one warning", n)
	}
}

func TestExpiriesAreThoseOfTheTenantsThatSomebodyGoverns(t *testing.T) {
	h := newDatedHouse(t, 5*24*time.Hour)
	ctx := context.Background()
	for _, x := range []struct {
		mandate broker.Mandate
		want    int
	}{{everywhere(), 1}, {broker.Mandate{Tenant: "acme"}, 1}, {broker.Mandate{Tenant: "rival"}, 0}} {
		if got, err := h.Expiries(ctx, x.mandate, ""); err != nil || len(got) != x.want {
			t.Errorf("%+v lists %+v, %v", x.mandate, got, err)
		}
	}
	if _, err := h.Expiries(ctx, broker.Mandate{Tenant: "rival"}, "acme"); err == nil {
		t.Error("another tenant's are listed")
	}
	if _, err := h.DisableConnection(ctx, operator(), "acme-saml"); err != nil {
		t.Fatal(err)
	}
	if got, _ := h.Expiries(ctx, everywhere(), ""); len(got) != 0 {
		t.Errorf("a connection that is off is warned of: %+v", got)
	}
}
