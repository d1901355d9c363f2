package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"leasehold/broker"
	"leasehold/config"
	"leasehold/provision"
)

// applyOrder is what apply asks for. The server reads the files itself: secrets do not travel.
type applyOrder struct {
	Files  []string `json:"files"`
	DryRun bool     `json:"dry_run"`
	Adopt  bool     `json:"adopt"`
	Prune  bool     `json:"prune"`
}

func (o operator) apply(r *http.Request, d broker.Deed) (any, error) {
	var order applyOrder
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	manifest, faults := config.LoadManifests(order.Files, o.gateway.environ, judge(o.gateway.config.URL, time.Now()))
	if len(faults) > 0 {
		return nil, faults
	}
	done, err := o.gateway.broker.Register(r.Context(), d, wanted(manifest), broker.Plan{Owner: provision.ByManifest, DryRun: order.DryRun, Adopt: order.Adopt, Prune: order.Prune})
	if err == nil && !order.DryRun {
		o.gateway.prompt()
	}
	return registeredView{done, order.DryRun}, err
}

func (o operator) tenants(r *http.Request, _ broker.Deed) (any, error) {
	items, err := o.gateway.store.Tenants(r.Context(), pageOf(r))
	items = slices.DeleteFunc(items, func(t provision.Tenant) bool { return t.Removal == provision.Removed })
	return viewAll(items, err, viewTenant)
}

func (o operator) tenant(r *http.Request, _ broker.Deed) (any, error) {
	t, err := o.gateway.store.Tenant(r.Context(), provision.TenantID(r.PathValue("id")))
	if t.Removal == provision.Removed {
		t, err = provision.Tenant{}, provision.ErrNotFound
	}
	return viewTenant(t), named(err, "tenant", r)
}

func (o operator) tenantVerb(r *http.Request, d broker.Deed) (any, error) {
	id := provision.TenantID(r.PathValue("id"))
	switch r.PathValue("verb") {
	case "suspend":
		revocation, err := o.gateway.broker.SuspendTenant(r.Context(), d, id)
		return revoked{revocation}, err
	case "resume":
		return said{}, o.gateway.broker.ResumeTenant(r.Context(), d, id)
	case "delete":
		return deleting(r, func(ctx context.Context) error { return o.gateway.broker.DeleteTenant(ctx, d, id) })
	}
	return nil, provision.ErrNotFound
}

func (o operator) domains(r *http.Request, _ broker.Deed) (any, error) {
	items, err := o.gateway.store.Claims(r.Context(), pageOf(r))
	items = slices.DeleteFunc(items, provision.Claim.Withdrawn)
	return viewAll(items, err, viewClaim)
}

// domain is every claim on one domain.
func (o operator) domain(r *http.Request, _ broker.Deed) (any, error) {
	claims, err := o.claims(r)
	return viewAll(claims, err, viewClaim)
}

func (o operator) claims(r *http.Request) ([]provision.Claim, error) {
	d, err := provision.ParseDomain(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	claims, err := o.gateway.broker.Claims(r.Context(), d)
	claims = slices.DeleteFunc(claims, provision.Claim.Withdrawn)
	if err == nil && len(claims) == 0 {
		err = fmt.Errorf("claim on %s: %w", d, provision.ErrNotFound)
	}
	return claims, err
}

// checkedView is what a look for a proof found.
type checkedView struct {
	claimView
	Text string `json:"text"`
}

// checkDomain looks for the proof of a claim now.
func (o operator) checkDomain(r *http.Request, d broker.Deed) (any, error) {
	claims, err := o.claims(r)
	if err != nil {
		return nil, err
	}
	tenant := provision.TenantID(r.FormValue("tenant"))
	if tenant == "" && len(claims) > 1 {
		return nil, fmt.Errorf("several tenants claim %s; say which with --tenant: %w", claims[0].Domain, provision.ErrConflict)
	}
	if tenant == "" {
		tenant = claims[0].Tenant
	}
	f, err := o.gateway.prover.Check(r.Context(), d, tenant, claims[0].Domain)
	if err != nil {
		return nil, err
	}
	warnings, err := o.gateway.broker.Lookalikes(r.Context(), tenant, claims[0].Domain)
	return checkedView{viewClaim(f.Claim), strings.Join(append([]string{f.String()}, warnings...), "\n")}, err
}

// attestDomain takes the operator's word for a claim.
func (o operator) attestDomain(r *http.Request, deed broker.Deed) (any, error) {
	d, err := provision.ParseDomain(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	c, err := o.gateway.prover.Attest(r.Context(), deed, provision.TenantID(r.FormValue("tenant")), d)
	if err != nil {
		return nil, err
	}
	v := viewClaim(c)
	v.Warnings, err = o.gateway.broker.Lookalikes(r.Context(), c.Tenant, d)
	return v, err
}

func (o operator) connections(r *http.Request, _ broker.Deed) (any, error) {
	items, err := o.gateway.store.Connections(r.Context(), pageOf(r))
	items = slices.DeleteFunc(items, func(c provision.Connection) bool { return c.Removal == provision.Removed })
	return viewAll(items, err, o.viewConnection)
}

func (o operator) viewConnection(c provision.Connection) connectionView {
	return viewConnection(c, addresses{o.gateway.config.URL})
}

func (o operator) connection(r *http.Request, _ broker.Deed) (any, error) {
	c, err := o.gateway.store.Connection(r.Context(), provision.ConnectionID(r.PathValue("id")))
	if c.Removal == provision.Removed {
		c, err = provision.Connection{}, provision.ErrNotFound
	}
	return o.viewConnection(c), named(err, "connection", r)
}

func (o operator) connectionVerb(r *http.Request, d broker.Deed) (any, error) {
	id := provision.ConnectionID(r.PathValue("id"))
	switch r.PathValue("verb") {
	case "disable":
		revocation, err := o.gateway.broker.DisableConnection(r.Context(), d, id)
		return revoked{revocation}, err
	case "enable":
		return said{}, o.gateway.broker.EnableConnection(r.Context(), d, id)
	case "confirm":
		revocation, err := o.gateway.broker.ConfirmTrust(r.Context(), d, id)
		return revoked{revocation}, err
	case "reject":
		return said{}, o.gateway.broker.RejectTrust(r.Context(), d, id)
	case "delete":
		return deleting(r, func(ctx context.Context) error { return o.gateway.broker.DeleteConnection(ctx, d, id) })
	}
	return nil, provision.ErrNotFound
}

func (o operator) apps(r *http.Request, _ broker.Deed) (any, error) {
	items, err := o.gateway.store.Apps(r.Context(), pageOf(r))
	return viewAll(items, err, viewApp)
}

func (o operator) app(r *http.Request, _ broker.Deed) (any, error) {
	a, err := o.gateway.store.App(r.Context(), provision.AppID(r.PathValue("id")))
	v := viewApp(a)
	if err == nil && a.Notify.Secret != "" {
		var told broker.Confirmations
		told, err = o.gateway.broker.Confirmations(r.Context(), a.ID)
		v.Notify = viewNotify(a.Notify, told)
	}
	return v, named(err, "app", r)
}

// named says what was not found.
func named(err error, what string, r *http.Request) error {
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, r.PathValue("id"), err)
	}
	return nil
}
