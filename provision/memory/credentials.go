package memory

import (
	"cmp"
	"context"
	"slices"

	"leasehold/provision"
)

func (c *commit) credential(x provision.Credential) error {
	set(c, c.credentials, x.ID, x)
	return nil
}

// Credentials lists credentials, in the order of their ids, and those that are due in the order of their turns.
func (s *Store) Credentials(ctx context.Context, f provision.CredentialFilter) (found []provision.Credential, err error) {
	limit := cmp.Or(max(f.Limit, 0), 100)
	err = s.view(ctx, func(t *tables) error {
		most := limit
		if !f.Due.IsZero() {
			most = len(t.credentials)
		}
		found = sorted(t.credentials, string(f.After), func(c provision.Credential) bool {
			l := t.leases[c.Lease]
			return f.Matches(c, l.ID == "" || !l.EndedAt.IsZero())
		}, most)
		return nil
	})
	if !f.Due.IsZero() {
		slices.SortStableFunc(found, func(a, b provision.Credential) int { return a.Next.Compare(b.Next) })
		found = found[:min(len(found), limit)]
	}
	return found, err
}

// CountCredentials counts those that are open.
func (s *Store) CountCredentials(ctx context.Context) (counts []provision.CredentialCount, err error) {
	err = s.view(ctx, func(t *tables) error {
		for _, c := range t.credentials {
			if !c.Open() {
				continue
			}
			of := provision.CredentialCount{Tenant: c.Tenant, Source: c.Source, State: c.State, N: 1}
			i := slices.IndexFunc(counts, func(x provision.CredentialCount) bool {
				return x.Tenant == of.Tenant && x.Source == of.Source && x.State == of.State
			})
			if i < 0 {
				counts = append(counts, of)
			} else {
				counts[i].N++
			}
		}
		return nil
	})
	slices.SortFunc(counts, func(a, b provision.CredentialCount) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Source, b.Source), cmp.Compare(a.State, b.State))
	})
	return counts, err
}
