package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"leasehold/provision"
)

// Wanted is what is to be registered: the manifests, read.
type Wanted struct {
	Apps    []provision.App
	Tenants []WantedTenant
	Hooks   map[provision.AppID][]byte // of apps that are told of ends, and of tenants that are warned: what signs
}

// WantedTenant is a tenant with everything that is its own.
type WantedTenant struct {
	Tenant      provision.Tenant
	Claims      []WantedClaim
	Connections []WantedConnection
}

// WantedClaim is a domain that a tenant says is theirs.
type WantedClaim struct {
	Domain provision.Domain
	Proof  provision.Proof
}

// WantedConnection is a connection, and the secret that its row only names.
type WantedConnection struct {
	Connection provision.Connection
	Secret     []byte
}

// Plan is how to register.
type Plan struct {
	Owner  provision.Owner
	DryRun bool // say what would change, and change nothing
	Adopt  bool // take over what the other owner has
	Prune  bool // disable what this owner has and what is no longer wanted
}

// Registered is what registering changed, a line each, and what it left alone.
type Registered struct {
	Changes   []string `json:"changes"`
	Unmanaged []string `json:"unmanaged"` // registered by this owner once, and not wanted any more
	Ended     int      `json:"ended"`     // leases that pruning ended, or would end
}

// registerTries is how often registering begins again when another process changed what it had read.
const registerTries = 5

// Register makes what is registered what is wanted: all of it in one commit, or nothing. Registering the same again
// changes nothing. When another process was faster, it reads again what there is.
func (b *Broker) Register(ctx context.Context, d Deed, w Wanted, p Plan) (Registered, error) {
	b.registers.Lock()
	defer b.registers.Unlock()
	for try := 1; ; try++ {
		r, err := b.compare(ctx, d, w, p)
		if err != nil {
			return Registered{}, err
		}
		if p.DryRun || len(r.change.Events) == 0 {
			return r.report, nil
		}
		err = r.commit(ctx, d)
		if err == nil {
			return r.report, nil
		}
		if try == registerTries || !errors.Is(err, provision.ErrConflict) {
			return Registered{}, err
		}
	}
}

// compare finds what there is to change.
func (b *Broker) compare(ctx context.Context, d Deed, w Wanted, p Plan) (*registration, error) {
	a, err := b.act(d)
	if err != nil {
		return nil, err
	}
	r := &registration{b: b, act: a, plan: p}
	for _, t := range w.Tenants {
		r.tenant(ctx, t, w.Hooks[provision.HookOf(t.Tenant.ID)])
	}
	for _, app := range w.Apps {
		r.app(ctx, app, w.Hooks[app.ID])
	}
	r.restOfTenants(ctx, w)
	r.restOfApps(ctx, w)
	return r, errors.Join(r.faults...)
}

// commit writes the changes.
func (r *registration) commit(ctx context.Context, d Deed) error {
	for name, secret := range r.secrets { // before what names them; a crash in between leaves a secret that nobody names
		if err := r.b.Keys.Put(ctx, name, secret); err != nil {
			return err
		}
	}
	r.change.News.Judge = r.tightened
	var t provision.Target
	_, err := r.b.amend(ctx, t, r.b.once(d, &t, func(provision.State) (provision.Change, error) { return r.change, nil }))
	r.b.regates.add(r.tightened...) // also when nobody knows whether it was written
	return errors.Join(err, r.b.reloadApps(context.WithoutCancel(ctx)))
}

// registration is one run of Register.
type registration struct {
	b         *Broker
	act       provision.Act
	plan      Plan
	change    provision.Change
	secrets   map[string][]byte
	tightened []provision.TenantID
	report    Registered
	owned     looks // domains, with those of this run
	looked    bool
	switching bool // it is about whether a rule is disabled
	faults    []error
}

func (r *registration) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf(format, args...))
}

// remark adds lines about an object to the report.
func (r *registration) remark(name string, lines []string) {
	for _, line := range lines {
		r.report.Changes = append(r.report.Changes, name+": "+line)
	}
}

// note adds an object's differences to the report, with one event that names them.
func (r *registration) note(e provision.Event, name string, differences []string) {
	r.remark(name, differences)
	e.ID, e.Time, e.Actor, e.Changes = r.act.IDs.Event(len(r.change.Events)), r.act.Now, r.act.Actor, differences
	e.Personal = provision.Personal{Requester: r.act.Requester, Detail: r.act.Why}
	r.change.Events = append(r.change.Events, e)
}

// beingDeleted is what there is to say of an object that is on its way out.
const beingDeleted = "is being deleted, and not registered; finish that with `delete`, then apply again"

// mine reports whether this owner may change an object of that owner.
func (r *registration) mine(name string, owner provision.Owner) bool {
	if owner == "" || owner == r.plan.Owner || r.plan.Adopt {
		return true
	}
	r.fault("%s: managed_by_%s: %w", name, owner, ErrManaged)
	return false
}

// found is false when there is nothing under that name, and a fault when nobody can tell.
func (r *registration) found(name string, err error) bool {
	if err != nil && !errors.Is(err, provision.ErrNotFound) {
		r.fault("%s: %w", name, err)
	}
	return err == nil
}

