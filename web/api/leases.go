package api

import (
	"context"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// Lease is a lease as it is answered.
type Lease struct {
	ID         string    `json:"id"`
	Kind       string    `json:"kind"`
	Account    string    `json:"account"`
	Tenant     string    `json:"tenant"`
	Connection string    `json:"connection"`
	Roles      []string  `json:"roles,omitempty" doc:"As given at its start"`
	Start      time.Time `json:"start"`
	Seen       time.Time `json:"seen"`
	End        time.Time `json:"end"`
	EndedAt    time.Time `json:"ended_at,omitzero"`
	EndReason  string    `json:"end_reason,omitempty"`
	Agent      string    `json:"agent,omitempty" doc:"The account of the workload that acts by it for the account"`
}

func viewLease(l provision.Lease) Lease {
	return Lease{string(l.ID), string(l.Kind), string(l.Account), string(l.Tenant), string(l.Connection), l.Grant.Roles, l.Start, l.Seen, l.Until(), l.EndedAt, string(l.EndReason), string(l.Agent.Account)}
}

// Revocation is a revocation as it is answered.
type Revocation struct {
	ID        string    `json:"id"`
	Tenant    string    `json:"tenant,omitempty"`
	Scope     ScopeView `json:"scope"`
	Cause     string    `json:"cause"`
	Reason    string    `json:"reason,omitempty"`
	Requested time.Time `json:"requested_at"`
	Settled   time.Time `json:"settled_at,omitzero" doc:"Not there: access has ended, rows are left"`
}

// ScopeView is the object below which everything ends: exactly one.
type ScopeView struct {
	Tenant     string `json:"tenant,omitempty"`
	Connection string `json:"connection,omitempty"`
	Domain     string `json:"domain,omitempty"`
	Account    string `json:"account,omitempty" readOnly:"true"`
}

func viewRevocation(r provision.Revocation) Revocation {
	return Revocation{string(r.ID), string(r.Tenant), ScopeView{string(r.Scope.Tenant), string(r.Scope.Connection), r.Scope.Domain.String(), string(r.Scope.Account)}, string(r.Cause), r.Note, r.Requested, r.Settled}
}

// EndedIn is a list with those that are over.
type EndedIn struct {
	PageIn
	Ended bool `query:"ended" doc:"Also those that are over"`
}

// LeaseIn names a lease.
type LeaseIn struct {
	Lease string `path:"lease"`
}

// LeaseEnd ends a lease.
type LeaseEnd struct {
	LeaseIn
	ReasonIn
}

// RevocationIn names a revocation.
type RevocationIn struct {
	Revocation string `path:"revocation"`
}

// RevocationOrder ends everything below one object.
type RevocationOrder struct {
	Key  string `header:"Idempotency-Key" doc:"Asked for again under it within a day, it is done once, and the answer is the same"`
	Body struct {
		Tenant     string `json:"tenant,omitempty"`
		Connection string `json:"connection,omitempty"`
		Domain     string `json:"domain,omitempty"`
		Reason     string `json:"reason" minLength:"1" maxLength:"1000"`
	}
}

const (
	listLeases      = "GET /leases"
	listRevocations = "GET /revocations"
)

func (a *API) leases() {
	does(a, operation{listLeases, "leases.read", "List leases"}, a.ListLeases)
	does(a, operation{"GET /leases/{lease}", "leases.read", "Show a lease"}, a.GetLease)
	does(a, operation{"POST /leases/{lease}/end", "leases.end", "End a lease, and what is below it"}, a.EndLease)
	does(a, operation{listRevocations, "leases.read", "List revocations with rows left"}, a.ListRevocations)
	does(a, operation{"POST /revocations", "leases.revoke", "End everything below a tenant, a connection or a domain; of a tenant, its tokens, too"}, a.Revoke)
	does(a, operation{"GET /revocations/{revocation}", "leases.read", "Show a revocation"}, a.GetRevocation)
}

// ListLeases lists leases.
func (a *API) ListLeases(ctx context.Context, m broker.Mandate, in *EndedIn) (*List[Lease], error) {
	p, err := a.page(m, listLeases, in.PageIn)
	if err != nil {
		return nil, err
	}
	p.Ended = in.Ended
	part, err := a.Desk.Leases(ctx, m, p)
	if err != nil {
		return nil, err
	}
	l := listed(a, listing{m, listLeases, in.PageIn}, part, viewLease)
	return in.also(l), nil
}

// also keeps what was asked for in the address of the next part.
func (in EndedIn) also(l *List[Lease]) *List[Lease] {
	l.Link = in.link(l.Link)
	return l
}

func (in EndedIn) link(link string) string {
	if in.Ended && link != "" {
		return "<?ended=true&" + link[len("<?"):]
	}
	return link
}

// GetLease is a lease.
func (a *API) GetLease(ctx context.Context, m broker.Mandate, in *LeaseIn) (*One[Lease], error) {
	s, err := a.Desk.Lease(ctx, m, provision.LeaseID(in.Lease))
	return &One[Lease]{Body: viewLease(s.Lease)}, err
}

// EndLease ends a lease.
func (a *API) EndLease(ctx context.Context, m broker.Mandate, in *LeaseEnd) (*None, error) {
	return &None{}, a.Desk.EndLease(ctx, order(ctx, m, in.Body.Reason), provision.LeaseID(in.Lease))
}

// ListRevocations lists revocations.
func (a *API) ListRevocations(ctx context.Context, m broker.Mandate, in *EndedIn) (*List[Revocation], error) {
	p, err := a.page(m, listRevocations, in.PageIn)
	if err != nil {
		return nil, err
	}
	p.Ended = in.Ended
	part, err := a.Desk.Revocations(ctx, m, p)
	if err != nil {
		return nil, err
	}
	l := listed(a, listing{m, listRevocations, in.PageIn}, part, viewRevocation)
	l.Link = in.link(l.Link)
	return l, nil
}

// GetRevocation is a revocation.
func (a *API) GetRevocation(ctx context.Context, m broker.Mandate, in *RevocationIn) (*One[Revocation], error) {
	r, err := a.Desk.Revocation(ctx, m, provision.RevocationID(in.Revocation))
	return &One[Revocation]{Body: viewRevocation(r)}, err
}

// Revoke ends everything below one object.
func (a *API) Revoke(ctx context.Context, m broker.Mandate, in *RevocationOrder) (*One[Revoked], error) {
	scope := provision.Scope{Tenant: provision.TenantID(in.Body.Tenant), Connection: provision.ConnectionID(in.Body.Connection)}
	if in.Body.Domain != "" {
		var err error
		if scope.Domain, err = domainOf(in.Body.Domain); err != nil {
			return nil, err
		}
	}
	id, err := a.Desk.Revoke(ctx, order(ctx, m, in.Body.Reason), scope)
	return &One[Revoked]{Body: Revoked{string(id)}}, err
}
