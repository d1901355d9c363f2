package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"leasehold/broker"
	"leasehold/provision"
)

// list is a list, and the tenant that it is cut to.
type list[T any] struct {
	part[T]
	Tenant string
}

// connections is the list of connections.
func (c *Console) connections(v *visit) error {
	found, err := v.reach.Connections(v.r.Context(), v.page())
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "connections", "Connections", list[provision.Connection]{
		cut(v, found, "after", func(x provision.Connection) string { return string(x.ID) }), string(v.tenant()),
	})
}

// connectionPage is one connection.
type connectionPage struct {
	provision.Connection
	InForce, Waiting string
	Expiry           broker.Expiry
	Addresses        []Address
	Acts             []actLink
}

// connection is the page of one connection.
func (c *Console) connection(v *visit) error {
	x, err := v.reach.Connection(v.r.Context(), provision.ConnectionID(v.id()))
	if err != nil {
		return err
	}
	page := connectionPage{Connection: x, Addresses: c.Addresses(x)}
	page.InForce, page.Waiting = v.reach.Trust(x)
	for _, e := range c.Expiring() {
		if e.Connection == x.ID {
			page.Expiry = e
		}
	}
	for _, a := range connectionActs() {
		if v.m.Write && a.offered(x) && v.reach.Can(a.right(), x.Tenant) {
			page.Acts = append(page.Acts, actLink{v.r.URL.Path + "/" + a.name, a.title, a.danger})
		}
	}
	if v.m.Write && x.Removal == "" {
		page.Acts = append(page.Acts, actLink{v.r.URL.Path + "/test", "Try a login", false})
	}
	return c.show(v, http.StatusOK, "connection", string(x.ID), page)
}

// connectionAct is something that is done about a connection.
type connectionAct struct {
	name, title, text string
	danger, why       bool
	offered           func(provision.Connection) bool
	do                broker.ConnectionVerb
}

// right is the right to it.
func (a connectionAct) right() broker.Right { return broker.Right("connections." + a.name) }

// connectionActs is everything that can be done about a connection.
func connectionActs() []connectionAct {
	held := func(x provision.Connection) bool { return x.Held && x.Removal == "" }
	return []connectionAct{
		{"confirm", "Confirm the new trust", "What is proposed takes the place of the trust in force. Sessions that began under the former trust end.", true, true, held,
			func(b *broker.Broker, ctx context.Context, d broker.Deed, id provision.ConnectionID) error {
				_, err := b.ConfirmTrust(ctx, d, id)
				return err
			}},
		{"reject", "Reject the new trust", "The trust in force stays. What is rejected is not proposed again.", false, true, held, (*broker.Broker).RejectTrust},
		{"disable", "Disable", "Nobody logs in by this connection any more, and every session that began by it ends now.", true, false,
			func(x provision.Connection) bool { return !x.Disabled && x.Removal == "" },
			func(b *broker.Broker, ctx context.Context, d broker.Deed, id provision.ConnectionID) error {
				_, err := b.DisableConnection(ctx, d, id)
				return err
			}},
		{"enable", "Enable", "People log in by this connection again. Sessions that have ended stay ended.", false, false,
			func(x provision.Connection) bool { return x.Disabled && x.Removal == "" }, (*broker.Broker).EnableConnection},
	}
}

func (c *Console) connectionAct(v *visit) (connectionAct, question, error) {
	x, err := v.reach.Connection(v.r.Context(), provision.ConnectionID(v.id()))
	if err != nil {
		return connectionAct{}, question{}, err
	}
	acts := connectionActs()
	at := slices.IndexFunc(acts, func(a connectionAct) bool { return a.name == v.r.PathValue("act") })
	if at < 0 {
		return connectionAct{}, question{}, provision.ErrNotFound
	}
	a := acts[at]
	q := question{Title: a.title, Of: string(x.ID), Text: []string{a.text}, Button: a.title, Danger: a.danger, Why: a.why, Back: "/admin/connections/" + string(x.ID)}
	if inForce, waiting := v.reach.Trust(x); waiting != "" {
		q.Text = append(q.Text, "In force: "+inForce, "Proposed: "+waiting)
	}
	return a, q, nil
}

// askConnectionAct asks before something is done about a connection.
func (c *Console) askConnectionAct(v *visit) error {
	_, q, err := c.connectionAct(v)
	if err != nil {
		return err
	}
	return c.ask(v, q)
}

// doConnectionAct does it.
func (c *Console) doConnectionAct(v *visit) error {
	a, q, err := c.connectionAct(v)
	if err != nil {
		return err
	}
	if ok, err := c.answered(v, q); !ok {
		return err
	}
	return c.settled(v, q, v.reach.OnConnection(v.r.Context(), provision.ConnectionID(v.id()), a.right(), a.do, v.form("reason")))
}

// apps is the list of apps.
func (c *Console) apps(v *visit) error {
	found, err := v.reach.Apps(v.r.Context(), v.page())
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "apps", "Apps", list[provision.App]{cut(v, found, "after", func(x provision.App) string { return string(x.ID) }), string(v.tenant())})
}

// app is the page of one app.
func (c *Console) app(v *visit) error {
	x, err := v.reach.App(v.r.Context(), provision.AppID(v.id()))
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "app", string(x.ID), x)
}

// tenants is the list of tenants.
func (c *Console) tenants(v *visit) error {
	found, err := v.reach.Tenants(v.r.Context(), v.page())
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "tenants", "Tenants", cut(v, found, "after", func(x provision.Tenant) string { return string(x.ID) }))
}

