package console

import (
	"net/http"

	"leasehold/provision"
)

// domains is the list of claims on domains.
func (c *Console) domains(v *visit) error {
	found, err := v.reach.Claims(v.r.Context(), v.page())
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "domains", "Domains", list[provision.Claim]{
		cut(v, found, "after", func(x provision.Claim) string { return x.Domain.String() + "/" + string(x.Tenant) }), string(v.tenant()),
	})
}

// domainPage is one claim.
type domainPage struct {
	provision.Claim
	Name, Value string // the TXT record; "": nothing is to be published
	Found       string // what a look for it has just come to
}

// claimAt is the claim that an address names.
func (c *Console) claimAt(v *visit) (provision.Claim, error) {
	d, err := provision.ParseDomain(v.r.PathValue("domain"))
	if err != nil {
		return provision.Claim{}, provision.ErrNotFound
	}
	return v.reach.Claim(v.r.Context(), provision.TenantID(v.r.PathValue("tenant")), d)
}

// domain is the page of one claim.
func (c *Console) domain(v *visit) error {
	x, err := c.claimAt(v)
	if err != nil {
		return err
	}
	return c.showClaim(v, x, "")
}

func (c *Console) showClaim(v *visit, x provision.Claim, found string) error {
	page := domainPage{Claim: x, Found: found}
	if x.Proof == provision.ProofDNS {
		page.Name, page.Value = provision.ProofName(x.Domain), provision.ProofValue(x.Token)
	}
	return c.show(v, http.StatusOK, "domain", x.Domain.String(), page)
}

// checkDomain looks for the proof now, and says what was found.
func (c *Console) checkDomain(v *visit) error {
	x, err := c.claimAt(v)
	if err != nil {
		return err
	}
	f, err := v.reach.LookFor(v.r.Context(), c.Prover, x.Tenant, x.Domain, v.form("reason"))
	if err != nil {
		return err
	}
	return c.showClaim(v, f.Claim, f.String())
}

func (c *Console) attestation(v *visit) (provision.Claim, question, error) {
	x, err := c.claimAt(v)
	if err == nil && !v.m.Everywhere {
		err = &provision.DeniedError{Reason: provision.OfficeMissing}
	}
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
	return c.settled(v, q, v.reach.Attest(v.r.Context(), c.Prover, x.Tenant, x.Domain, v.form("reason")))
}

// place sets where a list of deliveries goes on: behind the one that the address names.
func (v *visit) place(f *provision.DeliveryFilter) error {
	id := provision.DeliveryID(v.query("after"))
	if id == "" {
		return nil
	}
	found, err := v.reach.Deliveries(v.r.Context(), provision.DeliveryFilter{ID: id, Limit: 1})
	if err == nil && len(found) == 0 {
		err = provision.ErrNotFound
	}
	if err == nil {
		f.After, f.AfterApp = found[0].Seq, found[0].App
	}
	return err
}

// placeOf names a delivery in an address. The number of its event would tell how much happens to everybody.
func placeOf(d provision.Delivery) string { return string(d.ID) }
