package storetest

import (
	"maps"
	"slices"
	"time"

	"leasehold/provision"
)

func search() []check {
	return []check{
		{"accounts are found by what administrators know of them, a tenant's alone", findsAccounts},
		{"accounts that nobody uses are found", findsUnused},
		{"events are found from the newest on, by all that is known of them", findsEvents},
		{"refused logins are counted by day and reason", countsRefused},
		{"a population is counted by state", countsPopulation},
	}
}

// town is a few accounts, each with something that the others do not have.
func (w world) town() map[string]provision.Account {
	people := map[string]provision.Account{}
	for name, set := range map[string]func(*provision.Account){
		"ada@acme.example":     func(a *provision.Account) { a.Name, a.Offices = "Ada Lovelace", []provision.Office{"leasehold:admin"} },
		"adam@acme.example":    func(a *provision.Account) { a.Name = "Eve 100% \"Quoted\" O_o" },
		"bob@sub.acme.example": func(a *provision.Account) { a.Name, a.State = "Bob von Ada\x00\\u0000\\\x00", provision.Suspended },
		"ada@rival.example":    func(a *provision.Account) { a.Name = "Ada Other" },
		"gone@acme.example":    func(a *provision.Account) { a.Name, a.State, a.LastLogin = "", provision.Pending, start },
		"new@acme.example":     func(a *provision.Account) { a.Name, a.State = "", provision.Pending },
	} {
		a := w.account(name, provision.Active)
		set(&a)
		people[name] = a
		w.write(provision.Change{Accounts: []provision.Account{a}})
	}
	return people
}

func (w world) found(q provision.AccountQuery) []string {
	accounts, err := w.store.FindAccounts(w.t.ctx, q)
	w.t.ok("find accounts", err)
	var names []string
	for _, a := range accounts {
		names = append(names, a.Email.String())
	}
	return slices.Sorted(slices.Values(names))
}

