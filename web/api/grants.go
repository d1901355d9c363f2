package api

import (
	"context"
	"fmt"
	"net/netip"

	"leasehold/broker"
	"leasehold/provision"
)

// GrantBody is what a workload may have, in the words of the manifest.
type GrantBody struct {
	Apps       []string `json:"apps" minItems:"1" maxItems:"100"`
	Roles      []string `json:"roles,omitempty" maxItems:"100" doc:"Within roles.ceiling of the policy"`
	Resources  []string `json:"resources,omitempty" maxItems:"100" doc:"Addresses at the apps, each with all below it; none: all"`
	MaxTTL     string   `json:"max_ttl,omitempty" doc:"The longest that a lease lasts, 15m at most; not there: 5m"`
	Concurrent int      `json:"concurrent,omitempty" minimum:"0" doc:"Leases that one workload may have at once; 0: any number"`
	Uses       int      `json:"uses,omitempty" minimum:"0" doc:"Allowed requests after which a lease ends; 0: any number"`
	When       When     `json:"when,omitzero"`
	Require    Said     `json:"require,omitzero"`
}

// When is when and where to a grant is given.
type When struct {
	Hours     string   `json:"hours,omitempty" maxLength:"200" doc:"As in Mon-Fri 08:00-18:00 Europe/Berlin; not there: always"`
	Addresses []string `json:"addresses,omitempty" maxItems:"100" doc:"Networks that requests have to come from"`
}

// Said is what a workload has to say.
type Said struct {
	Purpose bool `json:"purpose,omitempty"`
	Task    bool `json:"task,omitempty"`
}

// Grant is a grant as it is answered. Its revision is the policy's version.
type Grant struct {
	ID     string `json:"id"`
	Tenant string `json:"tenant"`
	GrantBody
	By      string `json:"owned_by" enum:"manifest,api"`
	Version int64  `json:"policy_version"`
}

func viewGrant(t provision.Tenant) func(provision.GrantRule) Grant {
	return func(g provision.GrantRule) Grant {
		v := Grant{ID: g.ID, Tenant: string(t.ID), By: string(t.Owner), Version: t.Policy.Version, GrantBody: GrantBody{
			Apps: []string{}, Roles: g.Roles, Resources: g.Resources, MaxTTL: lasts(g.MaxTTL), Concurrent: g.Concurrent, Uses: g.Uses,
			When: When{Hours: g.Hours}, Require: Said{g.NeedsPurpose, g.NeedsTask},
		}}
		for _, app := range g.Apps {
			v.Apps = append(v.Apps, string(app))
		}
		for _, network := range g.Addresses {
			v.When.Addresses = append(v.When.Addresses, network.String())
		}
		return v
	}
}

// grant is the grant that a body describes.
func (b GrantBody) grant(id string) (provision.GrantRule, error) {
	g := provision.GrantRule{
		ID: id, Roles: b.Roles, Resources: b.Resources, Concurrent: b.Concurrent, Uses: b.Uses, Hours: b.When.Hours, NeedsPurpose: b.Require.Purpose, NeedsTask: b.Require.Task,
	}
	for _, app := range b.Apps {
		g.Apps = append(g.Apps, provision.AppID(app))
	}
	for _, text := range b.When.Addresses {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return g, fmt.Errorf("when.addresses: %w: %w", err, broker.ErrInvalid)
		}
		g.Addresses = append(g.Addresses, network)
	}
	var err error
	g.MaxTTL, err = duration("max_ttl", b.MaxTTL)
	return g, err
}

// GrantIn names a grant.
type GrantIn struct {
	TenantIn
	Grant string `path:"grant" maxLength:"63"`
}

// GrantPut is a grant as it is to be.
type GrantPut struct {
	GrantIn
	MatchIn
	Body struct {
		GrantBody
		Reason string `json:"reason,omitempty" maxLength:"1000"`
	}
}

// GrantDelete deletes a grant.
type GrantDelete struct {
	GrantIn
	Key    string `header:"Idempotency-Key"`
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"1000" doc:"Why; kept in the audit"`
}

func (a *API) grants() {
	does(a, operation{"GET /tenants/{tenant}/grants", "grants.read", "List the grants of workloads"}, a.ListGrants)
	does(a, operation{"GET /tenants/{tenant}/grants/{grant}", "grants.read", "Show a grant"}, a.GetGrant)
	does(a, operation{"PUT /tenants/{tenant}/grants/{grant}", "grants.put", "Make or change a grant; live leases are judged by it at once"}, a.PutGrant)
	does(a, operation{"DELETE /tenants/{tenant}/grants/{grant}", "grants.delete", "Delete a grant that no rule names"}, a.DeleteGrant)
}

func oneGrant(t provision.Tenant, id string, err error) (*One[Grant], error) {
	if err == nil && t.Policy.Grant(id).ID == "" {
		err = fmt.Errorf("grant: %w", provision.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return &One[Grant]{tag(t.Policy.Version), viewGrant(t)(t.Policy.Grant(id))}, nil
}

// ListGrants lists the grants of a tenant: all of them.
func (a *API) ListGrants(ctx context.Context, m broker.Mandate, in *TenantIn) (*List[Grant], error) {
	t, err := a.Desk.Grants(ctx, m, provision.TenantID(in.Tenant))
	if err != nil {
		return nil, err
	}
	return listed(a, listing{m, "", PageIn{}}, broker.Part[provision.GrantRule]{Items: t.Policy.Grants}, viewGrant(t)), nil
}

// GetGrant is a grant.
func (a *API) GetGrant(ctx context.Context, m broker.Mandate, in *GrantIn) (*One[Grant], error) {
	t, err := a.Desk.Grants(ctx, m, provision.TenantID(in.Tenant))
	return oneGrant(t, in.Grant, err)
}

// PutGrant makes or changes a grant.
func (a *API) PutGrant(ctx context.Context, m broker.Mandate, in *GrantPut) (*One[Grant], error) {
	seen, err := a.seenOf(ctx, m, "grants.put", in.TenantIn, in.MatchIn)
	if err != nil {
		return nil, err
	}
	g, err := in.Body.grant(in.Grant)
	if err != nil {
		return nil, err
	}
	t, err := a.Desk.PutGrant(ctx, order(ctx, m, in.Body.Reason), provision.TenantID(in.Tenant), g, seen)
	return oneGrant(t, in.Grant, err)
}

// DeleteGrant deletes a grant.
func (a *API) DeleteGrant(ctx context.Context, m broker.Mandate, in *GrantDelete) (*None, error) {
	return &None{}, a.Desk.DeleteGrant(ctx, order(ctx, m, in.Reason), provision.TenantID(in.Tenant), in.Grant)
}
