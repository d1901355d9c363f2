package api

import (
	"context"
	"strconv"
	"strings"

	"leasehold/broker"
	"leasehold/provision"
)

// Groups are the rules on groups.
type Groups struct {
	Any  []string `json:"any,omitempty"`
	All  []string `json:"all,omitempty"`
	None []string `json:"none,omitempty"`
}

// Roles are what groups become.
type Roles struct {
	Default []string            `json:"default,omitempty"`
	Map     map[string][]string `json:"map,omitempty"`
	Ceiling []string            `json:"ceiling,omitempty"`
}

// Policy is a tenant's policy, in the words of the manifest.
type Policy struct {
	Create           string      `json:"create,omitempty" enum:"allow,invite,approve,deny" default:"deny"`
	Mode             string      `json:"mode,omitempty" enum:"leased,ephemeral,provisioned" default:"leased"`
	Groups           Groups      `json:"groups,omitzero"`
	Roles            Roles       `json:"roles,omitzero"`
	Seats            int         `json:"seats,omitempty" minimum:"0"`
	MaxSession       string      `json:"max_session,omitempty" doc:"Not there: 8h"`
	Idle             string      `json:"idle,omitempty" doc:"Not there: 30m"`
	ACR              []string    `json:"acr,omitempty"`
	MaxAuthAge       string      `json:"max_auth_age,omitempty"`
	DeprovisionGrace string      `json:"deprovision_grace,omitempty" doc:"Not there: 15m"`
	When             string      `json:"when,omitempty" maxLength:"2000" doc:"A condition (CEL) on each login and live session"`
	Elevate          []Elevation `json:"elevate,omitempty" maxItems:"100" doc:"Roles that people may ask for, for a while"`
}

// Elevation is a role that people may have for a while.
type Elevation struct {
	Role      string `json:"role"`
	Who       Circle `json:"who,omitzero"`
	Max       string `json:"max"`
	Approve   string `json:"approve,omitempty" enum:"approver,policy" default:"approver"`
	Approvers Circle `json:"approvers,omitzero"`
	Ticket    bool   `json:"ticket,omitempty"`
}

// Circle are people by what they have.
type Circle struct {
	Groups []string `json:"groups,omitempty"`
	Roles  []string `json:"roles,omitempty"`
}

// PolicyView is one version of a policy.
type PolicyView struct {
	Version int64 `json:"version"`
	Policy
}

func viewPolicy(p provision.Policy) PolicyView {
	p = p.WithDefaults()
	v := PolicyView{p.Version, Policy{
		string(p.Create), string(p.Mode), Groups(p.Groups), Roles(p.Roles), p.Seats, lasts(p.MaxSession), lasts(p.Idle), p.ACR, lasts(p.MaxAuthAge), lasts(p.DeprovisionGrace), p.When, nil,
	}}
	for _, e := range p.Elevate {
		v.Elevate = append(v.Elevate, Elevation{e.Role, Circle(e.Who), lasts(e.Max), string(e.Approve), Circle(e.Approvers), e.Ticket})
	}
	return v
}

// policy is the policy that a body describes.
func (b Policy) policy() (provision.Policy, error) {
	p := provision.Policy{
		Create: provision.CreateRule(b.Create), Mode: provision.Mode(b.Mode), Groups: provision.GroupRule(b.Groups), Roles: provision.RoleRule(b.Roles), Seats: b.Seats, ACR: b.ACR, When: b.When,
	}
	var err error
	if p.MaxSession, err = duration("max_session", b.MaxSession); err != nil {
		return p, err
	}
	if p.Idle, err = duration("idle", b.Idle); err != nil {
		return p, err
	}
	if p.MaxAuthAge, err = duration("max_auth_age", b.MaxAuthAge); err != nil {
		return p, err
	}
	if p.DeprovisionGrace, err = duration("deprovision_grace", b.DeprovisionGrace); err != nil {
		return p, err
	}
	p.When = strings.TrimSpace(b.When)
	for _, e := range b.Elevate {
		rule := provision.ElevationRule{Role: e.Role, Who: provision.Circle(e.Who), Approve: provision.Approval(e.Approve), Approvers: provision.Circle(e.Approvers), Ticket: e.Ticket}
		if rule.Max, err = duration("elevate.max", e.Max); err != nil {
			return p, err
		}
		p.Elevate = append(p.Elevate, rule)
	}
	return p.WithDefaults(), nil
}