func findsAccounts(t *probe, a, b Store) {
	w := newWorld(t, a)
	people := w.town()
	linked := provision.Link{LinkKey: provision.LinkKey{Connection: "acme-found", Subject: "ada"}, Pseudonym: "found", Account: people["ada@acme.example"].ID, Created: start}
	w.write(provision.Change{Links: []provision.Link{linked}})
	w = w.on(b)
	for _, c := range []struct {
		q    provision.AccountQuery
		want []string
	}{
		{provision.AccountQuery{Text: "ADA"}, []string{"ada@acme.example", "ada@rival.example", "adam@acme.example", "bob@sub.acme.example"}},
		{provision.AccountQuery{Tenant: acme, Text: "ada@"}, []string{"ada@acme.example"}},
		{provision.AccountQuery{Tenant: acme, Text: "loveLACE"}, []string{"ada@acme.example"}},
		{provision.AccountQuery{Tenant: acme, Text: "ovelace"}, nil},
		{provision.AccountQuery{Tenant: rival, Text: "lovelace"}, nil},
		{provision.AccountQuery{Text: string(people["new@acme.example"].ID)}, []string{"new@acme.example"}},
		{provision.AccountQuery{Tenant: rival, Text: string(people["new@acme.example"].ID)}, nil},
		{provision.AccountQuery{Text: "%"}, nil},
		{provision.AccountQuery{Text: "100%"}, []string{"adam@acme.example"}},
		{provision.AccountQuery{Text: "o_"}, []string{"adam@acme.example"}},
		{provision.AccountQuery{Text: "\"quoted"}, []string{"adam@acme.example"}},
		{provision.AccountQuery{Text: "\\"}, nil},
		{provision.AccountQuery{State: provision.Suspended}, []string{"bob@sub.acme.example"}},
		{provision.AccountQuery{Office: "leasehold:admin"}, []string{"ada@acme.example"}},
		{provision.AccountQuery{Office: "leasehold:operator"}, nil},
		{provision.AccountQuery{Domain: domain("sub.acme.example")}, []string{"bob@sub.acme.example"}},
		{provision.AccountQuery{Email: people["ada@acme.example"].Email}, []string{"ada@acme.example"}},
		{provision.AccountQuery{Email: people["ada@acme.example"].Email, Tenant: rival}, nil},
		{provision.AccountQuery{Begins: "ADA"}, []string{"ada@acme.example", "ada@rival.example", "adam@acme.example"}},
		{provision.AccountQuery{Begins: "ada@", Tenant: acme, State: provision.Active}, []string{"ada@acme.example"}},
		{provision.AccountQuery{Begins: "lovelace"}, nil},
		{provision.AccountQuery{Begins: "%"}, nil},
		{provision.AccountQuery{At: linked.Connection}, []string{"ada@acme.example"}},
		{provision.AccountQuery{At: linked.Connection, Tenant: rival}, nil},
		{provision.AccountQuery{At: "nowhere"}, nil},
		{provision.AccountQuery{Stranded: true}, []string{"gone@acme.example"}},
		{provision.AccountQuery{Stranded: true, Tenant: rival}, nil},
	} {
		if got := w.found(c.q); !slices.Equal(got, c.want) {
			t.errorf("%+v finds %v, want %v", c.q, got, c.want)
		}
	}
	var walked []provision.AccountID
	for q := (provision.AccountQuery{Limit: 2}); len(walked) < 20; q.After = walked[len(walked)-1] {
		part, err := b.FindAccounts(t.ctx, q)
		t.ok("find accounts", err)
		for _, x := range part {
			walked = append(walked, x.ID)
		}
		if len(part) < 2 {
			break
		}
	}
	if len(walked) != len(people) || len(slices.Compact(slices.Sorted(slices.Values(walked)))) != len(people) || walked[len(walked)-1] != people["ada@rival.example"].ID {
		t.errorf("a walk by the cursor has %v", walked)
	}
	deleted := people["ada@acme.example"]
	deleted.Email, deleted.Name, deleted.State, deleted.Offices = provision.Email{}, "", provision.Deleted, nil
	w.write(provision.Change{Accounts: []provision.Account{deleted}})
	if got := w.found(provision.AccountQuery{Tenant: acme, Text: "lovelace"}); got != nil {
		t.errorf("somebody who was erased is found by name: %v", got)
	}
}

func findsUnused(t *probe, a, _ Store) {
	w := newWorld(t, a)
	people := w.town()
	came := people["new@acme.example"]
	came.State, came.LastLogin = provision.Dormant, start.Add(time.Hour)
	w.write(provision.Change{Accounts: []provision.Account{came}})
	for since, want := range map[time.Duration][]string{
		0: nil, time.Second: {"bob@sub.acme.example", "gone@acme.example"}, time.Hour + time.Second: {"bob@sub.acme.example", "gone@acme.example", "new@acme.example"},
	} {
		if got := w.found(provision.AccountQuery{Unused: start.Add(since)}); !slices.Equal(got, want) {
			t.errorf("unused since %s are %v, want %v", since, got, want)
		}
	}
}

