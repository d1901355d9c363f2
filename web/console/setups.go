package console

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// setupLives are how long a link may work, as the form says it; the first is meant unless another is chosen.
func setupLives() []setupLife {
	const day = 24 * time.Hour
	return []setupLife{{"3 days", broker.SetupLife}, {"1 day", day}, {"7 days", 7 * day}, {"30 days", 30 * day}}
}

type setupLife struct {
	Text string
	For  time.Duration
}

// setupPage is a link that was just made: it is shown on this page, and never again.
type setupPage struct {
	broker.SetupLink
	Tenant provision.Tenant
}

// mayInvite is nil for whoever may make setup links of a tenant, and withdraw them.
func (v *visit) mayInvite(id provision.TenantID) error {
	if v.desk.Can(v.m, "setups.create", id) {
		return nil
	}
	return &provision.DeniedError{Reason: provision.OfficeMissing}
}

// openSetups are a tenant's links that work; nobody else is told that there are any.
func (c *Console) openSetups(v *visit, id provision.TenantID) ([]provision.Setup, error) {
	if v.mayInvite(id) != nil {
		return nil, nil
	}
	found, err := v.desk.LiveSetups(v.r.Context(), v.m, provision.Page{Tenant: id, Limit: rows})
	return found.Items, err
}

func (c *Console) newSetup(v *visit) (provision.Tenant, question, error) {
	t, err := v.desk.Tenant(v.r.Context(), v.m, provision.TenantID(v.id()))
	if err == nil {
		err = v.mayInvite(t.ID)
	}
	q := question{
		Title: "Make a setup link", Of: first(t.Name, string(t.ID)), Button: "Make the link", Back: "/admin/tenants/" + string(t.ID),
		Text: []string{
			"Whoever opens it registers one identity provider of this tenant, step by step: its metadata, the proof of the domain, a test login.",
			"Who then comes in first by that connection becomes an administrator of the tenant. Give the link to nobody but the person whom you mean.",
		},
		Fields: []field{{Name: "life", Label: "It works for"}},
	}
	for _, life := range setupLives() {
		q.Fields[0].Choices = append(q.Fields[0].Choices, life.Text)
	}
	return t, q, err
}

// askSetup asks before a link is made.
func (c *Console) askSetup(v *visit) error {
	_, q, err := c.newSetup(v)
	if err != nil {
		return err
	}
	return c.ask(v, q)
}

// makeSetup makes a link, and shows it.
func (c *Console) makeSetup(v *visit) error {
	t, q, err := c.newSetup(v)
	if err != nil {
		return err
	}
	lives := setupLives()
	at := slices.IndexFunc(lives, func(l setupLife) bool { return l.Text == v.form("life") })
	if at < 0 {
		return c.askAgain(v, q, http.StatusUnprocessableEntity, "Choose how long it works.")
	}
	link, err := v.desk.MakeSetup(v.r.Context(), v.order(), broker.NewSetup{Tenant: t.ID, Expires: lives[at].For})
	if err != nil {
		return c.settled(v, q, err)
	}
	return c.show(v, http.StatusOK, "setup", "A setup link for "+first(t.Name, string(t.ID)), setupPage{link, t})
}

func (c *Console) setupOf(v *visit) (provision.Setup, question, error) {
	x, err := v.desk.Setup(v.r.Context(), v.m, provision.SetupID(v.r.PathValue("setup")))
	if err == nil && x.Tenant != provision.TenantID(v.id()) {
		err = fmt.Errorf("setup %s: %w", x.ID, provision.ErrNotFound)
	}
	if err == nil {
		err = v.mayInvite(x.Tenant)
	}
	return x, question{
		Title: "Withdraw the setup link", Of: "For " + string(x.Connection), Button: "Withdraw", Danger: true, Back: "/admin/tenants/" + string(x.Tenant),
		Text: []string{"The link opens nothing any more, and nobody comes in by its invitation. What was registered by it stays as it is."},
	}, err
}

// askWithdraw asks before a link is withdrawn.
func (c *Console) askWithdraw(v *visit) error {
	_, q, err := c.setupOf(v)
	if err != nil {
		return err
	}
	return c.ask(v, q)
}

// doWithdraw withdraws it.
func (c *Console) doWithdraw(v *visit) error {
	x, q, err := c.setupOf(v)
	if err != nil {
		return err
	}
	return c.settled(v, q, v.desk.WithdrawSetup(v.r.Context(), v.order(), x.ID))
}
