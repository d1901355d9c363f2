package api

import (
	"context"
	"slices"
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
	Warnings     []string  `json:"warnings,omitempty" doc:"Of a claim or a check, for operators: domains of other tenants that look like it"`
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

// DomainsIn chooses claims.
type DomainsIn struct {
	PageIn
	Domain string `query:"domain" maxLength:"253" doc:"Only the claims on this domain; all of them"`
}

const listDomains = "GET /domains"

func (a *API) domains() {
	does(a, operation{listDomains, "domains.read", "List claims on domains"}, a.ListDomains)
	does(a, operation{"GET /tenants/{tenant}/domains/{domain}", "domains.read", "Show a claim, and what to publish"}, a.GetDomain)
	does(a, operation{"PUT /tenants/{tenant}/domains/{domain}", "domains.claim", "Claim a domain; proof operator wants the right domains.attest"}, a.PutDomain)
	does(a, operation{"DELETE /tenants/{tenant}/domains/{domain}", "domains.drop", "End a claim, and what hangs on it"}, a.DeleteDomain)
	does(a, operation{"POST /tenants/{tenant}/domains/{domain}/check", "domains.check", "Look for the proof now"}, a.CheckDomain)
}

func oneDomain(s broker.Showing, err error) (*One[Domain], error) {
	return &One[Domain]{Body: viewDomain(s.Claim)}, err
}

// ListDomains lists claims.
func (a *API) ListDomains(ctx context.Context, m broker.Mandate, in *DomainsIn) (*List[Domain], error) {
	p, err := a.page(m, listDomains, in.PageIn)
	if err != nil {
		return nil, err
	}
	var part broker.Part[provision.Claim]
	if in.Domain == "" {
		part, err = a.Desk.Domains(ctx, m, p)
	} else {
		part.Items, err = a.claimsOn(ctx, m, in)
	}
	if err != nil {
		return nil, err
	}
	return listed(a, listing{m, listDomains, in.PageIn}, part, viewDomain), nil
}

func (a *API) claimsOn(ctx context.Context, m broker.Mandate, in *DomainsIn) ([]provision.Claim, error) {
	if err := m.May("domains.read"); err != nil {
		return nil, err
	}
	of, err := m.Within(provision.TenantID(in.Tenant))
	if err != nil {
		return nil, err
	}
	d, err := domainOf(in.Domain)
	if err != nil {
		return nil, err
	}
	claims, err := a.Desk.ClaimsOn(ctx, m, d)
	return slices.DeleteFunc(claims, func(c provision.Claim) bool { return of != "" && c.Tenant != of }), err
}

// warned is a claim with the warnings of what looks like it.
func (a *API) warned(ctx context.Context, m broker.Mandate, c provision.Claim) (*One[Domain], error) {
	v := viewDomain(c)
	var err error
	v.Warnings, err = a.Desk.Lookalikes(ctx, m, c.Tenant, c.Domain)
	return &One[Domain]{Body: v}, err
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
	s, err := claim(ctx, order(ctx, m, in.Body.Reason), provision.TenantID(in.Tenant), d)
	if err != nil {
		return nil, err
	}
	return a.warned(ctx, m, s.Claim)
}

// CheckDomain looks for the proof of a claim now.
func (a *API) CheckDomain(ctx context.Context, m broker.Mandate, in *DomainVerb) (*One[Domain], error) {
	d, _ := provision.ParseDomain(in.Domain)
	f, err := a.Desk.CheckDomain(ctx, order(ctx, m, in.Body.Reason), provision.TenantID(in.Tenant), d)
	if err != nil {
		return nil, err
	}
	one, err := a.warned(ctx, m, f.Claim)
	one.Body.Found = f.String()
	return one, err
}

// DeleteDomain ends a claim.
func (a *API) DeleteDomain(ctx context.Context, m broker.Mandate, in *DomainDelete) (*None, error) {
	d, _ := provision.ParseDomain(in.Domain)
	return &None{}, a.Desk.DropDomain(ctx, order(ctx, m, in.Reason), provision.TenantID(in.Tenant), d)
}
