package provision

import (
	"fmt"
	"time"
)

// Act is an administrator's deed: who, why, when, and the names it may need.
type Act struct {
	Actor     Actor
	Behind    AccountID // of the person behind an actor that is none: who made a token; "": there is none
	Requester Requester
	Why       string // in the actor's words; kept in the sealed part of the event
	IDs       IDs
	Now       time.Time // ledger time
}

// of reports whether an account acts, itself or by what it made.
func (a Act) of(id AccountID) bool { return id != "" && (a.Actor.ID == string(id) || a.Behind == id) }

// SuspendAccount holds an account: its leases end, and after release a new login is needed (I9).
func SuspendAccount(s State, a Act) (Change, error) {
	return a.endAll(s, Suspended, Pending, Active, Dormant)
}

// RevokeAccount ends an account for good, unless it is restored by name. Its links stay, and refuse (I17).
func RevokeAccount(s State, a Act) (Change, error) {
	return a.endAll(s, Revoked, Pending, Active, Dormant, Suspended)
}

// EndAccount ends every lease of an account and lets the next login resume it.
func EndAccount(s State, a Act) (Change, error) {
	if err := s.accountIn(Active); err != nil {
		return Change{}, err
	}
	return EndLeases(s, End{Cause: CauseAdmin, Actor: a.Actor, Requester: a.Requester, Why: a.Why}, a.IDs, a.Now), nil
}

// ReleaseAccount lifts a suspension. Nobody is let in by it.
func ReleaseAccount(s State, a Act) (Change, error) { return a.lift(s, Suspended) }

// RestoreAccount lifts a revocation. It wants a reason.
func RestoreAccount(s State, a Act) (Change, error) {
	if a.Why == "" {
		return Change{}, fmt.Errorf("restore account: a reason is wanted: %w", ErrConflict)
	}
	return a.lift(s, Revoked)
}

// ApproveAccount lets an account that waits for approval in at its next login.
func ApproveAccount(s State, a Act) (Change, error) {
	if err := s.accountIn(Pending); err != nil {
		return Change{}, err
	}
	if len(SignIns(s.Links)) == 0 {
		return Change{}, fmt.Errorf("account %s has no sign-in yet; link one: %w", s.Account.ID, ErrConflict)
	}
	return a.moved(s.Account, Dormant), nil
}

// DeleteAccount erases an account's personal data and ends its leases; the tombstone stays.
func DeleteAccount(s State, a Act) (Change, error) {
	if err := s.accountIn(Pending, Active, Dormant, Suspended, Revoked); err != nil {
		return Change{}, err
	}
	s.Tenant.Policy.Mode = Ephemeral // whose accounts are erased when they end
	change, e := a.begin()
	e.leases(&change, s.Listeners, s.Leases, nil, CauseAdmin)
	to := s.Account.State
	if to == Active {
		to = Dormant
	}
	e.state(&change, s, to, string(CauseAdmin))
	change.Events[len(change.Events)-1].Personal.Detail = a.Why
	return change, nil
}

// CreateAccount makes an account before its first login: with a link it waits for that login, without one it is
// pending until it is given one.
func CreateAccount(s State, email Email, name string, link Link, a Act) (Change, error) {
	s = s.strange(link.Pseudonym)
	switch {
	case s.Tenant.ID == "" || s.Tenant.Removal != "":
		return Change{}, fmt.Errorf("tenant: %w", ErrNotFound)
	case s.EmailHolder.ID != "":
		return Change{}, fmt.Errorf("account %s holds that e-mail address: %w", s.EmailHolder.ID, ErrConflict)
	case s.Account.State.Living() || s.Account.Before != "": // I17, also for a tombstone
		return Change{}, fmt.Errorf("account %s has that sign-in: %w", s.Account.ID, ErrConflict)
	case s.Claim.Tenant != s.Tenant.ID || s.Claim.Domain != email.Domain():
		return Change{}, fmt.Errorf("%s is not a domain of %s: %w", email.Domain(), s.Tenant.ID, ErrConflict)
	}
	account := Account{ID: a.IDs.Account, Tenant: s.Tenant.ID, State: Pending, Email: email, Name: name, Created: a.Now, Key: a.IDs.Key, Generation: 1}
	change := Change{}
	if link.Subject != "" {
		if s.Connection.ID != link.Connection || s.Connection.Tenant != s.Tenant.ID || s.Connection.Removal != "" {
			return Change{}, fmt.Errorf("connection %s of %s: %w", link.Connection, s.Tenant.ID, ErrNotFound)
		}
		account.State, link.Account, link.Created = Dormant, account.ID, a.Now
		change.Links = []Link{link}
	}
	change.Accounts = []Account{account}
	change.Events = []Event{a.event(0, Event{Kind: EventAccountState, Tenant: account.Tenant, Account: account.ID, Connection: link.Connection, Outcome: string(account.State), Reason: "created",
		Personal: Personal{Requester: a.Requester, Subject: link.Subject, Email: email.String(), Name: name, Detail: a.Why}})}
	return change, nil
}

