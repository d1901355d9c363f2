package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"leasehold/provision"
)

// FindAccounts lists the accounts that a query chooses.
func (s *Store) FindAccounts(ctx context.Context, q provision.AccountQuery) (found []provision.Account, err error) {
	err = s.view(ctx, func(t *tables) error {
		after := t.accounts[q.After]
		for _, a := range t.accounts {
			if choosesAccount(q, a) && (q.At == "" || signsIn(t, q.At, a.ID)) && (q.After == "" || inOrder(after, a) < 0) {
				found = append(found, a)
			}
		}
		slices.SortFunc(found, inOrder)
		found = own(found[:min(len(found), cmp.Or(max(q.Limit, 0), 100))])
		return nil
	})
	return found, err
}

func inOrder(a, b provision.Account) int {
	return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.ID, b.ID))
}

// signsIn reports whether an account has a sign-in at a connection.
func signsIn(t *tables, c provision.ConnectionID, id provision.AccountID) bool {
	for key, account := range t.linked {
		if key.Connection == c && account == id {
			return true
		}
	}
	return false
}

func choosesAccount(q provision.AccountQuery, a provision.Account) bool {
	used := a.LastLogin
	if a.Created.After(used) {
		used = a.Created
	}
	switch {
	case q.Tenant != "" && a.Tenant != q.Tenant, q.State != "" && a.State != q.State, q.Office != "" && !a.Holds(q.Office):
		return false
	case !q.Email.IsZero() && (a.Email != q.Email || a.State == provision.Deleted), !begins(a.Email.String(), q.Begins):
		return false
	case !q.Domain.IsZero() && a.Email.Domain() != q.Domain:
		return false
	case !q.Unused.IsZero() && (!a.State.Living() || a.State == provision.Active || used.Unix() >= q.Unused.Unix()):
		return false
	case q.Stranded && (a.State != provision.Pending || a.LastLogin.IsZero()):
		return false
	}
	return q.Text == "" || string(a.ID) == q.Text || begins(a.Email.String(), q.Text) || begins(a.Name, q.Text) || strings.Contains(lower(a.Name), " "+lower(q.Text))
}

func begins(s, prefix string) bool { return strings.HasPrefix(lower(s), lower(prefix)) }

// lower is s with its ASCII letters in lower case.
func lower(s string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, s)
}

// FindEvents lists the events that a query chooses, the newest first.
func (s *Store) FindEvents(ctx context.Context, q provision.EventQuery) (found []provision.Event, err error) {
	err = s.view(ctx, func(t *tables) error {
		for _, e := range slices.Backward(t.events) {
			if q.Chooses(e) && len(found) < cmp.Or(max(q.Limit, 0), 100) {
				found = append(found, own(e))
			}
		}
		return nil
	})
	return found, err
}

// Refused counts refused logins by day and reason, from the day of a time on.
func (s *Store) Refused(ctx context.Context, tenant provision.TenantID, since time.Time) (found []provision.Refusals, err error) {
	type key struct {
		day    int64
		reason provision.Reason
	}
	counts := map[key]int{}
	err = s.view(ctx, func(t *tables) error {
		for _, e := range t.events {
			login := e.Kind == provision.EventLogin || e.Kind == provision.EventProtocol
			if login && e.Outcome == string(provision.Denied) && e.Time.Unix()/86400 >= since.Unix()/86400 && (tenant == "" || e.Tenant == tenant) {
				counts[key{e.Time.Unix() / 86400, provision.Reason(e.Reason)}] += max(1, e.Count)
			}
		}
		return nil
	})
	for k, n := range counts {
		found = append(found, provision.Refusals{Day: time.Unix(k.day*86400, 0).UTC(), Reason: k.reason, Count: n})
	}
	slices.SortFunc(found, func(a, b provision.Refusals) int {
		return cmp.Or(a.Day.Compare(b.Day), cmp.Compare(a.Reason, b.Reason))
	})
	return found, err
}

// Population counts a tenant's accounts and leases; those of all when it has no name.
func (s *Store) Population(ctx context.Context, tenant provision.TenantID) (provision.Population, error) {
	p := provision.Population{Accounts: map[provision.AccountState]int{}}
	err := s.view(ctx, func(t *tables) error {
		for _, a := range t.accounts {
			if tenant == "" || a.Tenant == tenant {
				p.Accounts[a.State]++
			}
		}
		for _, l := range t.leases {
			if l.EndedAt.IsZero() && (tenant == "" || l.Tenant == tenant) {
				p.Leases++
			}
		}
		return nil
	})
	return p, err
}