// tenantPage is one tenant.
type tenantPage struct {
	provision.Tenant
	Policy     provision.Policy
	Population provision.Population
	Acts       []actLink
	Invites    bool // whoever looks may make setup links
	Setups     []provision.Setup
}

// tenant is the page of one tenant.
func (c *Console) tenant(v *visit) error {
	t, err := v.reach.Tenant(v.r.Context(), provision.TenantID(v.id()))
	if err != nil {
		return err
	}
	page := tenantPage{Tenant: t, Policy: t.Policy.WithDefaults(), Invites: t.Removal == "" && v.mayInvite(t.ID) == nil}
	if page.Setups, err = c.openSetups(v, t.ID); err != nil {
		return err
	}
	if page.Population, err = v.reach.Population(v.r.Context(), t.ID); err != nil {
		return err
	}
	if v.m.Everywhere && v.m.Write && t.Removal == "" {
		act := actLink{v.r.URL.Path + "/suspend", "Suspend", true}
		if t.Suspended {
			act = actLink{v.r.URL.Path + "/resume", "Resume", false}
		}
		page.Acts = []actLink{act}
	}
	return c.show(v, http.StatusOK, "tenant", first(t.Name, string(t.ID)), page)
}

// first is the first of texts that says something.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func (c *Console) tenantAct(v *visit) (suspended bool, q question, err error) {
	t, err := v.reach.Tenant(v.r.Context(), provision.TenantID(v.id()))
	if err != nil {
		return false, q, err
	}
	q = question{Of: first(t.Name, string(t.ID)), Back: "/admin/tenants/" + string(t.ID)}
	switch v.r.PathValue("act") {
	case "suspend":
		q.Title, q.Button, q.Danger = "Suspend the tenant", "Suspend", true
		q.Text = []string{"Every session of every account of this tenant ends now, and nobody of it logs in until you resume it."}
		if t.ID == v.who.Tenant.ID {
			q.Text = append(q.Text, "This is your own tenant: you are logged out with everybody else, and only the command line can resume it.")
		}
		return true, q, nil
	case "resume":
		q.Title, q.Button, q.Text = "Resume the tenant", "Resume", []string{"People of this tenant may log in again. Sessions that have ended stay ended."}
		return false, q, nil
	}
	return false, q, provision.ErrNotFound
}

// askTenantAct asks before something is done about a tenant: an operator's.
func (c *Console) askTenantAct(v *visit) error {
	_, q, err := c.tenantAct(v)
	if err != nil {
		return err
	}
	if !v.m.Everywhere {
		return &provision.DeniedError{Reason: provision.OfficeMissing}
	}
	return c.ask(v, q)
}

// doTenantAct does it.
func (c *Console) doTenantAct(v *visit) error {
	suspended, q, err := c.tenantAct(v)
	if err != nil {
		return err
	}
	return c.settled(v, q, v.reach.HoldTenant(v.r.Context(), provision.TenantID(v.id()), suspended, v.form("reason")))
}

// deliveryList is what apps could not be told.
type deliveryList struct {
	part[provision.Delivery]
	Tenant string
}

// deliveries lists what apps could not be told of ends of access.
func (c *Console) deliveries(v *visit) error {
	f := provision.DeliveryFilter{Tenant: v.tenant(), State: provision.DeliveryStuck, Limit: rows + 1}
	if err := v.place(&f); err != nil {
		return err
	}
	found, err := v.reach.Deliveries(v.r.Context(), f)
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "deliveries", "Stuck deliveries", deliveryList{cut(v, found, "after", placeOf), string(f.Tenant)})
}

func (c *Console) deliveryAct(v *visit) (again bool, q question, err error) {
	found, err := v.reach.Deliveries(v.r.Context(), provision.DeliveryFilter{ID: provision.DeliveryID(v.id()), Limit: 1})
	if err == nil && len(found) == 0 {
		err = provision.ErrNotFound
	}
	if err == nil {
		err = v.reach.MayDeliver()
	}
	if err != nil {
		return false, q, err
	}
	q = question{Of: v.id(), Back: "/admin/deliveries"}
	switch v.r.PathValue("act") {
	case "retry":
		q.Title, q.Button, q.Text = "Try again", "Try again", []string{"The app is told at once, and again for a day if it does not confirm."}
		return true, q, nil
	case "drop":
		q.Title, q.Button, q.Danger, q.Why = "Give up", "Give up", true, true
		q.Text = []string{"The app is not told that this access ended. What it keeps for this account is then yours to clear."}
		return false, q, nil
	}
	return false, q, provision.ErrNotFound
}

// askDeliveryAct asks before something is done about a delivery.
func (c *Console) askDeliveryAct(v *visit) error {
	_, q, err := c.deliveryAct(v)
	if err != nil {
		return err
	}
	return c.ask(v, q)
}

// doDeliveryAct does it.
func (c *Console) doDeliveryAct(v *visit) error {
	again, q, err := c.deliveryAct(v)
	if err != nil {
		return err
	}
	if ok, err := c.answered(v, q); !ok {
		return err
	}
	return c.settled(v, q, v.reach.Deliver(v.r.Context(), provision.DeliveryID(v.id()), again, v.form("reason")))
}

// address is a path of the console with a query.
func address(path string, pairs ...string) string {
	query := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}
	return path + "?" + query.Encode()
}
