package provision

import (
	"slices"
	"time"
)

// draft is a decision being written: what it looks at, and the events it has used.
type draft struct {
	State   State
	Request Request
	ids     IDs
	now     time.Time
	email   Email
	events  int
}

// deny refuses: nothing is written but the event, the row, and what the request has used up.
func (d *draft) deny(reason Reason) Decision {
	decision := d.decision(Denied, reason)
	event := d.loginEvent(decision, d.State.Account.ID)
	event.Personal.Detail = d.finding(reason)
	decision.Change.Events = []Event{event}
	return decision
}

// hold makes an account that waits for approval; nobody is let in.
func (d *draft) hold() Decision {
	account := d.newAccount(Pending)
	decision := d.decision(PendingApproval, ApprovalPending)
	decision.Account = account
	decision.Change.Decisions[0].Account = account.ID
	decision.Change.Accounts = []Account{account}
	decision.Change.Links = []Link{d.newLink(account.ID)}
	decision.Change.Events = []Event{d.loginEvent(decision, account.ID)}
	return decision
}

// letIn is the one happy path: the account is active, a lease begins, the browser's former one ends.
func (d *draft) letIn(outcome Outcome, account Account) Decision {
	decision := d.decision(outcome, "")
	decision.Notice, account.Notice = account.Notice, ""
	conflict := d.refresh(&account)
	if outcome == Linked {
		account.Notice = "A sign-in at another identity provider was added to your account."
	}
	voids := account.State == Dormant // who comes back within the grace was never gone
	account.State, account.LastLogin, account.Revision = Active, d.now, account.Revision+1

	lease := d.newLease(account)
	decision.Account, decision.Lease = account, lease
	change := &decision.Change
	change.Decisions[0].Account = account.ID
	change.Accounts = []Account{account}
	change.Leases = []Lease{lease}
	if remembered := d.remembered(lease); !remembered.IsZero() {
		change.Upstreams = []Upstream{remembered}
	}
	if voids {
		change.Voids = []AccountID{account.ID}
	}
	if outcome != Resumed {
		change.Links = []Link{d.newLink(account.ID)}
	}
	change.Events = append(change.Events, d.loginEvent(decision, account.ID))
	if outcome == Linked {
		change.Events = append(change.Events, d.event(Event{Kind: EventAccountLinked, Tenant: account.Tenant, Account: account.ID, Connection: d.Request.Facts.Connection, Personal: d.personal()}))
	}
	if conflict {
		change.Events = append(change.Events, d.event(Event{Kind: EventEmailConflict, Tenant: account.Tenant, Account: account.ID, Personal: d.personal()}))
	}
	d.useInvitation(change, account)
	d.endFormer(change, outcome, account)
	return decision
}

// useInvitation notes who came in by an invitation that the request carries: that one, and nobody after.
func (d *draft) useInvitation(change *Change, account Account) {
	x := d.State.Setup
	if !d.State.invites(d.Request, d.now) {
		return
	}
	change.Setups = []Setup{x.admitted(account.ID)}
	spent := invitation(x.ID)
	spent.Until = x.Expires // after which nothing admits by it anyway
	change.Spent = append(change.Spent, spent)
	change.Events = append(change.Events, d.event(Event{
		Kind: EventSetup, Tenant: x.Tenant, Connection: x.Connection, Account: account.ID, Outcome: "admitted", Changes: []string{"setup: " + string(x.ID)}, Personal: d.personal(),
	}))
}

// refresh takes over what the assertion says about the person. An address that another account holds is not taken: the
// account keeps its own, and the conflict is an event for an administrator.
func (d *draft) refresh(a *Account) (conflict bool) {
	a.Name, a.Groups = d.Request.Facts.Name, slices.Clone(d.Request.Facts.Groups)
	holder := d.State.EmailHolder.ID
	if holder != "" && holder != a.ID {
		return true
	}
	a.Email = d.email
	return false
}

