package console

import (
	"context"
	"errors"
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
	found, err := v.desk.Connections(v.r.Context(), v.m, v.page())
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "connections", "Connections", list[provision.Connection]{
		cut(v, found, "after"), string(v.tenant()),
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
	x, err := v.desk.Connection(v.r.Context(), v.m, provision.ConnectionID(v.id()))
	if err != nil {
		return err
	}
	page := connectionPage{Connection: x, Addresses: c.Addresses(x)}
	page.InForce, page.Waiting = v.desk.Trust(x)
	for _, e := range c.Expiring() {
		if e.Connection == x.ID {
			page.Expiry = e
		}
	}
	for _, a := range connectionActs() {
		if v.m.Write && a.offered(x) && v.desk.Can(v.m, a.right(), x.Tenant) {
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
	do                func(*broker.Desk, context.Context, broker.Order, provision.ConnectionID) (provision.RevocationID, error)
}

// right is the right to it.
func (a connectionAct) right() broker.Right { return broker.Right("connections." + a.name) }

// connectionActs is everything that can be done about a connection.
func connectionActs() []connectionAct {
	held := func(x provision.Connection) bool { return x.Held && x.Removal == "" }
	return []connectionAct{
		{"confirm", "Confirm the new trust", "What is proposed takes the place of the trust in force. Sessions that began under the former trust end.", true, true, held, (*broker.Desk).ConfirmTrust},
		{"reject", "Reject the new trust", "The trust in force stays. What is rejected is not proposed again.", false, true, held,
			func(k *broker.Desk, ctx context.Context, o broker.Order, id provision.ConnectionID) (provision.RevocationID, error) {
				return "", k.RejectTrust(ctx, o, id)
			}},
		{"disable", "Disable", "Nobody logs in by this connection any more, and every session that began by it ends now.", true, false,
			func(x provision.Connection) bool { return !x.Disabled && x.Removal == "" }, (*broker.Desk).DisableConnection},
		{"enable", "Enable", "People log in by this connection again. Sessions that have ended stay ended.", false, false,
			func(x provision.Connection) bool { return x.Disabled && x.Removal == "" },
			func(k *broker.Desk, ctx context.Context, o broker.Order, id provision.ConnectionID) (provision.RevocationID, error) {
				return "", k.EnableConnection(ctx, o, id)
			}},
	}
}

func (c *Console) connectionAct(v *visit) (connectionAct, question, error) {
	x, err := v.desk.Connection(v.r.Context(), v.m, provision.ConnectionID(v.id()))
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
	if inForce, waiting := v.desk.Trust(x); waiting != "" {
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
	_, err = a.do(v.desk, v.r.Context(), v.order(), provision.ConnectionID(v.id()))
	return c.settled(v, q, err)
}

// apps is the list of apps.
func (c *Console) apps(v *visit) error {
	found, err := v.desk.Apps(v.r.Context(), v.m, v.page())
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "apps", "Apps", list[provision.App]{cut(v, found, "after"), string(v.tenant())})
}

// app is the page of one app.
func (c *Console) app(v *visit) error {
	x, err := v.desk.App(v.r.Context(), v.m, provision.AppID(v.id()))
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "app", string(x.ID), x)
}

// tenants is the list of tenants.
func (c *Console) tenants(v *visit) error {
	found, err := v.desk.Tenants(v.r.Context(), v.m, v.page())
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "tenants", "Tenants", cut(v, found, "after"))
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
	t, err := v.desk.Tenant(v.r.Context(), v.m, provision.TenantID(v.id()))
	if err != nil {
		return err
	}
	page := tenantPage{Tenant: t, Policy: t.Policy.WithDefaults(), Invites: t.Removal == "" && v.mayInvite(t.ID) == nil}
	if page.Setups, err = c.openSetups(v, t.ID); err != nil {
		return err
	}
	if page.Population, err = v.desk.Population(v.r.Context(), v.m, t.ID); err != nil {
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
	t, err := v.desk.Tenant(v.r.Context(), v.m, provision.TenantID(v.id()))
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
	if suspended {
		_, err = v.desk.SuspendTenant(v.r.Context(), v.order(), provision.TenantID(v.id()))
	} else {
		err = v.desk.ResumeTenant(v.r.Context(), v.order(), provision.TenantID(v.id()))
	}
	return c.settled(v, q, err)
}

// deliveryList is what apps could not be told.
type deliveryList struct {
	part[provision.Delivery]
	Tenant string
}

// deliveries lists what apps could not be told of ends of access.
func (c *Console) deliveries(v *visit) error {
	f := provision.DeliveryFilter{Tenant: v.tenant(), State: provision.DeliveryStuck, Limit: rows}
	if err := v.place(&f); err != nil {
		return err
	}
	found, err := v.desk.Deliveries(v.r.Context(), v.m, f)
	if err != nil {
		return err
	}
	if n := len(found.Items); found.Next != "" && n > 0 {
		found.Next = string(found.Items[n-1].ID) // the number of its event would tell how much happens to everybody
	}
	return c.show(v, http.StatusOK, "deliveries", "Stuck deliveries", deliveryList{cut(v, found, "after"), string(f.Tenant)})
}

func (c *Console) deliveryAct(v *visit) (again bool, q question, err error) {
	if _, err = v.desk.Delivery(v.r.Context(), v.m, provision.DeliveryID(v.id())); err == nil {
		err = errors.Join(v.m.May("deliveries.retry"), v.m.May("deliveries.drop"))
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
	do := v.desk.DropDelivery
	if again {
		do = v.desk.RetryDelivery
	}
	return c.settled(v, q, do(v.r.Context(), v.order(), provision.DeliveryID(v.id())))
}

// address is a path of the console with a query.
func address(path string, pairs ...string) string {
	query := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}
	return path + "?" + query.Encode()
}
