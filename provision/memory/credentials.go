package memory

import (
	"cmp"
	"context"

	"leasehold/provision"
)

func (c *commit) credential(x provision.Credential) error {
	set(c, c.credentials, x.ID, x)
	return nil
}

// Credentials lists credentials, in the order of their ids.
func (s *Store) Credentials(ctx context.Context, f provision.CredentialFilter) (found []provision.Credential, err error) {
	err = s.view(ctx, func(t *tables) error {
		found = sorted(t.credentials, string(f.After), func(c provision.Credential) bool {
			l := t.leases[c.Lease]
			return f.Matches(c, l.ID == "" || !l.EndedAt.IsZero())
		}, cmp.Or(max(f.Limit, 0), 100))
		return nil
	})
	return found, err
}
