package api

import (
	"cmp"
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

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
	Current   bool            `json:"current" doc:"It is in force"`
	At        time.Time       `json:"at,omitzero" doc:"When it was saved"`
	Actor     *Actor          `json:"actor,omitempty" doc:"By whom"`
	Why       string          `json:"reason,omitempty" doc:"And why, unless that is erased"`
	Changes   []string        `json:"changes,omitempty" doc:"To the version before, a line each"`
	Workloads json.RawMessage `json:"workloads,omitempty" doc:"At the host alone: its rules and grants of workloads, which are not changed here"`
}

func viewVersion(m broker.Mandate) func(broker.Version) PolicyView {
	return func(x broker.Version) PolicyView {
		v := PolicyView{Version: x.Policy.Version, Policy: PolicyOf(x.Policy), Current: x.Current, At: x.At, Why: x.Why, Changes: x.Changes}
		if x.By.Kind != "" {
			by := Actor(x.By)
			v.Actor = &by
		}
		if m.Host && len(x.Policy.Trust)+len(x.Policy.Grants) > 0 {
			v.Workloads, _ = json.Marshal(provision.Policy{Trust: x.Policy.Trust, Grants: x.Policy.Grants}) // such types can always be
		}
		return v
	}
}

// PolicyOf is a policy in the words of the manifest.
func PolicyOf(p provision.Policy) Policy {
	p = p.WithDefaults()
	v := Policy{
		string(p.Create), string(p.Mode), Groups(p.Groups), Roles(p.Roles), p.Seats, lasts(p.MaxSession), lasts(p.Idle), p.ACR, lasts(p.MaxAuthAge), lasts(p.DeprovisionGrace), p.When, nil,
	}
	for _, e := range p.Elevate {
		v.Elevate = append(v.Elevate, Elevation{e.Role, Circle(e.Who), lasts(e.Max), string(e.Approve), Circle(e.Approvers), e.Ticket})
	}
	return v
}

// Read is the policy that a body describes.
func (b Policy) Read() (provision.Policy, error) {
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
	After  int64  `query:"after" minimum:"0" doc:"In place of a cursor: begins below this version"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

const policyVersions = "GET /tenants/{tenant}/policy/versions"

func (a *API) policies() {
	does(a, operation{"GET /tenants/{tenant}/policy", "policies.read", "Show the policy in force"}, a.GetPolicy)
	does(a, operation{"PUT /tenants/{tenant}/policy", "policies.put", "Change the policy; live leases are judged by it at once"}, a.PutPolicy)
	does(a, operation{policyVersions, "policies.read", "List the versions, the newest first"}, a.ListPolicies)
	does(a, operation{"GET /tenants/{tenant}/policy/versions/{version}", "policies.read", "Show one version"}, a.GetPolicyVersion)
	does(a, operation{"GET /tenants/{tenant}/policy/versions/{version}/differences", "policies.read", "Say what differs between two versions"}, a.GetDifferences)
	does(a, operation{"POST /tenants/{tenant}/policy/try", "policies.try", "Say what a policy would end now; nothing is changed"}, a.TryPolicy)
}

func (a *API) onePolicy(ctx context.Context, m broker.Mandate, t string, version int64) (*One[PolicyView], error) {
	v, err := a.Desk.Version(ctx, m, provision.TenantID(t), version)
	return &One[PolicyView]{tag(v.Policy.Version), viewVersion(m)(v)}, err
}

// GetPolicy is the policy in force.
func (a *API) GetPolicy(ctx context.Context, m broker.Mandate, in *TenantIn) (*One[PolicyView], error) {
	return a.onePolicy(ctx, m, in.Tenant, 0)
}

// GetPolicyVersion is one version.
func (a *API) GetPolicyVersion(ctx context.Context, m broker.Mandate, in *PolicyVersionIn) (*One[PolicyView], error) {
	return a.onePolicy(ctx, m, in.Tenant, in.Version)
}

// ListPolicies lists versions, the newest first.
func (a *API) ListPolicies(ctx context.Context, m broker.Mandate, in *PolicyVersionsIn) (*List[PolicyView], error) {
	after, err := a.cursors.open(m, policyVersions+in.Tenant, in.Cursor)
	if err != nil {
		return nil, err
	}
	below, _ := strconv.ParseInt(after, 10, 64)
	found, err := a.Desk.Versions(ctx, m, provision.TenantID(in.Tenant), cmp.Or(below, in.After), in.Limit)
	if err != nil {
		return nil, err
	}
	part := broker.Part[broker.Version]{Items: found}
	if n := len(found); n > 0 && found[n-1].Policy.Version > 1 {
		part.Next = strconv.FormatInt(found[n-1].Policy.Version, 10)
	}
	return listed(a, listing{m, policyVersions + in.Tenant, PageIn{Limit: in.Limit}}, part, viewVersion(m)), nil
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
	p, err := in.Body.Read()
	if err != nil {
		return nil, err
	}
	if seen == broker.AnyOne {
		seen = t.Policy.Version
	}
	p.Trust, p.Grants = t.Policy.Trust, t.Policy.Grants // of workloads: they are not changed here
	if _, err := a.Desk.PutPolicy(ctx, order(ctx, m, in.Body.Reason), id, p, seen); err != nil {
		return nil, err
	}
	return a.onePolicy(ctx, m, in.Tenant, 0)
}