func (r *registration) tenant(ctx context.Context, w WantedTenant, hook []byte) {
	name := "tenant " + string(w.Tenant.ID)
	old, err := r.b.Registry.Tenant(ctx, w.Tenant.ID)
	exists := r.found(name, err)
	if !r.mine(name, old.Owner) {
		return
	}
	switch old.Removal {
	case provision.Removing:
		r.remark(name, []string{beingDeleted})
		return
	case provision.Removed: // it is made anew, above every generation of the former one
		exists, old.Suspended = false, false
	}
	t := w.Tenant
	t.Policy = t.Policy.WithDefaults()
	if exists && !r.switching {
		t.Policy = t.Policy.WithSwitchesOf(old.Policy)
	}
	r.rekeyed(ctx, name, t.Policy, old.Policy)
	for _, fault := range r.b.faultsOf(t.Policy) {
		r.fault("%s: policy.%s: %w", name, fault, provision.ErrConflict)
	}
	t.Suspended, t.Generation, t.Voided, t.Revision = old.Suspended, old.Generation, old.Voided, old.Revision
	t.Owner, t.Policy.Version = r.plan.Owner, old.Policy.Version
	if len(hook) > 0 {
		t.Hook.Secret = r.secret("tenant/"+string(t.ID), hook)
		t.Hook = t.Hook.After(old.Hook, r.b.Now().Add(formerHook))
	}
	if policy := differences(exists, policyFields(old.Policy), policyFields(t.Policy)); len(policy) > 0 {
		t.Policy.Version++
		r.note(provision.Event{Kind: provision.EventPolicyChanged, Tenant: t.ID, Decision: provision.DecisionRef{PolicyVersion: t.Policy.Version}}, name+": policy", policy)
	}
	if other := differences(exists, tenantFields(old), tenantFields(t)); len(other) > 0 || !exists {
		r.note(provision.Event{Kind: provision.EventTenantChanged, Tenant: t.ID, Outcome: outcome(exists)}, name, lines(exists, other))
	}
	if !exists || t.Policy.Version != old.Policy.Version || !sameFields(tenantFields(old), tenantFields(t)) {
		t.Revision++
		r.change.Tenants = append(r.change.Tenants, t)
		r.tightened = append(r.tightened, t.ID)
	}
	for _, c := range w.Claims {
		r.claim(ctx, t, c)
	}
	for _, c := range w.Connections {
		r.connection(ctx, t.ID, c)
	}
}

func (r *registration) connection(ctx context.Context, t provision.TenantID, w WantedConnection) {
	c := w.Connection
	name := "connection " + string(c.ID)
	old, err := r.b.Registry.Connection(ctx, c.ID)
	exists := r.found(name, err)
	if !r.mine(name, old.Owner) {
		return
	}
	if exists && old.Tenant != t {
		r.fault("%s: is one of tenant %s: %w", name, old.Tenant, provision.ErrConflict)
		return
	}
	switch old.Removal {
	case provision.Removing:
		r.remark(name, []string{beingDeleted})
		return
	case provision.Removed:
		exists, old = false, provision.Connection{Generation: old.Generation, Revision: old.Revision}
	}
	if exists && !r.sameSubjects(ctx, name, c, old) {
		return
	}
	c.Tenant, c.Disabled, c.Generation, c.Owner, c.Revision = t, old.Disabled, old.Generation, r.plan.Owner, old.Revision
	c, trust, news := r.b.retain(c, old)
	if len(w.Secret) > 0 {
		c.ClientSecret = r.secret(string(c.ID), w.Secret)
	}
	changed := differences(exists, connectionFields(old), connectionFields(c))
	if exists && len(changed) == 0 && !news {
		r.remark(name, trust)
		return
	}
	c.Revision++
	r.change.Connections = append(r.change.Connections, c)
	r.tightened = append(r.tightened, t)
	event := provision.Event{Kind: provision.EventConnectionChanged, Tenant: t, Connection: c.ID, Outcome: outcome(exists)}
	if news && c.Held {
		event.Outcome = "held"
	}
	r.note(event, name, lines(exists, append(changed, trust...)))
}

// secret is a secret's name. It is stored before what names it.
func (r *registration) secret(owner string, secret []byte) string {
	name := r.b.secretName(owner, secret)
	if r.secrets == nil {
		r.secrets = map[string][]byte{}
	}
	r.secrets[name] = secret
	return name
}

// formerHook is how long a webhook's former secret still signs.
const formerHook = 24 * time.Hour

func (r *registration) app(ctx context.Context, app provision.App, hook []byte) {
	name := "app " + string(app.ID)
	old, err := r.b.Registry.App(ctx, app.ID)
	exists := r.found(name, err)
	if !r.mine(name, old.Owner) {
		return
	}
	if old.Removal != "" { // it is made anew
		exists, old = false, provision.App{Revision: old.Revision}
	}
	app.Owner, app.Revision = r.plan.Owner, old.Revision
	if len(hook) > 0 {
		app.Notify.Secret = r.secret("app/"+string(app.ID), hook)
		app.Notify = app.Notify.After(old.Notify, r.b.Now().Add(formerHook))
	}
	changed := differences(exists, appFields(old), appFields(app))
	if exists && len(changed) == 0 {
		return
	}
	app.Revision++
	r.change.Apps = append(r.change.Apps, app)
	r.note(provision.Event{Kind: provision.EventAppChanged, App: app.ID, Outcome: outcome(exists)}, name, lines(exists, changed))
}

