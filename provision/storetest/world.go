package storetest

import (
	"fmt"
	"sync/atomic"
	"time"

	"leasehold/provision"
)

// start is the time at which everything here happens, well ahead of any wall clock: no store is late for it.
var start = time.Date(2031, 5, 1, 9, 0, 0, 0, time.UTC)

const (
	acme  provision.TenantID     = "acme"
	rival provision.TenantID     = "rival"
	okta  provision.ConnectionID = "acme-okta"
	entra provision.ConnectionID = "acme-entra"
	other provision.ConnectionID = "rival-okta"
	wiki  provision.AppID        = "wiki"
)

// world is a store with two tenants, each with a domain and a connection; acme has two.
type world struct {
	t     *probe
	store Store
	drawn *atomic.Int64
}

func newWorld(t *probe, s Store) world {
	w := world{t: t, store: s, drawn: new(atomic.Int64)}
	w.write(provision.Change{
		Installation: 1,
		Tenants:      []provision.Tenant{tenant(acme), tenant(rival)},
		Claims:       []provision.Claim{claim(acme, "acme.example", provision.ClaimVerified), claim(rival, "rival.example", provision.ClaimVerified)},
		Connections: []provision.Connection{
			connection(okta, acme, "acme.example"), connection(entra, acme, "acme.example"), connection(other, rival, "rival.example"),
		},
		Apps: []provision.App{{ID: wiki, Origins: []provision.Origin{origin("https://wiki.example")}, Tenants: []provision.TenantID{acme}, Revision: 1}},
	})
	return w
}

func tenant(id provision.TenantID) provision.Tenant {
	return provision.Tenant{
		ID: id, Name: string(id), Generation: 1, Revision: 1,
		Policy: provision.Policy{Version: 1, Create: provision.CreateAllow, Seats: 1000, Roles: provision.RoleRule{Map: map[string][]string{"staff": {"reader"}}}},
	}
}

func claim(t provision.TenantID, d string, state provision.ClaimState) provision.Claim {
	return provision.Claim{Tenant: t, Domain: domain(d), Proof: provision.ProofDNS, State: state, Token: "token-" + string(t), Created: start, Generation: 1, Revision: 1}
}

func connection(id provision.ConnectionID, t provision.TenantID, domains ...string) provision.Connection {
	c := provision.Connection{ID: id, Tenant: t, Protocol: provision.OIDC, Issuer: "https://" + string(id) + ".example", Generation: 1, Revision: 1}
	for _, d := range domains {
		c.Domains = append(c.Domains, domain(d))
	}
	return c
}

// domain, email and origin read names that this package wrote: a bad one is the zero value, which no check survives.
func domain(s string) provision.Domain { d, _ := provision.ParseDomain(s); return d }
func email(s string) provision.Email   { e, _ := provision.ParseEmail(s); return e }
func origin(s string) provision.Origin { o, _ := provision.ParseOrigin(s); return o }

// draw is a name that was never drawn before.
func (w world) draw(prefix string) string { return fmt.Sprintf("%s%06d", prefix, w.drawn.Add(1)) }

// on is w seen through another handle.
func (w world) on(s Store) world { w.store = s; return w }

// write commits a change that has to work.
func (w world) write(c provision.Change) provision.Change {
	done, err := w.change(c)
	w.t.ok("write", err)
	return done
}

// change commits a change that need not work.
func (w world) change(c provision.Change) (provision.Change, error) {
	return w.store.Amend(w.t.ctx, provision.Target{}, func(provision.State) (provision.Change, error) { return c, nil })
}

// read is the state that a target names. It writes nothing.
func (w world) read(target provision.Target) (s provision.State) {
	_, err := w.store.Amend(w.t.ctx, target, func(now provision.State) (provision.Change, error) {
		s = now
		return provision.Change{}, nil
	})
	w.t.ok("read", err)
	return s
}

func (w world) event(kind string) provision.Event {
	return provision.Event{ID: provision.EventID(w.draw("evt_")), Time: start, Kind: kind, Tenant: acme}
}

func (w world) account(address string, state provision.AccountState) provision.Account {
	e := email(address)
	a := provision.Account{ID: provision.AccountID(w.draw("acc_")), Tenant: acme, State: state, Email: e, Name: "Ada", Groups: []string{"staff"}, Created: start, Generation: 1, Revision: 1}
	if e.Domain() == domain("rival.example") {
		a.Tenant = rival
	}
	return a
}