func findsEvents(t *probe, a, b Store) {
	w := newWorld(t, a)
	var written []provision.Event
	for i, change := range []func(*provision.Event){
		func(e *provision.Event) { e.Account, e.Reason = "acc_1", "email_taken" },
		func(e *provision.Event) { e.Account, e.Kind = "acc_1", provision.EventAdmin },
		func(e *provision.Event) { e.Tenant, e.Account = rival, "acc_2" },
		func(e *provision.Event) { e.Decision.ID = "dec_9" },
	} {
		e := w.event(provision.EventLogin)
		e.Time = start.Add(time.Duration(i) * time.Hour)
		change(&e)
		written = append(written, e)
		w.write(provision.Change{Events: []provision.Event{e}})
	}
	for _, c := range []struct {
		q    provision.EventQuery
		want []int
	}{
		{provision.EventQuery{}, []int{3, 2, 1, 0}}, {provision.EventQuery{Tenant: acme}, []int{3, 1, 0}}, {provision.EventQuery{Kind: provision.EventLogin, Tenant: acme}, []int{3, 0}},
		{provision.EventQuery{Account: "acc_1"}, []int{1, 0}}, {provision.EventQuery{Account: "acc_2", Tenant: acme}, nil}, {provision.EventQuery{Reason: "email_taken"}, []int{0}},
		{provision.EventQuery{Reason: "email_taken", Kind: provision.EventAdmin}, nil}, {provision.EventQuery{Ref: "dec_9"}, []int{3}}, {provision.EventQuery{Ref: string(written[2].ID)}, []int{2}},
		{provision.EventQuery{Since: start.Add(time.Hour), Until: start.Add(2 * time.Hour)}, []int{1}}, {provision.EventQuery{Since: start.Add(3 * time.Hour)}, []int{3}},
		{provision.EventQuery{Since: start.Add(4 * time.Hour)}, nil}, {provision.EventQuery{Until: start}, nil}, {provision.EventQuery{Limit: 2}, []int{3, 2}}, {provision.EventQuery{Before: 3, Limit: 5}, []int{1, 0}},
	} {
		found, err := b.FindEvents(t.ctx, c.q)
		t.ok("find events", err)
		var got []int
		for _, e := range found {
			at := slices.IndexFunc(written, func(w provision.Event) bool { return w.ID == e.ID })
			if got = append(got, at); e.Seq != int64(at+1) {
				t.errorf("event %d has Seq %d", at, e.Seq)
			}
		}
		if !slices.Equal(got, c.want) {
			t.errorf("%+v finds %v, want %v", c.q, got, c.want)
		}
	}
}

func countsRefused(t *probe, a, b Store) {
	w := newWorld(t, a)
	note := func(tenant provision.TenantID, kind, outcome, reason string, after time.Duration, n int) {
		e := w.event(kind)
		e.Tenant, e.Outcome, e.Reason, e.Time, e.Count = tenant, outcome, reason, start.Add(after), n
		w.write(provision.Change{Events: []provision.Event{e}})
	}
	note(acme, provision.EventLogin, "denied", "email_taken", 0, 0)
	note(acme, provision.EventLogin, "denied", "email_taken", time.Hour, 0)
	note(acme, provision.EventProtocol, "denied", "replayed", 0, 40)
	note(acme, provision.EventLogin, "created", "", 0, 0)
	note(acme, provision.EventCheckDenied, "denied", "role_missing", 0, 3)
	note(acme, provision.EventLogin, "denied", "email_taken", 24*time.Hour, 0)
	note(acme, provision.EventLogin, "denied", "email_taken", -24*time.Hour, 0)
	note(rival, provision.EventLogin, "denied", "seats_full", 0, 0)
	day := start.Truncate(24 * time.Hour)
	want := []provision.Refusals{{Day: day, Reason: "email_taken", Count: 2}, {Day: day, Reason: "replayed", Count: 40}, {Day: day.Add(24 * time.Hour), Reason: "email_taken", Count: 1}}
	if got, err := b.Refused(t.ctx, acme, day.Add(time.Hour)); err != nil || !slices.Equal(got, want) {
		t.errorf("refused: %v, %v; want %v", got, err, want)
	}
	if got, err := b.Refused(t.ctx, "", day); err != nil || len(got) != 4 {
		t.errorf("refused by all: %v, %v", got, err)
	}
}

func countsPopulation(t *probe, a, b Store) {
	w := newWorld(t, a)
	w.town()
	_, over := w.person("x", "x@acme.example")
	w.person("y", "y@acme.example")
	w.person("z", "z@rival.example")
	w.write(w.ended(over))
	got, err := b.Population(t.ctx, acme)
	t.ok("population", err)
	if want := map[provision.AccountState]int{provision.Active: 4, provision.Suspended: 1, provision.Pending: 2}; !maps.Equal(got.Accounts, want) || got.Leases != 1 {
		t.errorf("%+v, want %v and 1 lease", got, want)
	}
	if got, err = b.Population(t.ctx, ""); err != nil || got.Accounts[provision.Active] != 6 || got.Leases != 2 {
		t.errorf("of all tenants: %+v, %v", got, err)
	}
}