// restOfTenants is what this owner registered once and does not want any more: listed, and with Prune, connections are
// disabled. A tenant without connections lets nobody in.
func (r *registration) restOfTenants(ctx context.Context, w Wanted) {
	tenants, connections := map[provision.TenantID]bool{}, map[provision.ConnectionID]bool{}
	for _, t := range w.Tenants {
		tenants[t.Tenant.ID] = true
		for _, c := range t.Connections {
			connections[c.Connection.ID] = true
		}
	}
	registered, err := all(ctx, r.b.Registry.Tenants, func(t provision.Tenant) string { return string(t.ID) })
	if err != nil {
		r.fault("tenants: %w", err)
	}
	for _, t := range registered {
		if t.Owner == r.plan.Owner && !tenants[t.ID] {
			r.report.Unmanaged = append(r.report.Unmanaged, "tenant "+string(t.ID))
		}
	}
	known, err := all(ctx, r.b.Registry.Connections, func(c provision.Connection) string { return string(c.ID) })
	if err != nil {
		r.fault("connections: %w", err)
	}
	for _, c := range known {
		if c.Owner != r.plan.Owner || connections[c.ID] || c.Disabled {
			continue
		}
		r.unmanaged(ctx, "connection "+string(c.ID), func() {
			c.Disabled, c.Revision, c.Generation = true, c.Revision+1, c.Generation+1
			r.change.Connections = append(r.change.Connections, c)
			r.revoke(provision.Scope{Connection: c.ID}, c.Tenant)
		}, func(l provision.Lease) bool { return l.Connection == c.ID }, c.Tenant)
	}
}

// restOfApps is the same of apps.
func (r *registration) restOfApps(ctx context.Context, w Wanted) {
	known, err := all(ctx, r.b.Registry.Apps, func(a provision.App) string { return string(a.ID) })
	if err != nil {
		r.fault("apps: %w", err)
	}
	for _, a := range known {
		if a.Owner != r.plan.Owner || len(a.Tenants) == 0 || slices.ContainsFunc(w.Apps, func(x provision.App) bool { return x.ID == a.ID }) {
			continue
		}
		r.unmanaged(ctx, "app "+string(a.ID), func() {
			a.Tenants, a.Public, a.Revision = nil, nil, a.Revision+1
			r.change.Apps = append(r.change.Apps, a)
			r.note(provision.Event{Kind: provision.EventAppChanged, App: a.ID, Outcome: "disabled"}, "app "+string(a.ID), []string{"disabled: nobody may enter"})
		}, nil, "")
	}
	r.origins(known)
}

// origins sees to it that each origin is one app's, with what this run changes.
func (r *registration) origins(known []provision.App) {
	holder := map[provision.Origin]provision.AppID{}
	for _, a := range slices.Concat(r.change.Apps, slices.DeleteFunc(known, func(a provision.App) bool {
		return slices.ContainsFunc(r.change.Apps, func(x provision.App) bool { return x.ID == a.ID })
	})) {
		for _, o := range a.Origins {
			if other, taken := holder[o]; taken {
				r.fault("app %s: %s is an origin of app %s: %w", other, o, a.ID, provision.ErrConflict)
			}
			holder[o] = a.ID
		}
	}
}

func (r *registration) unmanaged(ctx context.Context, name string, disable func(), below func(provision.Lease) bool, t provision.TenantID) {
	r.report.Unmanaged = append(r.report.Unmanaged, name)
	if !r.plan.Prune {
		return
	}
	if below != nil {
		leases, err := all(ctx, func(ctx context.Context, p provision.Page) ([]provision.Lease, error) {
			p.Tenant = t
			return r.b.Registry.Leases(ctx, p)
		}, func(l provision.Lease) string { return string(l.ID) })
		if err != nil {
			r.fault("%s: %w", name, err)
		}
		for _, l := range leases {
			if below(l) {
				r.report.Ended++
			}
		}
	}
	disable()
}

// revoke notes that everything below a pruned object ends.
func (r *registration) revoke(scope provision.Scope, t provision.TenantID) {
	v := provision.Revocation{ID: provision.RevocationID("rev_" + draw()), Tenant: t, Scope: scope, Cause: provision.CauseConnectionDisabled, Note: "pruned", Actor: r.act.Actor, Requested: r.act.Now}
	r.change.Revocations = append(r.change.Revocations, v)
	r.note(provision.Event{Kind: provision.EventConnectionChanged, Tenant: t, Connection: scope.Connection, Outcome: "disabled",
		Revocation: provision.RevocationRef{ID: v.ID, Cause: v.Cause, RequestedAt: v.Requested, EffectiveAt: v.Requested}},
		"connection "+string(scope.Connection), []string{"disabled: no longer in the manifests"})
}