// LinkAccount gives an account a further sign-in. Its leases end: whoever holds one has not shown both.
func LinkAccount(s State, link Link, a Act) (Change, error) {
	if err := s.accountIn(Pending, Active, Dormant); err != nil {
		return Change{}, err
	}
	switch {
	case link.Subject == "":
		return Change{}, fmt.Errorf("sign-in without a subject: %w", ErrConflict)
	case s.Link.Account != "":
		return Change{}, fmt.Errorf("that sign-in belongs to account %s: %w", s.Link.Account, ErrConflict)
	case s.Connection.ID == "" || s.Connection.ID != link.Connection || s.Connection.Tenant != s.Account.Tenant || s.Connection.Removal != "":
		return Change{}, fmt.Errorf("connection %s of %s: %w", link.Connection, s.Account.Tenant, ErrNotFound)
	}
	link.Account, link.Created = s.Account.ID, a.Now
	change := a.relinked(s, EventAccountLinked, link.LinkKey, "A sign-in at another identity provider was added to your account.")
	change.Links = append(change.Links, link)
	return change, nil
}

// UnlinkAccount takes a sign-in from an account. The last one cannot be taken (I4), and none from an account that is
// kept away: it would come back as somebody new (I17).
func UnlinkAccount(s State, a Act) (Change, error) {
	if err := s.accountIn(Pending, Active, Dormant); err != nil {
		return Change{}, err
	}
	switch {
	case s.Link.Account == "" || s.Link.Account != s.Account.ID:
		return Change{}, fmt.Errorf("sign-in of account %s: %w", s.Account.ID, ErrNotFound)
	case len(SignIns(s.Links)) < 2:
		return Change{}, fmt.Errorf("account %s has no other sign-in; revoke the account instead: %w", s.Account.ID, ErrConflict)
	}
	change := a.relinked(s, EventAccountUnlinked, s.Link.LinkKey, "A sign-in was removed from your account.")
	change.Unlinks = append(change.Unlinks, s.Link.LinkKey)
	return change, nil
}

// relinked ends the leases of an account whose sign-ins changed, notes what to tell the person, and gives one that
// waited for its first sign-in its first state. One that waits for approval goes on waiting.
func (a Act) relinked(s State, kind string, key LinkKey, notice string) Change {
	account := &s.Account
	account.Notice, account.Revision = notice, account.Revision+1
	change, e := a.begin()
	e.leases(&change, s.Listeners, s.Leases, nil, CauseLinked)
	change.Events = append(change.Events, e.event(Event{Kind: kind, Tenant: account.Tenant, Account: account.ID, Connection: key.Connection}))
	change.Events[len(change.Events)-1].Personal = Personal{Requester: a.Requester, Subject: key.Subject, Detail: a.Why}
	if account.State == Active || (account.State == Pending && len(SignIns(s.Links)) == 0) {
		s.Tenant.Policy.Mode = Leased // an ephemeral account waits for the sign-in that was added
		e.state(&change, s, Dormant, string(CauseLinked))
		return change
	}
	change.Accounts = []Account{*account}
	return change
}

// endAll ends every lease of the account and moves it.
func (a Act) endAll(s State, to AccountState, from ...AccountState) (Change, error) {
	if err := s.accountIn(from...); err != nil {
		return Change{}, err
	}
	change, e := a.begin()
	e.leases(&change, s.Listeners, s.Leases, nil, CauseAdmin)
	s.Account.Generation++
	e.state(&change, s, to, string(CauseAdmin))
	change.Events[len(change.Events)-1].Personal.Detail = a.Why
	return change, nil
}

// actingIn is the tenant whose leases are judged again when the account is taken away: those by which it acts for others
// give no access from the commit on, and are ended one by one.
func (s State) actingIn() []TenantID {
	if len(s.Acting) == 0 {
		return nil
	}
	return []TenantID{s.Account.Tenant}
}

// lift takes an account, or the tombstone of one, out of a state that kept it away.
func (a Act) lift(s State, from AccountState) (Change, error) {
	if s.Account.State == Deleted && s.Account.Before == from {
		account := s.Account
		account.Before = ""
		return a.moved(account, Deleted), nil
	}
	if err := s.accountIn(from); err != nil {
		return Change{}, err
	}
	if len(SignIns(s.Links)) == 0 {
		return a.moved(s.Account, Pending), nil // I4
	}
	return a.moved(s.Account, Dormant), nil
}

// moved is the change of an account's state alone.
func (a Act) moved(account Account, to AccountState) Change {
	account.State, account.Revision = to, account.Revision+1
	return Change{Accounts: []Account{account}, Events: []Event{a.event(0, Event{
		Kind: EventAccountState, Tenant: account.Tenant, Account: account.ID, Outcome: string(to), Reason: string(CauseAdmin),
		Personal: Personal{Requester: a.Requester, Detail: a.Why},
	})}}
}

func (a Act) begin() (Change, ending) {
	return Change{}, ending{ids: a.IDs, used: new(int), now: a.Now, actor: a.Actor, requester: a.Requester}
}

func (a Act) event(n int, e Event) Event {
	e.ID, e.Time, e.Actor = a.IDs.Event(n), a.Now, a.Actor
	return e
}

// accountIn is nil when the account is there and in one of states.
func (s State) accountIn(states ...AccountState) error {
	if s.Account.ID == "" {
		return fmt.Errorf("account: %w", ErrNotFound)
	}
	for _, state := range states {
		if s.Account.State == state {
			return nil
		}
	}
	return fmt.Errorf("account %s is %s: %w", s.Account.ID, s.Account.State, ErrConflict)
}
