package broker

import (
	"context"
	"errors"
	"strings"

	"leasehold/provision"
)

// CodePrefix is what codes of commissions begin with, so that whoever finds one knows what it is. No handle begins so.
const CodePrefix = "lhc_"

// commissions is in the MAC of a code what the origin is in that of a cookie: no origin has that name.
const commissions = "agent code"

// Commissioned is what a person gets for an agent. The code is shown once, and kept nowhere: it is the lease's id with a MAC.
type Commissioned struct {
	Code  string
	Lease provision.Lease
}

// Commission begins an agent of the person whose cookie this is: whoever shows the code, and is the agent, may act for her
// within the rule. A refusal is a DeniedError, and in the audit.
func (b *Broker) Commission(ctx context.Context, token string, o provision.Origin, w provision.Commissioning, from provision.Requester) (Commissioned, error) {
	s, err := b.Session(ctx, token, o)
	if err != nil {
		return Commissioned{}, err
	}
	a, err := b.act(Deed{Actor: provision.Actor{Kind: provision.Person, ID: string(s.Account.ID), Via: "web"}, Requester: from})
	if err != nil {
		return Commissioned{}, err
	}
	t := provision.Target{Lease: s.Lease.ID, Email: s.Tenant.Policy.Rule(w.Rule).Owner, Apps: []provision.AppID{b.appAt(w.Resource)}, Quiet: true}
	of, _, err := b.origins(ctx, t)
	if err != nil {
		return Commissioned{}, err
	}
	var made provision.Commissioned
	if _, err = b.amend(ctx, t, func(s provision.State) (provision.Change, error) {
		a.Now = b.Ledger.Now()
		s.Former.Met = b.met(ctx, s.Former, of, a.Now)
		made = provision.Commission(s, w, a)
		return made.Change, nil
	}); err != nil {
		return Commissioned{}, err
	}
	if made.Reason != "" {
		return Commissioned{}, &provision.DeniedError{Reason: made.Reason, Ref: made.Change.Events[0].Ref(), Tenant: s.Tenant.ID, Contact: s.Tenant.Contact}
	}
	return Commissioned{Code: CodePrefix + b.token(made.Lease.ID, commissions), Lease: made.Lease}, nil
}

// appAt is the app that an address is at, by its origin; what is at none names none.
func (b *Broker) appAt(resource string) provision.AppID {
	scheme, rest, _ := strings.Cut(resource, "://")
	host, _, _ := strings.Cut(rest, "/")
	return b.appNamed(scheme + "://" + host)
}

// commissioned is an exchange with what goes without saying: what its code is for. Codes that are none are counted.
func (b *Broker) commissioned(ctx context.Context, x Trade) (Trade, provision.Lease, error) {
	refuse := func(reason provision.Reason) (Trade, provision.Lease, error) {
		return x, provision.Lease{}, &provision.DeniedError{Reason: reason, Tenant: x.Tenant}
	}
	if x.Code == "" {
		return x, provision.Lease{}, nil
	}
	if x.Token == "" {
		return refuse(provision.AgentIncomplete)
	}
	rest, _ := strings.CutPrefix(x.Code, CodePrefix)
	id, err := b.pointsAt(ctx, rest, commissions)
	switch {
	case err != nil:
		return x, provision.Lease{}, err
	case id == "":
		return refuse(provision.CodeUnknown)
	case id.Tenant() != x.Tenant:
		return refuse(provision.CodeForeign)
	}
	s, err := b.Ledger.Lease(ctx, id)
	if errors.Is(err, provision.ErrNotFound) { // it was made here, and kept long enough
		return refuse(provision.CodeExpired)
	}
	if err != nil {
		return x, provision.Lease{}, err
	}
	g := s.Lease.Grant
	if x.Rule == "" {
		x.Rule = g.Rule
	}
	if x.Grant == "" {
		x.Grant = g.Of
	}
	if len(x.Audience) == 0 {
		for _, app := range g.Audience {
			x.Audience = append(x.Audience, string(app))
		}
	}
	if len(x.Resources) == 0 {
		x.Resources = g.Resources
	}
	return x, s.Lease, nil
}

// givenHere reports whether a token is one that was given here: it is never exchanged for another.
func (b *Broker) givenHere(t provision.TenantID, token string) bool {
	issuer := claimedIssuer(token)
	return strings.HasPrefix(token, HandlePrefix) || issuer != "" && (issuer == b.issuer(t) || issuer == b.URL.String())
}

// behalved is a state with what the policy's condition comes to for the person that an agent acts for.
func (b *Broker) behalved(ctx context.Context, s provision.State, asked asked) provision.State {
	if s.Intended.Lease.ID != "" {
		s.Intended.Met = b.met(ctx, s.Intended, asked.began, b.Ledger.Now())
	}
	return s
}