// lease is a live one of a, under the generations that stand at the beginning.
func (w world) lease(a provision.Account) provision.Lease {
	l := provision.Lease{
		ID: provision.NewLeaseID(a.Tenant, w.draw("")), Kind: provision.SessionLease, Tenant: a.Tenant, Account: a.ID, Connection: okta,
		Domain: a.Email.Domain(), Start: start, End: start.Add(8 * time.Hour), Ceiling: provision.CauseCeiling, Idle: time.Hour, Seen: start,
		Generations: provision.Generations{Installation: 1, Tenant: 1, Connection: 1, Domain: 1, Account: 1},
	}
	if a.Tenant == rival {
		l.Connection = other
	}
	return l
}

func link(c provision.ConnectionID, subject string, a provision.Account) provision.Link {
	return provision.Link{LinkKey: provision.LinkKey{Connection: c, Subject: subject}, Pseudonym: "p-" + subject, Account: a.ID, Created: start}
}

// person is an account with a link and a lease.
func (w world) person(subject, address string) (provision.Account, provision.Lease) {
	a := w.account(address, provision.Active)
	l := w.lease(a)
	w.write(provision.Change{Accounts: []provision.Account{a}, Links: []provision.Link{link(l.Connection, subject, a)}, Leases: []provision.Lease{l}, Events: []provision.Event{w.event(provision.EventLogin)}})
	return a, l
}

func request(subject, address string, spend ...provision.Spent) provision.Request {
	return provision.Request{
		Occasion: provision.OnLogin, Facts: provision.Facts{Connection: okta, Subject: subject, Email: address, EmailVerified: true},
		Pseudonym: "p-" + subject, Spend: spend,
	}
}

// login asks for r: a known subject gets a lease, an unknown one an account too, unless its address is taken or
// something is spent already. inside is called within the function, when it is given.
func (w world) login(r provision.Request, inside func()) (provision.Decision, error) {
	fresh := w.account(r.Facts.Email, provision.Active)
	id, event, row := w.lease(fresh).ID, w.event(provision.EventLogin), provision.DecisionID(w.draw("dec_"))
	return w.store.Provision(w.t.ctx, r, func(s provision.State) provision.Decision {
		if inside != nil {
			inside()
		}
		d := provision.Decision{ID: row, Tenant: s.Tenant.ID, At: start, Outcome: provision.Resumed, Account: s.Account}
		d.Change.Spent = r.Spend
		switch {
		case len(s.Spent) > 0:
			d.Outcome, d.Reason, d.Change.Spent = provision.Denied, provision.Replayed, nil
		case s.Account.ID == "" && s.EmailHolder.ID != "":
			d.Outcome, d.Reason = provision.Denied, provision.EmailTaken
		case s.Account.ID == "":
			d.Outcome, d.Account = provision.Created, fresh
			d.Change.Accounts = []provision.Account{fresh}
			d.Change.Links = []provision.Link{link(r.Facts.Connection, r.Facts.Subject, fresh)}
		}
		if d.Reason == "" {
			d.Lease = w.lease(d.Account)
			d.Lease.ID = id
			d.Change.Leases = []provision.Lease{d.Lease}
		}
		event.Outcome, event.Reason, event.Account = string(d.Outcome), string(d.Reason), d.Account.ID
		d.Change.Events = []provision.Event{event}
		d.Change.Decisions = []provision.DecisionRow{{ID: row, Tenant: d.Tenant, At: start, Outcome: d.Outcome, Reason: d.Reason, Account: d.Account.ID}}
		return d
	})
}

// ended is the change that ends a lease, and is empty when it has ended already.
func (w world) ended(l provision.Lease) provision.Change {
	if l.ID == "" || !l.EndedAt.IsZero() {
		return provision.Change{}
	}
	l.EndedAt, l.EndReason = start.Add(time.Minute), provision.CauseLogout
	e := w.event(provision.EventLeaseEnded)
	e.Tenant, e.Lease = l.Tenant, provision.LeaseRef{ID: l.ID, Kind: l.Kind, End: l.End}
	return provision.Change{Leases: []provision.Lease{l}, Events: []provision.Event{e}}
}

// events are all there are.
func (w world) events(f provision.EventFilter) []provision.Event {
	events, err := w.store.Events(w.t.ctx, f)
	w.t.ok("events", err)
	return events
}

// gapless notes every event whose Seq is not one more than that of the one before it, from 1.
func (w world) gapless() []provision.Event {
	events := w.events(provision.EventFilter{Limit: 100000})
	for i, e := range events {
		if e.Seq != int64(i+1) {
			w.t.errorf("event %d has Seq %d", i+1, e.Seq)
		}
	}
	return events
}
