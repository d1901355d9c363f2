package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"leasehold/broker"
	"leasehold/provision"
)

func (o operator) accounts(r *http.Request, _ broker.Deed) (any, error) {
	items, err := o.gateway.store.Accounts(r.Context(), pageOf(r))
	return viewAll(items, err, func(a provision.Account) accountView { return viewAccount(a, nil, nil) })
}

func (o operator) account(r *http.Request, _ broker.Deed) (any, error) {
	a, links, leases, err := o.gateway.store.Account(r.Context(), provision.AccountID(r.PathValue("id")))
	return viewAccount(a, links, leases), named(err, "account", r)
}

// accountOrder is what create, link, unlink, appoint and dismiss ask for.
type accountOrder struct {
	Tenant     provision.TenantID     `json:"tenant,omitempty"`
	Email      string                 `json:"email,omitempty"`
	Name       string                 `json:"name,omitempty"`
	Connection provision.ConnectionID `json:"connection,omitempty"`
	Subject    string                 `json:"subject,omitempty"`
	Office     provision.Office       `json:"office,omitempty"`
}

func (a accountOrder) key() provision.LinkKey {
	return provision.LinkKey{Connection: a.Connection, Subject: a.Subject}
}

func (o operator) createAccount(r *http.Request, d broker.Deed) (any, error) {
	var order accountOrder
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	email, err := provision.ParseEmail(order.Email)
	if err != nil {
		return nil, err
	}
	a, err := o.gateway.broker.CreateAccount(r.Context(), d, broker.NewAccount{Tenant: order.Tenant, Email: email, Name: order.Name, Link: order.key()})
	return viewAccount(a, nil, nil), err
}

func (o operator) accountVerb(r *http.Request, d broker.Deed) (any, error) {
	id := provision.AccountID(r.PathValue("id"))
	var a provision.Account
	var err error
	switch verb := r.PathValue("verb"); verb {
	case "link", "unlink", "appoint", "dismiss":
		var order accountOrder
		if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
			return nil, fmt.Errorf("order: %w", err)
		}
		if order.Office != "" {
			m := broker.Mandate{Actor: d.Actor, Requester: d.Requester, Everywhere: true, Write: true}
			a, err = o.gateway.broker.Appoint(r.Context(), m, id, order.Office, verb == "appoint", d.Why)
		} else if verb == "link" {
			a, err = o.gateway.broker.LinkAccount(r.Context(), d, id, order.key())
		} else {
			a, err = o.gateway.broker.UnlinkAccount(r.Context(), d, id, order.key())
		}
	default:
		do, ok := accountVerbs()[verb]
		if !ok {
			return nil, provision.ErrNotFound
		}
		a, err = o.gateway.broker.Account(r.Context(), d, id, do)
	}
	return viewAccount(a, nil, nil), err
}

func accountVerbs() map[string]broker.AccountVerb {
	return map[string]broker.AccountVerb{
		"approve": provision.ApproveAccount, "suspend": provision.SuspendAccount, "release": provision.ReleaseAccount,
		"revoke": provision.RevokeAccount, "restore": provision.RestoreAccount, "end": provision.EndAccount, "delete": provision.DeleteAccount,
	}
}

func (o operator) leases(r *http.Request, _ broker.Deed) (any, error) {
	items, err := o.gateway.store.Leases(r.Context(), pageOf(r))
	return viewAll(items, err, viewLease)
}

func (o operator) lease(r *http.Request, _ broker.Deed) (any, error) {
	s, err := o.gateway.store.Lease(r.Context(), provision.LeaseID(r.PathValue("id")))
	return viewLease(s.Lease), named(err, "lease", r)
}

// revokeOrder names what to revoke: exactly one of the first five.
type revokeOrder struct {
	Lease      provision.LeaseID      `json:"lease,omitempty"`
	Account    provision.AccountID    `json:"account,omitempty"`
	Connection provision.ConnectionID `json:"connection,omitempty"`
	Tenant     provision.TenantID     `json:"tenant,omitempty"`
	Domain     string                 `json:"domain,omitempty"`
	Reason     string                 `json:"reason"`
	Once       string                 `json:"once,omitempty"` // a name: asked for again under it, it is done once
}

// revoked is a revocation whose rows may still be settling; "" when there is nothing to settle.
type revoked struct {
	Revocation provision.RevocationID `json:"revocation,omitempty"`
}

func (o operator) revoke(r *http.Request, d broker.Deed) (any, error) {
	var order revokeOrder
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	d.Why, d.Once = order.Reason, order.Once
	b, ctx := o.gateway.broker, r.Context()
	switch {
	case order.Lease != "":
		if err := b.RevokeLease(ctx, d, order.Lease); err != nil {
			return nil, fmt.Errorf("lease %s: %w", order.Lease, err)
		}
		return revoked{}, nil
	case order.Account != "":
		_, err := b.Account(ctx, d, order.Account, provision.RevokeAccount)
		return revoked{}, err
	}
	scope := provision.Scope{Connection: order.Connection, Tenant: order.Tenant}
	if order.Domain != "" {
		var err error
		if scope.Domain, err = provision.ParseDomain(order.Domain); err != nil {
			return nil, err
		}
	}
	if scope == (provision.Scope{}) {
		return nil, fmt.Errorf("nothing named to revoke: %w", provision.ErrConflict)
	}
	id, err := b.Revoke(ctx, d, scope, provision.CauseAdmin)
	return revoked{id}, err
}

// revocation says whether a revocation's rows are settled.
func (o operator) revocation(r *http.Request, _ broker.Deed) (any, error) {
	settled, err := o.gateway.broker.Settled(r.Context(), provision.RevocationID(r.PathValue("id")))
	return struct {
		Settled bool `json:"settled"`
	}{settled}, err
}

func (o operator) audit(r *http.Request, _ broker.Deed) (any, error) {
	after, _ := strconv.ParseInt(r.FormValue("after"), 10, 64)
	limit, _ := strconv.Atoi(r.FormValue("limit"))
	f := provision.EventFilter{After: after, Tenant: provision.TenantID(r.FormValue("tenant")), Kind: r.FormValue("event"), Ref: r.FormValue("ref"), Limit: limit}
	events, err := o.gateway.broker.Events(r.Context(), f)
	return viewAll(events, err, viewEvent)
}

func (o operator) resetClock(r *http.Request, d broker.Deed) (any, error) {
	id, err := o.gateway.broker.ResetClock(r.Context(), d)
	return revoked{id}, err
}
