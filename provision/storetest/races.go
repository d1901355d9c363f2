package storetest

import (
	"errors"
	"sync"
	"time"

	"leasehold/provision"
)

// rendezvous is where two racers meet inside their functions. A store that lets one in at a time keeps the other out,
// so nobody waits longer than 50 ms. It catches a store without isolation where a crowd often slips through.
type rendezvous chan struct{}

func (r rendezvous) meet() {
	select {
	case r <- struct{}{}:
	case <-r:
	case <-time.After(50 * time.Millisecond):
	}
}

// race runs do for both handles at once.
func race(a, b world, do func(n int, w world)) {
	var racers sync.WaitGroup
	for n, w := range []world{a, b} {
		racers.Go(func() { do(n, w) })
	}
	racers.Wait()
}

func races() []check {
	return []check{
		{"two first logins of one subject that meet make one account", firstLogins},
		{"two subjects with one address that meet make one account and one refusal", oneAddress},
		{"a message used by two logins that meet lets one in", oneMessage},
		{"two ends of one lease that meet end it once", twoEnds},
		{"two amendments that meet both count", twoAmendments},
		{"an amendment sees what a login that meets it wrote", amendmentMeetsLogin},
		{"a crowd of first logins makes one account", crowd},
	}
}

func firstLogins(t *probe, a, b Store) {
	w, meeting := newWorld(t, a), make(rendezvous)
	var got [2]provision.Decision
	race(w, w.on(b), func(n int, w world) {
		d, err := w.login(request("ada", "ada@acme.example"), meeting.meet)
		if err != nil {
			t.errorf("login: %v", err)
		}
		got[n] = d
	})
	outcomes := map[provision.Outcome]int{got[0].Outcome: 1}
	outcomes[got[1].Outcome]++
	if outcomes[provision.Created] != 1 || outcomes[provision.Resumed] != 1 || got[0].Account.ID != got[1].Account.ID {
		t.errorf("outcomes %v for accounts %s and %s, want one created and one resumed", outcomes, got[0].Account.ID, got[1].Account.ID)
	}
	s := w.read(provision.Target{Link: provision.LinkKey{Connection: okta, Subject: "ada"}})
	if len(s.Links) != 1 || len(s.Leases) != 2 || s.Account.ID != got[0].Account.ID {
		t.errorf("account %s has %d links and %d leases", s.Account.ID, len(s.Links), len(s.Leases))
	}
	if n := len(w.gapless()); n != 2 {
		t.errorf("%d events of two logins", n)
	}
}

func oneAddress(t *probe, a, b Store) {
	w, meeting := newWorld(t, a), make(rendezvous)
	var got [2]provision.Decision
	race(w, w.on(b), func(n int, w world) {
		d, err := w.login(request([]string{"ada", "eve"}[n], "ada@acme.example"), meeting.meet)
		if err != nil {
			t.errorf("login: %v", err)
		}
		got[n] = d
	})
	if (got[0].Outcome == provision.Created) == (got[1].Outcome == provision.Created) || (got[0].Reason == provision.EmailTaken) == (got[1].Reason == provision.EmailTaken) {
		t.errorf("outcomes %s (%s) and %s (%s)", got[0].Outcome, got[0].Reason, got[1].Outcome, got[1].Reason)
	}
	if accounts, err := a.Accounts(t.ctx, provision.Page{}); err != nil || len(accounts) != 1 {
		t.errorf("%d accounts, error %v", len(accounts), err)
	}
	if n := len(w.gapless()); n != 2 {
		t.errorf("%d events of two logins", n)
	}
}

func oneMessage(t *probe, a, b Store) {
	w, meeting := newWorld(t, a), make(rendezvous)
	spent := provision.Spent{Kind: "assertion", Scope: string(okta), ID: "_1", Until: start.Add(time.Hour)}
	var got [2]provision.Decision
	race(w, w.on(b), func(n int, w world) {
		d, err := w.login(request("ada", "ada@acme.example", spent), meeting.meet)
		if err != nil {
			t.errorf("login: %v", err)
		}
		got[n] = d
	})
	if got[0].Allowed() == got[1].Allowed() || (got[0].Reason == provision.Replayed) == (got[1].Reason == provision.Replayed) {
		t.errorf("outcomes %s (%s) and %s (%s)", got[0].Outcome, got[0].Reason, got[1].Outcome, got[1].Reason)
	}
}

