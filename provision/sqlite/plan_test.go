package sqlite_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/provision/sqlite"
)

// TestNoStatementOfALoginACheckOrTheReaperWalksATable runs each of them, and asks SQLite how it answers every statement
// that was run.
func TestNoStatementOfALoginACheckOrTheReaperWalksATable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leasehold.db")
	s := open(t, path, sqlite.Options{})
	ctx := t.Context()
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c := people(0, 2)
	tenant := c.Tenants[0]
	tenant.Policy.Seats = 5
	c.Tenants[0] = tenant
	c.Apps = []provision.App{{ID: "wiki"}}
	c.Entries = []provision.Entry{{Lease: leaseOf(0), App: "wiki", At: began}}
	_, err := s.Amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) { return c, nil })
	do(err)
	scopes := []provision.Scope{{}, {Tenant: tenant.ID}, {Connection: c.Connections[0].ID}, {Domain: c.Claims[0].Domain}, {Account: c.Accounts[0].ID}}
	for i, scope := range scopes {
		c.Revocations = append(c.Revocations, provision.Revocation{ID: provision.RevocationID(string(rune('a' + i))), Scope: scope})
	}
	r := provision.Request{
		Facts: provision.Facts{Connection: c.Connections[0].ID, Subject: "nobody yet", Email: addressOf(0)}, Pseudonym: "p", Replaces: leaseOf(0), App: "wiki",
		Intent: provision.Intent{Account: c.Accounts[0].ID, Lease: leaseOf(0)}, Spend: []provision.Spent{{Kind: "attempt", ID: "1"}},
	}
	_, err = s.Provision(ctx, r, func(provision.State) provision.Decision {
		return provision.Decision{Change: provision.Change{
			Spent: r.Spend, Accounts: c.Accounts, Leases: c.Leases, Unlinks: []provision.LinkKey{c.Links[0].LinkKey}, Links: c.Links[:1], Revocations: c.Revocations,
			Decisions: []provision.DecisionRow{{ID: "dec_1"}}, Events: []provision.Event{{ID: "evt_1"}},
		}}
	})
	do(err)
	do(s.End(ctx, []provision.LeaseID{leaseOf(0)}, func(provision.LeaseID, provision.State) provision.Change { return provision.Change{} }))
	do(s.Used(ctx, map[provision.LeaseID]time.Time{leaseOf(0): began.Add(time.Minute)}))
	_, err = s.Lease(ctx, leaseOf(0))
	do(err)
	_, err = s.Due(ctx, began, 500)
	do(err)
	_, err = s.ConnectionsFor(ctx, c.Claims[0].Domain)
	do(err)
	_, _, _, err = s.Account(ctx, c.Accounts[0].ID)
	do(err)
	_, err = s.Accounts(ctx, provision.Page{Tenant: tenant.ID})
	do(err)
	_, err = s.Leases(ctx, provision.Page{Tenant: tenant.ID})
	do(err)
	_, err = s.Events(ctx, provision.EventFilter{Tenant: tenant.ID})
	do(err)
	_, err = s.DeleteSpent(ctx, began, 500)
	do(err)
	canary := provision.Canary{ID: provision.NewCanaryID("one"), Planted: began}
	do(s.PutCanary(ctx, canary, provision.News{}))
	do(s.SawCanary(ctx, provision.Sighting{Canary: canary.ID}))
	for _, id := range []provision.LeaseID{"", canary.ID} {
		_, err = s.Canary(ctx, id)
		do(err)
	}
	_, err = s.Sightings(ctx, canary.ID)
	do(err)
	_, err = s.Amend(ctx, provision.Target{Token: "tok_1"}, func(provision.State) (provision.Change, error) {
		return provision.Change{Tokens: []provision.Token{{ID: "tok_1", Tenant: tenant.ID}}, TokensGone: []provision.TokenID{"tok_2"}}, nil
	})
	do(err)
	_, err = s.Token(ctx, "tok_1")
	do(err)
	do(s.UsedToken(ctx, "tok_1", began))
	_, err = s.Tokens(ctx, provision.Page{Tenant: tenant.ID})
	do(err)
	_, err = s.Decisions(ctx, provision.Page{Tenant: tenant.ID})
	do(err)
	_, err = s.Decision(ctx, "dec_1")
	if !errors.Is(err, provision.ErrNotFound) {
		do(err)
	}
	remembered := provision.Change{Upstreams: []provision.Upstream{{Lease: leaseOf(0), Handles: []string{"h"}}, {Lease: leaseOf(1)}}}
	_, err = s.Amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) { return remembered, nil })
	do(err)
	_, err = s.Upstream(ctx, leaseOf(0))
	do(err)
	_, err = s.Handled(ctx, "h", 500)
	do(err)
	_, err = s.Asked(ctx, c.Connections[0].ID, began, 500)
	do(err)

	_, err = s.Amend(ctx, provision.Target{Account: c.Accounts[0].ID, Delivery: "dlv_1"}, func(provision.State) (provision.Change, error) {
		app := provision.App{ID: "wiki", Notify: provision.Notify{URL: "https://wiki.test", Secret: "s"}}
		told := provision.Delivery{ID: "dlv_1", Event: "evt_told", App: "wiki", Account: c.Accounts[0].ID, Kind: provision.AccountDeactivated, State: provision.DeliveryPending, Due: began, Next: began}
		return provision.Change{Apps: []provision.App{app}, Events: []provision.Event{{ID: "evt_told"}}, Voids: []provision.AccountID{"nobody"}, Deliveries: []provision.Delivery{told}}, nil
	})
	do(err)
	_, err = s.Amend(ctx, provision.Target{Account: c.Accounts[0].ID}, func(provision.State) (provision.Change, error) { return provision.Change{}, nil })
	do(err)
	taken, err := s.Take(ctx, provision.Taking{App: "wiki", Taker: "me", Now: began, Until: began.Add(time.Minute), Limit: 32})
	do(err)
	if len(taken) != 1 {
		t.Fatalf("%d were taken", len(taken))
	}
	do(s.Settle(ctx, []provision.Delivery{taken[0].Confirmed(began)}))
	_, _, err = s.Deliveries(ctx, provision.DeliveryFilter{App: "wiki", After: 1, Limit: 500})
	do(err)
	_, _, err = s.Deliveries(ctx, provision.DeliveryFilter{App: "wiki", Latest: true})
	do(err)
	_, err = s.Backlog(ctx, "wiki")
	do(err)
	_, err = s.DeleteTold(ctx, "wiki", began.Add(time.Hour), 500)
	do(err)

	_, err = s.FindAccounts(ctx, provision.AccountQuery{Tenant: tenant.ID, Email: c.Accounts[0].Email})
	do(err)

	statements := s.Statements()
	db, err := sql.Open("sqlite", "file:"+path)
	do(err)
	defer db.Close()
	asked := 0
	for _, text := range statements {
		if text == "COMMIT" || text == "ROLLBACK" || strings.HasPrefix(text, "BEGIN") {
			continue
		}
		plan, err := db.Query("EXPLAIN QUERY PLAN "+text, arguments(text)...)
		do(err)
		asked++
		for plan.Next() {
			var id, parent, unused int
			var step string
			do(plan.Scan(&id, &parent, &unused, &step))
			walks := strings.HasPrefix(step, "SCAN") || strings.HasSuffix(step, "(id>?)")
			walks = walks || strings.Contains(text, "AND email = ?") && strings.HasSuffix(step, "(tenant=?)") // by an address, that is a walk, too
			if walks && !strings.Contains(step, "revocations_open") && !strings.Contains(step, "CONSTANT ROW") && !strings.HasPrefix(step, "SCAN (subquery") {
				t.Errorf("%s\n%s", text, step)
			}
		}
		do(plan.Err())
	}
	if asked < 40 {
		t.Errorf("only %d statements were asked about", asked)
	}
}

// arguments are as many as text wants, numbered or not.
func arguments(text string) []any {
	n := strings.Count(text, "?")
	for number := 1; strings.Contains(text, "?"+strconv.Itoa(number)); number++ {
		n = number
	}
	return make([]any, n)
}
