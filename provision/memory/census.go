package memory

import (
	"context"

	"leasehold/provision"
)

// Census counts what the ledger holds, on one snapshot.
func (s *Store) Census(ctx context.Context) (provision.Census, error) {
	c := provision.Census{Claims: map[provision.ClaimState]int{}}
	err := s.view(ctx, func(x *tables) error {
		for _, l := range x.leases {
			if !l.EndedAt.IsZero() {
				continue
			}
			if c.Leases++; c.NextDue.IsZero() || l.Due().Before(c.NextDue) {
				c.NextDue = l.Due()
			}
		}
		for _, v := range x.revocations {
			if v.Settled.IsZero() {
				c.Revocations++
			}
		}
		for _, claim := range x.claims {
			c.Claims[claim.State]++
		}
		return nil
	})
	return c, err
}
