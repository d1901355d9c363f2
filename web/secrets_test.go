package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

func (g *fakeGate) HandOver(_ context.Context, t provision.TenantID, id provision.SecretID, bearer string, _ provision.Requester) (broker.HandedOver, error) {
	if err := g.fails["HandOver"]; err != nil {
		return broker.HandedOver{}, err
	}
	return broker.HandedOver{
		Credential: provision.Credential{ID: "crd_1", Tenant: t, Lease: "acme.job", Source: id, Name: "lh_user"},
		Handed:     broker.Handed{Address: "postgres://db/reports", Username: "lh_user", Password: "of " + bearer}, Expires: noon.Add(5 * time.Minute),
	}, nil
}

func TestASecretIsHandedOverOnceAndKeptByNobodyOnTheWay(t *testing.T) {
	g := newGate(t)
	b := newBrowser(t, g)
	r := b.do("POST", sso+"/t/acme/secrets/reports", url.Values{}, "Authorization", "Bearer lh_x")
	var said map[string]any
	if err := json.NewDecoder(r.Body).Decode(&said); err != nil || r.StatusCode != http.StatusOK || r.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s, %v, %v", r.Status, r.Header, err)
	}
	if said["username"] != "lh_user" || said["password"] != "of lh_x" || said["address"] != "postgres://db/reports" || said["expires_in"] != 300.0 || said["lease_id"] != "acme.job" {
		t.Errorf("%v", said)
	}
	g.fails["HandOver"] = denied(provision.SessionMissing)
	if r := b.do("POST", sso+"/t/acme/secrets/reports", url.Values{}); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a lease: %s", r.Status)
	}
	if r := b.do("GET", sso+"/t/acme/secrets/reports", nil); r.StatusCode == http.StatusOK {
		t.Errorf("by GET: %s", r.Status)
	}
}
