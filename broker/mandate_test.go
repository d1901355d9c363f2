package broker_test

import (
	"errors"
	"testing"

	"leasehold/broker"
	"leasehold/provision"
)

func TestAMandateReachesNoFurtherThanItsTenant(t *testing.T) {
	acme, everywhere, nobody := broker.Mandate{Tenant: "acme"}, broker.Mandate{Everywhere: true}, broker.Mandate{}
	for _, c := range []struct {
		who    broker.Mandate
		tenant provision.TenantID
		within provision.TenantID
		ok     bool
	}{
		{acme, "acme", "acme", true}, {acme, "", "acme", true}, {acme, "globex", "", false},
		{everywhere, "acme", "acme", true}, {everywhere, "", "", true},
		{nobody, "acme", "", false}, {nobody, "", "", false},
	} {
		within, err := c.who.Within(c.tenant)
		if c.ok != (err == nil) || c.ok && within != c.within || !c.ok && !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("%+v within %q: %q, %v", c.who, c.tenant, within, err)
		}
	}
	if err := nobody.Over(""); err == nil {
		t.Error("the zero mandate reaches the tenant without a name")
	}
}

func TestAnOfficeIsHeldWhereItIsOne(t *testing.T) {
	b := broker.Broker{Ports: broker.Ports{Operators: "ops"}}
	standing := func(tenant provision.TenantID, offices ...provision.Office) provision.Standing {
		return provision.Standing{Tenant: provision.Tenant{ID: tenant}, Account: provision.Account{ID: "a", Tenant: tenant, Offices: offices}}
	}
	for _, c := range []struct {
		name       string
		standing   provision.Standing
		reason     provision.Reason
		everywhere bool
	}{
		{"nobody", provision.Standing{}, provision.OfficeMissing, false},
		{"somebody", standing("acme"), provision.OfficeMissing, false},
		{"an admin", standing("acme", provision.TenantAdminOffice), "", false},
		{"an operator", standing("ops", provision.OperatorOffice), "", true},
		{"an operator of another tenant", standing("acme", provision.OperatorOffice), provision.OfficeMissing, false},
	} {
		m, err := b.MandateOf(c.standing, provision.Requester{})
		var denied *provision.DeniedError
		if errors.As(err, &denied); (c.reason == "") != (err == nil) || denied != nil && denied.Reason != c.reason {
			t.Errorf("%s: %v", c.name, err)
		}
		if m.Everywhere != c.everywhere || (err == nil) != m.Write {
			t.Errorf("%s: %+v", c.name, m)
		}
	}
}
