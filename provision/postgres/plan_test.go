//go:build real

package postgres_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/provision/postgres"
)

// walked are the steps of a plan that look at all of a table or of an index.
func walked(plan string) (steps []string) {
	lines := strings.Split(plan, "\n")
	for i, line := range lines {
		step := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "->"))
		switch {
		case strings.HasPrefix(step, "Seq Scan on "), strings.HasPrefix(step, "Parallel Seq Scan on "):
			steps = append(steps, step)
		case strings.HasPrefix(step, "Index Scan "), strings.HasPrefix(step, "Index Only Scan "), strings.HasPrefix(step, "Bitmap Index Scan "):
			end := i + 1
			for end < len(lines) && !strings.Contains(lines[end], "->") {
				end++
			}
			if !strings.Contains(strings.Join(lines[i:end], "\n"), "Index Cond: ") {
				steps = append(steps, step)
			}
		}
	}
	return steps
}

// mayWalk are the tables that are walked on purpose: what is open in them is little.
func mayWalk(step string) bool {
	return slices.ContainsFunc([]string{
		"on inbox",                      // what nobody has numbered yet
		"using revocations_open on",     // what is not settled yet
		"Backward using events_pkey on", // the last number
	}, func(part string) bool { return strings.Contains(step, part) })
}

