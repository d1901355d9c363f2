package broker_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"leasehold/idp/oidc/oidctest"
	"leasehold/provision"
)

// published is the key set that a provider publishes.
func published(t testing.TB, op *oidctest.OP) []byte {
	t.Helper()
	answer, err := http.Get(op.URL + "/keys")
	must(t, err)
	defer answer.Body.Close()
	keys, err := io.ReadAll(answer.Body)
	must(t, err)
	return keys
}

// TestKeysOfAnIssuerThatAreWrittenDownAreHeldUntilTheyAreConfirmed: whose keys are believed, that one makes every workload.
func TestKeysOfAnIssuerThatAreWrittenDownAreHeldUntilTheyAreConfirmed(t *testing.T) {
	t.Parallel()
	var wanted *provision.Connection
	h := newWorkloadHouse(t, func(h *house) {
		connections := h.wanted.Tenants[0].Connections
		wanted = &connections[len(connections)-1].Connection
		wanted.KeySet = published(h.t, h.oidc)
	})
	ours, eve := wanted.KeySet, oidctest.New(t)
	got := h.exchanged()
	for what, keys := range map[string][]byte{"others": published(t, eve), "those that it publishes": nil, "more": []byte(strings.Replace(string(ours), "[", "[ ", 1))} {
		wanted.KeySet = keys
		done := h.register(h.wanted)
		if c := h.connection("ci"); !c.Held || string(c.KeySet) != string(ours) || c.Issuer != h.oidc.URL || !strings.Contains(strings.Join(done.Changes, "\n"), "leasehold connection confirm ci") {
			t.Fatalf("%s: %q, %+v", what, done.Changes, c)
		}
		h.declined(h.trade(), provision.ConnectionHeld, "issuer confirmed")
		h.wantReach(h.reach(got.Token, deployURL, "/"), "")
		wanted.KeySet = ours
		h.register(h.wanted)
		if c := h.connection("ci"); c.Held || string(c.KeySet) != string(ours) {
			t.Fatalf("%s, withdrawn: %+v", what, c)
		}
	}
	got = h.exchanged()
	wanted.KeySet = published(t, eve)
	h.register(h.wanted)
	if e := h.held("ci"); len(e.Changes) == 0 || strings.Count(strings.Join(e.Changes, "\n"), ", keys sha256:") != 2 {
		t.Errorf("changes %q", e.Changes)
	}
	_, err := h.ConfirmTrust(context.Background(), because("keys were rotated"), "ci")
	must(t, err)
	h.wantReach(h.reach(got.Token, deployURL, "/"), provision.LeaseEnded)
	if _, err := h.Exchange(context.Background(), h.trade()); err == nil {
		t.Error("by the former keys")
	}
	h.oidc.Rotate(eve.Key)
	h.exchanged()
	if again := h.register(h.wanted); len(again.Changes) != 0 {
		t.Errorf("after the confirmation: %q", again.Changes)
	}
}
