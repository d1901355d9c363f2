package provision

import "time"

// Census is what a ledger holds, counted on one snapshot, for those who watch it.
type Census struct {
	Leases      int                // that have not ended
	NextDue     time.Time          // of all these, when the first one is due; zero: there is none
	Revocations int                // with rows left to settle
	Claims      map[ClaimState]int // by state
}

// Late is how long the lease that has been due for the longest has been so at now (ledger time); 0: none is due.
func (c Census) Late(now time.Time) time.Duration {
	if c.NextDue.IsZero() {
		return 0
	}
	return max(0, now.Sub(c.NextDue))
}
