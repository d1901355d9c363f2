package provision

import "time"

// LeaseKind says what a lease gives access for.
type LeaseKind string

// The kinds of lease that exist so far.
const (
	SessionLease  LeaseKind = "session"
	WorkloadLease LeaseKind = "workload" // by a trust rule: short, of no domain, shown as a handle
)

// Generations are those a lease began under.
type Generations struct {
	Installation, Tenant, Connection, Domain, Account Generation
}

// Grant is what may be done.
type Grant struct {
	Roles    []string // as given at the start; Standing.Roles says what is left of them now
	Scopes   []string
	Audience []AppID // empty: every app that admits the tenant
	Purpose  string
	Task     string

	Resources []string `json:",omitempty"` // addresses at the apps, with what is below them; none: all
	Rule      string   `json:",omitempty"` // the trust rule that it was given by
	Of        string   `json:",omitempty"` // the grant rule that it is one of
	Terms     string   `json:",omitempty"` // what the trust rule wanted then
	Uses      int      `json:",omitempty"` // allowed checks that are left; 0: any number

	For time.Duration `json:",omitempty"` // of a commission: how long its agent may act, from its start
}

// Lease is a Grant held by an Account from Start to End.
type Lease struct {
	ID          LeaseID
	Kind        LeaseKind
	Tenant      TenantID
	Account     AccountID
	Connection  ConnectionID
	Domain      Domain  // of the e-mail address it began with
	Parent      LeaseID // ends with it; "": none
	Agent       Agent   `json:",omitzero"` // who acts by it for the account; zero: nobody
	Grant       Grant
	Authn       Authn
	Subject     string // the link it began with, for log-outs from upstream
	Start       time.Time
	End         time.Time     // hard ceiling; never moves later (I5)
	Term        Term          `json:",omitzero"` // of a workload's lease that may be renewed: Until says when it is over
	Ceiling     Cause         // what End stands for: ceiling, contract_ended or parent_ended
	Idle        time.Duration // 0: never idle
	Seen        time.Time     // last use that the ledger knows of, exact to 30 s
	Generations Generations
	Asks        time.Time `json:",omitzero"` // when its identity provider is asked next whether it stands by the session; zero: never
	Vouched     time.Time `json:",omitzero"` // when it last did
	EndedAt     time.Time // zero: not ended
	EndReason   Cause
	EndedBy     Actor
}

// IdleSlack is what the ledger waits beyond Idle: use is written every 30 s and may be 30 s old by then.
const IdleSlack = 60 * time.Second

// IdleAt is when l is idle unless it is used, or the zero time.
func (l Lease) IdleAt() time.Time {
	if l.Idle <= 0 {
		return time.Time{}
	}
	return l.Seen.Add(l.Idle + IdleSlack)
}

// Due is when l ends unless it is used: the earlier of its end, or that of its term, and its idle time.
func (l Lease) Due() time.Time {
	if idle := l.IdleAt(); !idle.IsZero() && idle.Before(l.Until()) {
		return idle
	}
	return l.Until()
}
