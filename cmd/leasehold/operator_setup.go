package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// setupView is a setup link as the operator sees it.
type setupView struct {
	ID         provision.SetupID      `json:"id"`
	Tenant     provision.TenantID     `json:"tenant"`
	Connection provision.ConnectionID `json:"connection"`
	State      string                 `json:"state"`
	Step       string                 `json:"step"`
	Created    time.Time              `json:"created"`
	Expires    time.Time              `json:"expires"`
	By         string                 `json:"by"`
	Account    provision.AccountID    `json:"account,omitempty"`
	URL        string                 `json:"url,omitempty"` // of a new one, once
}

func viewSetup(x provision.Setup) setupView {
	return setupView{
		ID: x.ID, Tenant: x.Tenant, Connection: x.Connection, State: string(x.State), Step: x.Step(), Created: x.Created, Expires: x.Expires,
		By: x.By.Kind + " " + x.By.ID, Account: x.Account,
	}
}

// mandate is what the operator at the socket may do: everything.
func mandate(d broker.Deed) broker.Mandate {
	return broker.Mandate{Actor: d.Actor, Requester: d.Requester, Everywhere: true, Write: true}
}

// setupOrder is what a setup link is made of.
type setupOrder struct {
	Tenant     provision.TenantID     `json:"tenant"`
	Connection provision.ConnectionID `json:"connection"`
	Expires    time.Duration          `json:"expires"`
}

func (o operator) createSetup(r *http.Request, d broker.Deed) (any, error) {
	var order setupOrder
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	link, err := o.gateway.broker.MakeSetup(r.Context(), mandate(d), broker.NewSetup{Tenant: order.Tenant, Connection: order.Connection, Expires: order.Expires}, d.Why)
	v := viewSetup(link.Setup)
	v.URL = link.URL
	return v, err
}

func (o operator) setups(r *http.Request, d broker.Deed) (any, error) {
	items, err := o.gateway.broker.ListSetups(r.Context(), mandate(d), pageOf(r))
	return views(items, err, viewSetup)
}

func (o operator) revokeSetup(r *http.Request, d broker.Deed) (any, error) {
	return said{}, o.gateway.broker.RevokeSetup(r.Context(), mandate(d), provision.SetupID(r.PathValue("id")), d.Why)
}