// endFormer ends what this login takes the place of: the browser's former session, and after a link every other one.
func (d *draft) endFormer(change *Change, outcome Outcome, account Account) {
	s := d.State
	ender := ending{ids: d.ids, used: &d.events, now: d.now, actor: d.Request.Actor, requester: d.Request.Requester}
	former := slices.DeleteFunc(slices.Clone(s.FormerLeases), func(l Lease) bool { return l.ID != d.Request.Replaces })
	if outcome == Linked {
		ender.leases(change, s.IntendedListeners, s.IntendedLeases, nil, CauseLinked)
	}
	switch s.Former.Account.ID {
	case "":
	case account.ID: // it has a live lease now: its state does not follow
		if outcome != Linked {
			ender.leases(change, s.FormerListeners, former, descendants(s.FormerLeases, former), CauseReplaced)
		}
	default:
		ender.account(change, s.OfFormer(), former, CauseReplaced)
	}
}

func (d *draft) decision(outcome Outcome, reason Reason) Decision {
	row := DecisionRow{ID: d.ids.Decision, Tenant: d.State.Tenant.ID, At: d.now, Outcome: outcome, Reason: reason, PolicyVersion: d.State.Tenant.Policy.Version, Account: d.State.Account.ID}
	spend := slices.DeleteFunc(slices.Clone(d.Request.Spend), func(x Spent) bool { return slices.ContainsFunc(d.State.Spent, x.same) })
	return Decision{
		ID: row.ID, Outcome: outcome, Reason: reason, Tenant: row.Tenant, PolicyVersion: row.PolicyVersion, At: d.now,
		Change: Change{Decisions: []DecisionRow{row}, Spent: spend},
	}
}

func (d *draft) newAccount(state AccountState) Account {
	return Account{
		ID: d.ids.Account, Tenant: d.State.Tenant.ID, State: state, Email: d.email, Name: d.Request.Facts.Name,
		Groups: slices.Clone(d.Request.Facts.Groups), Created: d.now, Key: d.ids.Key, Generation: 1,
	}
}

func (d *draft) newLink(account AccountID) Link {
	key := LinkKey{d.Request.Facts.Connection, d.Request.Facts.Subject}
	return Link{LinkKey: key, Pseudonym: d.Request.Pseudonym, Account: account, Created: d.now}
}

func (d *draft) newLease(account Account) Lease {
	t := d.State.Tenant
	end, cause := ceiling(t, d.Request.Authn, d.now)
	policy := t.Policy.WithDefaults()
	standing := Standing{Installation: d.State.Installation, Tenant: t, Connection: d.State.Connection, Claim: d.State.Claim, Account: account}
	l := Lease{
		ID: d.ids.Lease(t.ID), Kind: SessionLease, Tenant: t.ID, Account: account.ID, Connection: d.State.Connection.ID,
		Domain: d.email.Domain(), Subject: d.Request.Facts.Subject, Authn: d.Request.Authn,
		Grant: Grant{Roles: policy.Roles.For(d.Request.Facts.Groups)},
		Start: d.now, End: end, Ceiling: cause, Idle: policy.Idle, Seen: d.now, Generations: standing.generations(),
		Asks: d.Request.Asks,
	}
	if !l.Asks.IsZero() {
		l.Vouched = d.now
	}
	return l
}

// remembered is what the lease keeps of its session at the identity provider.
func (d *draft) remembered(l Lease) Upstream {
	u := d.Request.Upstream
	u.Lease, u.Account, u.Whence = l.ID, l.Account, d.Request.Whence()
	return u
}

func (d *draft) loginEvent(x Decision, account AccountID) Event {
	kind := EventLogin
	if d.Request.Occasion.OfWorkload() {
		kind = EventExchange
	}
	e := Event{
		Kind: kind, Tenant: x.Tenant, Outcome: string(x.Outcome), Reason: string(x.Reason), Account: account,
		Connection: d.Request.Facts.Connection, App: d.Request.App, Decision: DecisionRef{x.ID, x.PolicyVersion}, Personal: d.personal(),
	}
	if x.Lease.ID != "" {
		e.Lease = x.Lease.ref()
	}
	return d.event(e)
}

func (d *draft) personal() Personal {
	f := d.Request.Facts
	return Personal{Requester: d.Request.Requester, Subject: f.Subject, Email: f.Email, Name: f.Name}
}

func (d *draft) event(e Event) Event {
	e.ID, e.Time, e.Actor = d.ids.Event(d.events), d.now, d.Request.Actor
	d.events++
	return e
}