func twoEnds(t *probe, a, b Store) {
	w, meeting := newWorld(t, a), make(rendezvous)
	_, l := w.person("ada", "ada@acme.example")
	before := len(w.gapless())
	race(w, w.on(b), func(_ int, w world) {
		_, err := w.store.Amend(t.ctx, provision.Target{Lease: l.ID}, func(s provision.State) (provision.Change, error) {
			meeting.meet()
			return w.ended(s.Former.Lease), nil
		})
		if err != nil {
			t.errorf("end: %v", err)
		}
	})
	if n := len(w.gapless()) - before; n != 1 {
		t.errorf("%d events for one end", n)
	}
}

func twoAmendments(t *probe, a, b Store) {
	w, meeting := newWorld(t, a), make(rendezvous)
	race(w, w.on(b), func(_ int, w world) {
		_, err := w.store.Amend(t.ctx, provision.Target{Tenant: acme}, func(s provision.State) (provision.Change, error) {
			meeting.meet()
			s.Tenant.Generation, s.Tenant.Revision = s.Tenant.Generation+1, s.Tenant.Revision+1
			return provision.Change{Tenants: []provision.Tenant{s.Tenant}}, nil
		})
		if err != nil {
			t.errorf("amend: %v", err)
		}
	})
	if got := w.read(provision.Target{Tenant: acme}).Tenant.Generation; got != 3 {
		t.errorf("generation is %d after two rises from 1", got)
	}
}

// amendmentMeetsLogin: an account is suspended, with all its leases, while its owner logs in. Whoever comes second sees
// the other, so no lease survives the suspension.
func amendmentMeetsLogin(t *probe, a, b Store) {
	w, meeting := newWorld(t, a), make(rendezvous)
	account, _ := w.person("ada", "ada@acme.example")
	refused := errors.New("suspended")
	race(w, w.on(b), func(n int, w world) {
		var err error
		id := provision.NewLeaseID(acme, w.draw(""))
		switch n {
		case 0:
			_, err = w.store.Amend(t.ctx, provision.Target{Account: account.ID}, func(s provision.State) (provision.Change, error) {
				meeting.meet()
				c := provision.Change{}
				for _, l := range s.Leases {
					c.Leases = append(c.Leases, w.ended(l).Leases...)
				}
				s.Account.State = provision.Suspended
				c.Accounts = []provision.Account{s.Account}
				return c, nil
			})
		case 1:
			_, err = w.store.Amend(t.ctx, provision.Target{Link: provision.LinkKey{Connection: okta, Subject: "ada"}}, func(s provision.State) (provision.Change, error) {
				meeting.meet()
				if s.Account.State == provision.Suspended {
					return provision.Change{}, refused
				}
				l := w.lease(s.Account)
				l.ID = id
				return provision.Change{Leases: []provision.Lease{l}}, nil
			})
		}
		if err != nil && err != refused {
			t.errorf("amend: %v", err)
		}
	})
	if s := w.read(provision.Target{Account: account.ID}); s.Account.State != provision.Suspended || len(s.Leases) != 0 {
		t.errorf("account is %s with %d live leases", s.Account.State, len(s.Leases))
	}
}

func crowd(t *probe, a, b Store) {
	const racers = 32
	w := newWorld(t, a)
	var group sync.WaitGroup
	for n := range racers {
		handle := w
		if n%2 == 1 {
			handle = w.on(b)
		}
		group.Go(func() {
			if d, err := handle.login(request("ada", "ada@acme.example"), nil); err != nil || !d.Allowed() {
				t.errorf("login %d: %s %s, error %v", n, d.Outcome, d.Reason, err)
			}
		})
	}
	group.Wait()
	accounts, err := a.Accounts(t.ctx, provision.Page{})
	t.ok("accounts", err)
	leases, err := b.Leases(t.ctx, provision.Page{Limit: 2 * racers})
	t.ok("leases", err)
	if len(accounts) != 1 || len(leases) != racers {
		t.errorf("%d accounts and %d leases of %d logins of one subject", len(accounts), len(leases), racers)
	}
	if n := len(w.gapless()); n != racers {
		t.errorf("%d events of %d logins", n, racers)
	}
}
