package provision

import "time"

// Canary is a lease that nobody holds and no app knows: it is made and ended so that every process can see how soon it
// refuses one. It is no row of leases, and no account, seat, event or list knows of it.
type Canary struct {
	ID           LeaseID
	Planted      time.Time
	Ended        time.Time // when its end was asked for; zero: not yet
	Acknowledged time.Time // when that returned; zero: not yet
}

// Sighting is what one process saw of a canary, by checks of its own. All times are ledger time.
type Sighting struct {
	Canary  LeaseID
	Process string
	Sent    time.Time // when the last check that let it in was sent, and
	Allowed time.Time // when that was answered; both zero: none was let in
	Refused time.Time // when the first after that was refused; zero: none was
}

// canaryTenant is a name that no tenant can have.
const canaryTenant = "_canary"

// CanaryLife is how long a canary lives that nobody ends.
const CanaryLife = 30 * time.Second

// NewCanaryID makes the id of a canary from random text of at least 128 bits.
func NewCanaryID(random string) LeaseID { return NewLeaseID(canaryTenant, random) }

// IsCanary reports whether an id is a canary's. No lease has such a one.
func (id LeaseID) IsCanary() bool { return id.Tenant() == canaryTenant }

// Standing is how c stands: everything that it hangs on is in order, and its end alone matters.
func (c Canary) Standing() Standing {
	return Standing{
		Lease: Lease{
			ID: c.ID, Kind: SessionLease, Tenant: canaryTenant, Account: canaryTenant, Connection: canaryTenant,
			Start: c.Planted, Seen: c.Planted, End: c.Planted.Add(CanaryLife), EndedAt: c.Ended,
		},
		Account:    Account{ID: canaryTenant, Tenant: canaryTenant, State: Active},
		Tenant:     Tenant{ID: canaryTenant},
		Connection: Connection{ID: canaryTenant, Tenant: canaryTenant},
		Claim:      Claim{Tenant: canaryTenant, State: ClaimVerified},
	}
}

// CanaryDoor is the one app that a canary may enter. It has no origin, so no request is for it.
func CanaryDoor() App { return App{ID: canaryTenant, Tenants: []TenantID{canaryTenant}} }

// CanariesKept is how long canaries, and what was seen of them, are kept.
const CanariesKept = 3 * time.Hour
