package broker

import (
	"context"
	"fmt"
	"time"

	"leasehold/provision"
)

// Mandate is what somebody may do as an administrator, and where. It is the first parameter of whatever administrators
// do within bounds. The zero Mandate may do nothing.
type Mandate struct {
	Actor      provision.Actor
	Behind     provision.AccountID // of the person whose session it is, or who made the token; "": not known
	Requester  provision.Requester
	Everywhere bool               // every tenant, and what belongs to none: an operator
	Tenant     provision.TenantID // this one alone, when not Everywhere
	Write      bool               // false: may only look
	Permits    []provision.Permit // of a token: this alone, as far as the rest allows it; nil: all that the rest allows
	Lease      provision.LeaseID  // of the session that it is exercised in; "": none
	Host       bool               // at the machine itself, by who could change the manifests: also over what they registered
}

// MandateOf is what the holder of a session at the SSO host may do: a DeniedError when that is nothing. An operator is
// one only in the operators' tenant.
func (b *Broker) MandateOf(s provision.Standing, from provision.Requester) (Mandate, error) {
	m := Mandate{Requester: from, Write: true, Lease: s.Lease.ID, Tenant: s.Tenant.ID, Behind: s.Account.ID}
	m.Actor = provision.Actor{Kind: provision.TenantAdmin, ID: string(s.Account.ID), Via: provision.ViaConsole}
	switch {
	case s.Tenant.ID == "" || s.Account.Tenant != s.Tenant.ID:
	case s.Account.Holds(provision.OperatorOffice) && s.Tenant.ID == b.Operators:
		m.Actor.Kind, m.Everywhere = provision.Operator, true
		return m, nil
	case s.Account.Holds(provision.TenantAdminOffice):
		return m, nil
	}
	return Mandate{}, &provision.DeniedError{Reason: provision.OfficeMissing, Tenant: s.Tenant.ID, Contact: s.Tenant.Contact}
}

// Administrator is who holds the session that a cookie of the SSO host points at, with what they may do there: a
// DeniedError when that is nothing. What administrators do counts as a use of their session.
func (b *Broker) Administrator(ctx context.Context, token string, from provision.Requester) (provision.Standing, Mandate, error) {
	s, err := b.Session(ctx, token, b.URL)
	if err != nil {
		return s, Mandate{}, err
	}
	m, err := b.MandateOf(s, from)
	if err != nil {
		return s, m, err
	}
	if now := b.Ledger.Now(); now.Sub(s.Lease.Seen) > usesEvery { // on a full disk, what ends access goes on
		b.log("write an administrator's use", b.Ledger.Used(ctx, map[provision.LeaseID]time.Time{s.Lease.ID: now}))
	}
	return s, m, nil
}

// Over is nil when m reaches tenant t. What it does not reach is not there, as far as its holder can tell.
func (m Mandate) Over(t provision.TenantID) error {
	if m.Everywhere || t != "" && t == m.Tenant {
		return nil
	}
	return fmt.Errorf("tenant %s: %w", t, provision.ErrNotFound)
}

// Within is the tenant that a list is cut to: the one that was asked for, as far as m reaches it.
func (m Mandate) Within(t provision.TenantID) (provision.TenantID, error) {
	if t == "" && !m.Everywhere {
		t = m.Tenant
	}
	if t == "" && m.Everywhere {
		return "", nil
	}
	return t, m.Over(t)
}

// Deed is what m does, and why.
func (m Mandate) Deed(why, once string) Deed {
	return Deed{Actor: m.Actor, Behind: m.Behind, Requester: m.Requester, Why: why, Once: once}
}

// Appoint gives an account an office, or takes it away. Only an operator makes operators, and only in their tenant.
func (b *Broker) Appoint(ctx context.Context, m Order, id provision.AccountID, o provision.Office, holds bool) (provision.Account, error) {
	account, _, _, err := b.Registry.Account(ctx, id)
	if err != nil {
		return account, err
	}
	if m.Over(account.Tenant) != nil {
		return provision.Account{}, fmt.Errorf("account %s: %w", id, provision.ErrNotFound)
	}
	if err := b.permitsOn(m.Mandate, "accounts.appoint", account); err != nil {
		return provision.Account{}, err
	}
	switch {
	case o == provision.OperatorOffice && !m.Everywhere:
		return provision.Account{}, &provision.DeniedError{Reason: provision.OfficeMissing}
	case o == provision.OperatorOffice && holds && (b.Operators == "" || account.Tenant != b.Operators):
		return provision.Account{}, fmt.Errorf("account %s is not of the tenant that `operators` in the configuration names: %w", id, provision.ErrConflict)
	}
	verb := provision.Dismiss(o)
	if holds {
		verb = provision.Appoint(o)
	}
	return b.Account(ctx, m.deed(), id, verb)
}
