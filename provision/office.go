package provision

import (
	"fmt"
	"slices"
)

// Office is what somebody may do at Leasehold itself. It is given to an account by name, and never comes from groups.
type Office string

// The offices.
const (
	TenantAdminOffice Office = "leasehold:admin"    // administers its own tenant
	OperatorOffice    Office = "leasehold:operator" // administers the installation; of the operators' tenant only
)

// OfficePrefix begins every office. No role of a policy may begin with it.
const OfficePrefix = "leasehold:"

// Holds reports whether a holds an office.
func (a Account) Holds(o Office) bool { return slices.Contains(a.Offices, o) }

// Appoint gives an account an office. Its leases go on: what they may do is judged at each request.
func Appoint(o Office) func(State, Act) (Change, error) {
	return func(s State, a Act) (Change, error) {
		if err := s.accountIn(Pending, Active, Dormant); err != nil {
			return Change{}, err
		}
		switch {
		case o != TenantAdminOffice && o != OperatorOffice:
			return Change{}, fmt.Errorf("office %q: %w", o, ErrNotFound)
		case s.Account.Holds(o):
			return Change{}, fmt.Errorf("account %s holds %s: %w", s.Account.ID, o, ErrConflict)
		}
		s.Account.Offices = append(slices.Clone(s.Account.Offices), o)
		return a.appointed(s.Account, "appointed", o), nil
	}
}

// Dismiss takes an office from an account, at once.
func Dismiss(o Office) func(State, Act) (Change, error) {
	return func(s State, a Act) (Change, error) {
		if s.Account.ID == "" || !s.Account.Holds(o) {
			return Change{}, fmt.Errorf("office %s of account %s: %w", o, s.Account.ID, ErrNotFound)
		}
		s.Account.Offices = slices.DeleteFunc(slices.Clone(s.Account.Offices), func(held Office) bool { return held == o })
		return a.appointed(s.Account, "dismissed", o), nil
	}
}

func (a Act) appointed(account Account, outcome string, o Office) Change {
	account.Revision++
	return Change{Accounts: []Account{account}, Events: []Event{a.event(0, Event{
		Kind: EventAccountOffice, Tenant: account.Tenant, Account: account.ID, Outcome: outcome, Changes: []string{string(o)},
		Personal: Personal{Requester: a.Requester, Detail: a.Why},
	})}}
}
