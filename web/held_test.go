package web_test

import (
	"encoding/json"
	"strings"
	"testing"

	"leasehold/provision"
)

func TestPeopleAreHandedWhatIsKeptAboutThem(t *testing.T) {
	g := newGate(t)
	r := signedIn(t, g).get(sso + "/held.json")
	wantStatus(t, r, 200)
	if r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Content-Disposition") != `attachment; filename="leasehold-acc_1.json"` {
		t.Errorf("%v", r.Header)
	}
	text := body(t, r)
	var held struct {
		Account struct{ ID, Email, Name string }
		SignIns []struct{ Connection, Subject string } `json:"sign_ins"`
		Session []struct {
			ID, IP string
			UA     string `json:"user_agent"`
		} `json:"sessions"`
		Decisions []struct {
			ID, IP, ACR string
			Erased      bool `json:"inputs_erased"`
		}
		Events []struct{ ID, Event, Email, IP string }
	}
	if err := json.Unmarshal([]byte(text), &held); err != nil {
		t.Fatal(err)
	}
	if held.Account.Email != "ada@acme.test" || held.SignIns[0].Subject != "s" || len(held.Session) != 2 || held.Session[0].IP != "192.0.2.7" || !strings.Contains(held.Session[0].UA, "Firefox") ||
		held.Decisions[0].ACR != "mfa" || held.Decisions[0].Erased || !held.Decisions[1].Erased || held.Events[0].Event != "login" || held.Events[0].IP != "192.0.2.7" {
		t.Errorf("%s", text)
	}
	if strings.Contains(text, "not hers") || strings.Contains(text, "sealed") {
		t.Errorf("it holds what is nobody's to see: %s", text)
	}
}

func TestNobodyElseIsHandedAnything(t *testing.T) {
	g := newGate(t)
	if r := newBrowser(t, g).get(sso + "/held.json"); r.StatusCode != 303 || r.Header.Get("Location") != "/login" {
		t.Errorf("without a session: %s %v", r.Status, r.Header)
	}
	g.fails["Session"] = denied(provision.LeaseEnded)
	if r := signedIn(t, g).get(sso + "/held.json"); r.StatusCode != 303 {
		t.Errorf("with one that has ended: %s", r.Status)
	}
	wantStatus(t, signedIn(t, newGate(t)).get(wiki+"/held.json"), 404)
}