// TestNoStatementOfALoginACheckOrTheReaperWalksATable runs each of them, and asks PostgreSQL how it answers every
// statement that was run.
func TestNoStatementOfALoginACheckOrTheReaperWalksATable(t *testing.T) {
	s := open(t, ledger(t), postgres.Options{Connections: 2})
	ctx := t.Context()
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c := people(0, 2000)
	c.Tenants[0].Policy.Seats = 500
	c.Apps = []provision.App{{ID: "wiki", Revision: 1}}
	c.Entries = []provision.Entry{{Lease: leaseOf(0), App: "wiki", At: began}}
	amend(t, s, c)
	for _, fill := range []string{
		`INSERT INTO leases SELECT id || '.' || g, tenant, account || '.' || g, connection, domain, parent, installation_generation, tenant_generation, connection_generation, domain_generation,
			account_generation, seen, idle, ends, due, g > 50, body FROM leases, generate_series(1, 100) g`,
		"INSERT INTO entries SELECT 'acme.' || g, 'wiki', g FROM generate_series(1, 20000) g",
		"INSERT INTO spent SELECT 'attempt', '', g::text::bytea, g FROM generate_series(1, 20000) g",
		"INSERT INTO decisions SELECT 'dec_' || g, 'tenant-' || g % 100, g, '{}' FROM generate_series(1, 20000) g",
		"INSERT INTO events SELECT g, 'tenant-' || g % 100, 'kind-' || g % 10, 'ref-' || g, '{}' FROM generate_series(1, 20000) g",
		"INSERT INTO receipts SELECT g::text FROM generate_series(1, 20000) g",
		"INSERT INTO revocations SELECT 'rev_' || g, true, '{}' FROM generate_series(1, 20000) g",
		"INSERT INTO apps (id, revision, tenants, told, body) SELECT 'app-' || g, 1, '{}', g % 2 = 0, '{}' FROM generate_series(1, 20000) g",
		"INSERT INTO known SELECT 'acc-' || g, 'app-' || g FROM generate_series(1, 20000) g",
		`INSERT INTO deliveries (id, event, seq, app, account, kind, state, due, next, taker, settled, body) SELECT 'dlv-' || g, 'evt-' || g, g, 'app-' || g % 100, 'acc-' || g % 1000,
			CASE g % 2 WHEN 0 THEN 'session.ended' ELSE 'account.deactivated' END, CASE g % 3 WHEN 0 THEN 'pending' WHEN 1 THEN 'stuck' ELSE 'delivered' END, g, g, '', g, '{}' FROM generate_series(1, 20000) g`,
		"INSERT INTO canaries SELECT '_canary.' || g, 9e18::bigint - g, '{}' FROM generate_series(1, 20000) g",
		"INSERT INTO sightings SELECT '_canary.' || g, 'process', '{}' FROM generate_series(1, 20000) g",
		"ANALYZE",
	} {
		do(s.Tell(ctx, fill))
	}
	tenant := c.Tenants[0].ID
	var open provision.Change
	for i, scope := range []provision.Scope{{}, {Tenant: tenant}, {Connection: c.Connections[0].ID}, {Domain: c.Claims[0].Domain}, {Account: c.Accounts[0].ID}} {
		open.Revocations = append(open.Revocations, provision.Revocation{ID: provision.RevocationID(rune('a' + i)), Scope: scope})
	}
	amend(t, s, open)
	r := provision.Request{
		Facts: provision.Facts{Connection: c.Connections[0].ID, Subject: "nobody yet", Email: addressOf(0)}, Pseudonym: "p", Replaces: leaseOf(0), App: "wiki",
		Intent: provision.Intent{Account: c.Accounts[0].ID, Lease: leaseOf(0)}, Spend: []provision.Spent{{Kind: "attempt", ID: "one"}},
	}
	_, err := s.Provision(ctx, r, func(now provision.State) provision.Decision {
		return provision.Decision{Change: provision.Change{
			Spent: r.Spend, Accounts: c.Accounts[:1], Leases: []provision.Lease{now.Former.Lease}, Unlinks: []provision.LinkKey{c.Links[0].LinkKey}, Links: c.Links[:1],
			Decisions: []provision.DecisionRow{{ID: "dec_one"}}, Events: []provision.Event{{ID: "evt_1"}},
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
	origin, err := provision.ParseOrigin("https://wiki.example")
	do(err)
	if _, err := s.AppByOrigin(ctx, origin); !errors.Is(err, provision.ErrNotFound) {
		t.Fatal(err)
	}
	for _, p := range []provision.Page{{Tenant: tenant}, {Tenant: tenant, Ended: true}} {
		_, err = s.Leases(ctx, p)
		do(err)
	}
	_, err = s.Accounts(ctx, provision.Page{Tenant: tenant})
	do(err)
	_, err = s.Claims(ctx, provision.Page{Tenant: tenant})
	do(err)
	for _, f := range []provision.EventFilter{{Tenant: tenant}, {Kind: provision.EventLogin}, {Ref: "dec_one"}, {}} {
		_, err = s.Events(ctx, f)
		do(err)
	}
	_, err = s.DeleteSpent(ctx, began, 500)
	do(err)
	canary := provision.Canary{ID: provision.NewCanaryID("one"), Planted: began}
	do(s.PutCanary(ctx, canary, provision.News{ID: "news", Leases: []provision.LeaseID{canary.ID}}))
	do(s.SawCanary(ctx, provision.Sighting{Canary: canary.ID}))
	for _, id := range []provision.LeaseID{"", canary.ID} {
		if _, err = s.Canary(ctx, id); id != "" { // the newest is one of those
			do(err)
		}
	}
	_, err = s.Sightings(ctx, canary.ID)
	do(err)
	_, err = s.DeletePast(ctx, tenant, began, 500)
	do(err)
	_, err = s.Unused(ctx, tenant, began, 500)
	do(err)
	_, err = s.Linked(ctx, c.Connections[0].ID, 500)
	do(err)
	taken, err := s.Take(ctx, provision.Taking{App: "app-3", Taker: "me", Now: began, Until: began.Add(time.Minute), Limit: 32})
	do(err)
	do(s.Settle(ctx, taken))
	_, _, err = s.Deliveries(ctx, provision.DeliveryFilter{App: "app-3", After: 19_000, Limit: 500})
	do(err)
	_, err = s.DeleteTold(ctx, "app-3", began, 500)
	do(err)
	found, err := s.FindAccounts(ctx, provision.AccountQuery{Tenant: tenant, Email: c.Accounts[0].Email})
	do(err)
	if len(found) != 1 {
		t.Errorf("%d accounts have one address", len(found))
	}
	do(s.Mark(ctx))
	plans, err := s.Explain(ctx)
	do(err)
	for text, plan := range plans {
		for _, step := range walked(plan) {
			if !mayWalk(step) || strings.Contains(text, "AND email = $") && !strings.Contains(plan, "accounts_email") {
				t.Errorf("%s\n%s", text, plan)
				break
			}
		}
	}
	if len(plans) < 60 {
		t.Errorf("only %d statements were asked about", len(plans))
	}
}
