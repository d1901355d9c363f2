//go:build real

package main

import (
	"net/http"
	"testing"
	"time"

	"leasehold/cmd/leasehold/internal/peers"
)

func TestASessionThatTheProviderEndsInFiveSecondsIsDeadAtSixWithoutAnybodyAsking(t *testing.T) {
	g := begin(t, scene{})
	g.saml.SessionSeconds(t, 5)
	tab := peers.Browser(t, g.ca)
	here := g.url(appHost) + "/here"
	g.enters(tab, here, "alice@acme.test")
	lease := g.leases()[0]
	session := cookie(tab, appHost, "__Host-lh-app")
	if long := lease.End.Sub(lease.Start); long <= 0 || long > 5*time.Second {
		t.Fatalf("the lease lasts %v", long)
	}
	if answer, _ := g.ask("GET", here, "Cookie", session); answer.StatusCode != http.StatusOK {
		t.Errorf("before the end: %s", answer.Status)
	}

	time.Sleep(time.Until(lease.End) + 1200*time.Millisecond) // nobody asks for anything
	g.told("login created", "lease.ended ceiling", "account.state expired ceiling")
	events := g.events()
	for _, e := range events[len(events)-2:] {
		if late := e.Time.Sub(lease.End); late < 0 || late > 1200*time.Millisecond || string(e.Account) != lease.Account {
			t.Errorf("%s of %s is %v late", e.Event, e.Account, late)
		}
	}
	if account := g.account(); account.State != "expired" || len(account.Leases) != 0 {
		t.Errorf("account: %+v", account)
	}
	if answer, _ := g.ask("GET", here, "Cookie", session); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("after the end: %s", answer.Status)
	}
}
