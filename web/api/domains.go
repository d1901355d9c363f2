package api

import (
	"context"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// Domain is a claim as it is answered.
type Domain struct {
	Domain       string    `json:"domain"`
	Tenant       string    `json:"tenant"`
	State        string    `json:"state" enum:"pending,verified,failing,lapsed"`
	Proof        string    `json:"proof" enum:"dns-txt,operator"`
	Record       string    `json:"record,omitempty" doc:"Where the TXT record has to be"`
	Value        string    `json:"value,omitempty" doc:"And what it has to hold"`
	Verified     time.Time `json:"verified,omitzero"`
	FirstFailure time.Time `json:"first_failure,omitzero"`
	LastTried    time.Time `json:"last_tried,omitzero"`
	Note         string    `json:"note,omitempty"`
	Found        string    `json:"found,omitempty" doc:"Of a check: what stands there, in words"`
}

func viewDomain(c provision.Claim) Domain {
	v := Domain{Domain: c.Domain.String(), Tenant: string(c.Tenant), State: string(c.State), Proof: string(c.Proof), Verified: c.Verified, FirstFailure: c.FirstFail, LastTried: c.LastTried, Note: c.Note}
	if c.Proof == provision.ProofDNS {
		v.Record, v.Value = provision.ProofName(c.Domain), provision.ProofValue(c.Token)
	}
	return v
}

// DomainIn names a claim.
type DomainIn struct {
	TenantIn
	Domain string `path:"domain"`
}

// DomainPut claims a domain.
type DomainPut struct {
	DomainIn
	Body struct {
		Proof  string `json:"proof,omitempty" enum:"dns-txt,operator" default:"dns-txt" doc:"operator is an operator's word, which nobody checks"`
		Reason string `json:"reason,omitempty" maxLength:"1000"`
	} `required:"false"`
}

// DomainVerb is a verb on a claim.
type DomainVerb struct {
	DomainIn
	ReasonIn
}

// DomainDelete ends a claim.
type DomainDelete struct {
	DomainIn
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"1000" doc:"Why; kept in the audit"`
}

func (a *API) domains() {
	lists(a, operation{"GET /domains", "domains.read", "List claims on domains"}, a.Desk.Domains, viewDomain)
	does(a, operation{"GET /tenants/{tenant}/domains/{domain}", "domains.read", "Show a claim, and what to publish"}, a.GetDomain)
	does(a, operation{"PUT /tenants/{tenant}/domains/{domain}", "domains.claim", "Claim a domain; proof operator wants the right domains.attest"}, a.PutDomain)
	does(a, operation{"DELETE /tenants/{tenant}/domains/{domain}", "domains.drop", "End a claim, and what hangs on it"}, a.DeleteDomain)
	does(a, operation{"POST /tenants/{tenant}/domains/{domain}/check", "domains.check", "Look for the proof now"}, a.CheckDomain)
}

func oneDomain(s broker.Showing, err error) (*One[Domain], error) {
	return &One[Domain]{Body: viewDomain(s.Claim)}, err
}

// GetDomain is a claim. A name that can be no domain's is not there.
func (a *API) GetDomain(ctx context.Context, m broker.Mandate, in *DomainIn) (*One[Domain], error) {
	d, _ := provision.ParseDomain(in.Domain)
	return oneDomain(a.Desk.Domain(ctx, m, provision.TenantID(in.Tenant), d))
}

// PutDomain claims a domain.
func (a *API) PutDomain(ctx context.Context, m broker.Mandate, in *DomainPut) (*One[Domain], error) {
	right, claim := broker.Right("domains.claim"), a.Desk.ClaimDomain
	if in.Body.Proof == string(provision.ProofOperator) {
		right, claim = "domains.attest", a.Desk.AttestDomain
	}
	err := m.May(right)
	if err == nil {
		_, err = a.Desk.Reach(ctx, m, provision.TenantID(in.Tenant))
	}
	if err != nil {
		return nil, err
	}
	d, err := domainOf(in.Domain)
	if err != nil {
		return nil, err
	}
	return oneDomain(claim(ctx, order(ctx, m, in.Body.Reason), provision.TenantID(in.Tenant), d))
}

// CheckDomain looks for the proof of a claim now.
func (a *API) CheckDomain(ctx context.Context, m broker.Mandate, in *DomainVerb) (*One[Domain], error) {
	d, _ := provision.ParseDomain(in.Domain)
	f, err := a.Desk.CheckDomain(ctx, order(ctx, m, in.Body.Reason), provision.TenantID(in.Tenant), d)
	if err != nil {
		return nil, err
	}
	v := viewDomain(f.Claim)
	v.Found = f.String()
	return &One[Domain]{Body: v}, nil
}

// DeleteDomain ends a claim.
func (a *API) DeleteDomain(ctx context.Context, m broker.Mandate, in *DomainDelete) (*None, error) {
	d, _ := provision.ParseDomain(in.Domain)
	return &None{}, a.Desk.DropDomain(ctx, order(ctx, m, in.Reason), provision.TenantID(in.Tenant), d)
}
