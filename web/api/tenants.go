package api

import (
	"cmp"
	"context"
	"reflect"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// Tenant is a tenant as it is answered.
type Tenant struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	Contact       string    `json:"contact,omitempty"`
	ContractEnd   time.Time `json:"contract_end,omitzero" doc:"The first instant that is no longer covered"`
	Retention     string    `json:"retention,omitempty"`
	Suspended     bool      `json:"suspended"`
	Removing      bool      `json:"removing,omitempty"`
	WebhookURL    string    `json:"webhook_url,omitempty" doc:"Where it is warned"`
	PolicyVersion int64     `json:"policy_version"`
	Owner         string    `json:"owner" enum:"manifest,api"`
	Revision      int64     `json:"revision"`
	Gist
}

// Gist is the gist of a tenant's policy, for whoever may read that.
type Gist struct {
	Create     string `json:"create,omitempty"`
	Mode       string `json:"mode,omitempty"`
	MaxSession string `json:"max_session,omitempty"`
	Idle       string `json:"idle,omitempty"`
	Seats      *int   `json:"seats,omitempty" doc:"Of its policy: live accounts; 0: no cap"`
}

func viewTenant(m broker.Mandate) func(provision.Tenant) Tenant {
	return func(t provision.Tenant) Tenant {
		v := Tenant{ID: string(t.ID), Name: t.Name, Contact: t.Contact, ContractEnd: t.ContractEnd, Retention: lasts(t.Retention), Suspended: t.Suspended, Removing: t.Removal == provision.Removing,
			WebhookURL: t.Hook.URL, PolicyVersion: t.Policy.Version, Owner: string(t.Owner), Revision: t.Revision}
		if m.May("policies.read") == nil {
			p := t.Policy.WithDefaults()
			v.Gist = Gist{string(p.Create), string(p.Mode), lasts(p.MaxSession), lasts(p.Idle), &p.Seats}
		}
		return v
	}
}

// TenantIn names a tenant.
type TenantIn struct {
	Tenant string `path:"tenant"`
}

// TenantPut is a tenant as it is to be.
type TenantPut struct {
	TenantIn
	MatchIn
	Body struct {
		Name        string    `json:"name,omitempty" maxLength:"200" doc:"Not there: the id"`
		Contact     string    `json:"contact,omitempty" maxLength:"200" doc:"Shown to people who are refused"`
		ContractEnd time.Time `json:"contract_end,omitzero" doc:"The first instant that is no longer covered; not there: no end"`
		Retention   string    `json:"retention,omitempty" doc:"Decisions, and accounts without a lease, are erased after it, as in 90d"`
		WebhookURL  *string   `json:"webhook_url,omitempty" maxLength:"2048" doc:"Where it is warned; not there: as it is; empty: nowhere"`
		Secret      string    `json:"webhook_secret,omitempty" minLength:"24" maxLength:"500" doc:"What signs; not there: the one there is stays. It is never answered"`
		Reason      string    `json:"reason,omitempty" maxLength:"1000"`
	}
}

// TenantVerb is a verb on a tenant.
type TenantVerb struct {
	TenantIn
	ReasonIn
}

// TenantDelete deletes a tenant.
type TenantDelete struct {
	TenantIn
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"1000" doc:"Why; kept in the audit"`
}

// Revoked is a revocation whose rows may still be settling: access has ended already.
type Revoked struct {
	Revocation string `json:"revocation,omitempty" doc:"Not there: nothing is left to settle"`
}

const listTenants = "GET /tenants"

func (a *API) tenants() {
	does(a, operation{listTenants, "tenants.read", "List tenants"}, a.ListTenants)
	does(a, operation{"GET /tenants/{tenant}", "tenants.read", "Show a tenant"}, a.GetTenant)
	does(a, operation{"PUT /tenants/{tenant}", "tenants.put", "Make or change a tenant; its policy stays"}, a.PutTenant)
	does(a, operation{"DELETE /tenants/{tenant}", "tenants.delete", "Delete a suspended tenant, with its accounts, connections and claims; asked for again, it goes on"}, a.DeleteTenant)
	does(a, operation{"POST /tenants/{tenant}/suspend", "tenants.suspend", "Keep everybody of a tenant out, and end what they have"}, a.SuspendTenant)
	does(a, operation{"POST /tenants/{tenant}/resume", "tenants.resume", "Let them log in again"}, a.ResumeTenant)
}

func oneTenant(m broker.Mandate, t provision.Tenant, err error) (*One[Tenant], error) {
	return &One[Tenant]{tag(t.Revision), viewTenant(m)(t)}, err
}

// ListTenants lists tenants.
func (a *API) ListTenants(ctx context.Context, m broker.Mandate, in *PageIn) (*List[Tenant], error) {
	p, err := a.page(m, listTenants, *in)
	if err != nil {
		return nil, err
	}
	part, err := a.Desk.Tenants(ctx, m, p)
	if err != nil {
		return nil, err
	}
	return listed(a, listing{m, listTenants, *in}, part, viewTenant(m)), nil
}

// GetTenant is a tenant.
func (a *API) GetTenant(ctx context.Context, m broker.Mandate, in *TenantIn) (*One[Tenant], error) {
	t, err := a.Desk.Tenant(ctx, m, provision.TenantID(in.Tenant))
	return oneTenant(m, t, err)
}

// PutTenant makes or changes a tenant.
func (a *API) PutTenant(ctx context.Context, m broker.Mandate, in *TenantPut) (*One[Tenant], error) {
	if err := m.May("tenants.put"); err != nil { // before what is wrong with the rest
		return nil, err
	}
	seen, err := in.seen()
	if err != nil {
		return nil, err
	}
	retention, err := duration("retention", in.Body.Retention)
	if err != nil {
		return nil, err
	}
	t := provision.Tenant{ID: provision.TenantID(in.Tenant), Name: cmp.Or(in.Body.Name, in.Tenant), Contact: in.Body.Contact, ContractEnd: in.Body.ContractEnd.UTC(), Retention: retention}
	if in.Body.ContractEnd.IsZero() {
		t.ContractEnd = time.Time{}
	}
	n := broker.TenantOrder{Tenant: t, Webhook: in.Body.WebhookURL, Secret: []byte(in.Body.Secret)}
	t, err = a.Desk.PutTenant(ctx, order(ctx, m, in.Body.Reason), n, seen)
	return oneTenant(m, t, err)
}

// SuspendTenant keeps everybody of a tenant out.
func (a *API) SuspendTenant(ctx context.Context, m broker.Mandate, in *TenantVerb) (*One[Revoked], error) {
	id, err := a.Desk.SuspendTenant(ctx, order(ctx, m, in.Body.Reason), provision.TenantID(in.Tenant))
	return &One[Revoked]{Body: Revoked{string(id)}}, err
}

// ResumeTenant lets them log in again.
func (a *API) ResumeTenant(ctx context.Context, m broker.Mandate, in *TenantVerb) (*None, error) {
	return &None{}, a.Desk.ResumeTenant(ctx, order(ctx, m, in.Body.Reason), provision.TenantID(in.Tenant))
}

// DeleteTenant deletes a tenant.
func (a *API) DeleteTenant(ctx context.Context, m broker.Mandate, in *TenantDelete) (*Deleted, error) {
	return deleting(ctx, func(ctx context.Context) error {
		return a.Desk.DeleteTenant(ctx, order(ctx, m, in.Reason), provision.TenantID(in.Tenant))
	})
}