// PolicyPut changes a policy.
type PolicyPut struct {
	TenantIn
	MatchIn
	Body struct {
		Policy
		Reason string `json:"reason,omitempty" maxLength:"1000"`
	}
}

// PolicyVersionIn names one version.
type PolicyVersionIn struct {
	TenantIn
	Version int64 `path:"version" minimum:"1"`
}

// PolicyVersionsIn names a part of the versions.
type PolicyVersionsIn struct {
	TenantIn
	Cursor string `query:"cursor"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

const policyVersions = "GET /tenants/{tenant}/policy/versions"

func (a *API) policies() {
	does(a, operation{"GET /tenants/{tenant}/policy", "policies.read", "Show the policy in force"}, a.GetPolicy)
	does(a, operation{"PUT /tenants/{tenant}/policy", "policies.put", "Change the policy; live leases are judged by it at once"}, a.PutPolicy)
	does(a, operation{policyVersions, "policies.read", "List the versions, the newest first"}, a.ListPolicies)
	does(a, operation{"GET /tenants/{tenant}/policy/versions/{version}", "policies.read", "Show one version"}, a.GetPolicyVersion)
}

func onePolicy(p provision.Policy, err error) (*One[PolicyView], error) {
	return &One[PolicyView]{tag(p.Version), viewPolicy(p)}, err
}

// GetPolicy is the policy in force.
func (a *API) GetPolicy(ctx context.Context, m broker.Mandate, in *TenantIn) (*One[PolicyView], error) {
	return onePolicy(a.Desk.Policy(ctx, m, provision.TenantID(in.Tenant), 0))
}

// GetPolicyVersion is one version.
func (a *API) GetPolicyVersion(ctx context.Context, m broker.Mandate, in *PolicyVersionIn) (*One[PolicyView], error) {
	return onePolicy(a.Desk.Policy(ctx, m, provision.TenantID(in.Tenant), in.Version))
}

// ListPolicies lists versions, the newest first.
func (a *API) ListPolicies(ctx context.Context, m broker.Mandate, in *PolicyVersionsIn) (*List[PolicyView], error) {
	after, err := a.cursors.open(m, policyVersions+in.Tenant, in.Cursor)
	if err != nil {
		return nil, err
	}
	below, _ := strconv.ParseInt(after, 10, 64)
	found, err := a.Desk.Policies(ctx, m, provision.TenantID(in.Tenant), below, in.Limit)
	if err != nil {
		return nil, err
	}
	part := broker.Part[provision.Policy]{Items: found}
	if n := len(found); n > 0 && found[n-1].Version > 1 {
		part.Next = strconv.FormatInt(found[n-1].Version, 10)
	}
	return listed(a, listing{m, policyVersions + in.Tenant, PageIn{Limit: in.Limit}}, part, viewPolicy), nil
}

// PutPolicy changes a policy.
func (a *API) PutPolicy(ctx context.Context, m broker.Mandate, in *PolicyPut) (*One[PolicyView], error) {
	id := provision.TenantID(in.Tenant)
	err := m.May("policies.put")
	var t provision.Tenant
	if err == nil {
		t, err = a.Desk.Reach(ctx, m, id)
	}
	if err != nil {
		return nil, err
	}
	seen, err := in.seen()
	if err != nil {
		return nil, err
	}
	p, err := in.Body.policy()
	if err != nil {
		return nil, err
	}
	if seen == broker.AnyOne {
		seen = t.Policy.Version
	}
	p.Trust, p.Grants = t.Policy.Trust, t.Policy.Grants // of workloads: they are not changed here
	return onePolicy(a.Desk.PutPolicy(ctx, order(ctx, m, in.Body.Reason), id, p, seen))
}
