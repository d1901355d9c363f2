package console

import (
	"net/http"

	"leasehold/broker"
	"leasehold/provision"
)

// domains is the list of claims on domains.
func (c *Console) domains(v *visit) error {
	found, err := v.desk.Domains(v.r.Context(), v.m, v.page())
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "domains", "Domains", list[provision.Claim]{
		cut(v, found, "after"), string(v.tenant()),
	})
}

// domainPage is one claim.
type domainPage struct {
	provision.Claim
	Name, Value string // the TXT record; "": nothing is to be published
	Found       string // what a look for the proof has just come to
}

// claimAt is the claim that an address names.
func (c *Console) claimAt(v *visit) (broker.Showing, error) {
	d, err := provision.ParseDomain(v.r.PathValue("domain"))
	if err != nil {
		return broker.Showing{}, provision.ErrNotFound
	}
	return v.desk.Domain(v.r.Context(), v.m, provision.TenantID(v.r.PathValue("tenant")), d)
}

// domain is the page of one claim.
func (c *Console) domain(v *visit) error {
	x, err := c.claimAt(v)
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "domain", x.Claim.Domain.String(), domainPage{x.Claim, x.Name, x.Value, ""})
}

// checkDomain looks for the proof now, and says what was found.
func (c *Console) checkDomain(v *visit) error {
	x, err := c.claimAt(v)
	if err != nil {
		return err
	}
	f, err := v.desk.CheckDomain(v.r.Context(), v.order(), x.Claim.Tenant, x.Claim.Domain)
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "domain", f.Claim.Domain.String(), domainPage{f.Claim, x.Name, x.Value, f.String()})
}

func (c *Console) attestation(v *visit) (provision.Claim, question, error) {
	at, err := c.claimAt(v)
	if err == nil {
		err = v.m.May("domains.attest")
	}
	x := at.Claim
	return x, question{
		Title: "Attest the domain", Of: x.Domain.String(), Button: "Attest", Danger: true, Why: true, Back: "/admin/domains/" + string(x.Tenant) + "/" + x.Domain.String(),
		Text: []string{"The domain is the tenant’s by your word. Nobody checks it, now or later, and the audit says so."},
	}, err
}

// askAttest asks before an operator's word is taken.
func (c *Console) askAttest(v *visit) error {
	_, q, err := c.attestation(v)
	if err != nil {
		return err
	}
	return c.ask(v, q)
}

// doAttest takes it.
func (c *Console) doAttest(v *visit) error {
	x, q, err := c.attestation(v)
	if err != nil {
		return err
	}
	if ok, err := c.answered(v, q); !ok {
		return err
	}
	_, err = v.desk.AttestDomain(v.r.Context(), v.order(), x.Tenant, x.Domain)
	return c.settled(v, q, err)
}

// place sets where a list of deliveries goes on: behind the one that the address names.
func (v *visit) place(f *provision.DeliveryFilter) error {
	id := provision.DeliveryID(v.query("after"))
	if id == "" {
		return nil
	}
	d, err := v.desk.Delivery(v.r.Context(), v.m, id)
	f.After, f.AfterApp = d.Seq, d.App
	return err
}
