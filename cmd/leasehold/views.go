package main

import (
	"fmt"
	"time"

	"leasehold/broker"
	"leasehold/idp/saml"
	"leasehold/provision"
	"leasehold/web"
)

// What the operator's verbs print: the nouns, in the words of the manifests.

type tenantView struct {
	ID          provision.TenantID `json:"id"`
	Name        string             `json:"name"`
	Contact     string             `json:"contact,omitempty"`
	ContractEnd time.Time          `json:"contract_end,omitzero"`
	Suspended   bool               `json:"suspended"`
	Create      string             `json:"create"`
	Mode        string             `json:"mode"`
	MaxSession  string             `json:"max_session"`
	Idle        string             `json:"idle"`
	Seats       int                `json:"seats"`
	Policy      int64              `json:"policy_version"`
	Owner       string             `json:"owner"`
}

func viewTenant(t provision.Tenant) tenantView {
	p := t.Policy.WithDefaults()
	return tenantView{t.ID, t.Name, t.Contact, t.ContractEnd, t.Suspended, string(p.Create), string(p.Mode), p.MaxSession.String(), p.Idle.String(), p.Seats, p.Version, string(t.Owner)}
}

type claimView struct {
	Domain    string             `json:"domain"`
	Tenant    provision.TenantID `json:"tenant"`
	State     string             `json:"state"`
	Proof     string             `json:"proof"`
	Record    string             `json:"record,omitempty"` // where the TXT record has to be
	Value     string             `json:"value,omitempty"`  // and what it has to hold
	Verified  time.Time          `json:"verified,omitzero"`
	FirstFail time.Time          `json:"first_failure,omitzero"`
	Tried     time.Time          `json:"last_tried,omitzero"`
	Note      string             `json:"note,omitempty"`
	Warnings  []string           `json:"warnings,omitempty"` // of other tenants' domains that look like it
}

func viewClaim(c provision.Claim) claimView {
	v := claimView{Domain: c.Domain.String(), Tenant: c.Tenant, State: string(c.State), Proof: string(c.Proof), Verified: c.Verified, FirstFail: c.FirstFail, Tried: c.LastTried, Note: c.Note}
	if c.Proof == provision.ProofDNS {
		v.Record, v.Value = provision.ProofName(c.Domain), provision.ProofValue(c.Token)
	}
	return v
}

type connectionView struct {
	ID       provision.ConnectionID `json:"id"`
	Tenant   provision.TenantID     `json:"tenant"`
	Protocol string                 `json:"protocol"`
	Domains  []provision.Domain     `json:"domains"`
	Issuer   string                 `json:"issuer,omitempty"` // of SAML, the identity provider's entityID
	Metadata string                 `json:"metadata_url,omitempty"`
	Note     string                 `json:"note,omitempty"` // why nobody can log in by it yet
	Subject  string                 `json:"subject"`
	Default  bool                   `json:"default"`
	Disabled bool                   `json:"disabled"`
	Held     bool                   `json:"held"`
	Trust    string                 `json:"trust,omitempty"`     // of one that is held: what is in force,
	Proposed string                 `json:"proposed,omitempty"`  // and what waits for a confirmation
	EntityID string                 `json:"entity_id,omitempty"` // of the service provider, for the identity provider
	ACS      string                 `json:"acs,omitempty"`
	SLO      string                 `json:"slo,omitempty"`
	Callback string                 `json:"callback,omitempty"`
	Logout   string                 `json:"backchannel_logout_uri,omitempty"`   // what the provider needs to end sessions here
	After    string                 `json:"post_logout_redirect_uri,omitempty"` // and to send people back
	Liveness string                 `json:"liveness,omitempty"`
	Audience string                 `json:"audience,omitempty"` // what tokens of workloads have to be made for
	Owner    string                 `json:"owner"`
}

func viewConnection(c provision.Connection, at addresses) connectionView {
	v := connectionView{ID: c.ID, Tenant: c.Tenant, Protocol: string(c.Protocol), Domains: c.Domains, Issuer: c.Issuer, Subject: c.Subject, Default: c.Default, Disabled: c.Disabled, Held: c.Held, Owner: string(c.Owner)}
	if c.Held {
		v.Trust, v.Proposed = tell(c, c.Trust()), tell(c, c.Proposed)
	}
	if c.Protocol == provision.Workloads {
		v.Audience = broker.WorkloadAudience(at.url, c.Tenant)
		return v
	}
	if c.Protocol == provision.OIDC {
		v.Callback, v.Logout, v.After = at.callback(c.ID), at.backchannel(c.ID), at.afterLogout()
		if c.Liveness.On() {
			v.Liveness = fmt.Sprintf("asked every %s, without an answer for %s at most", c.Liveness.Every, c.Liveness.MaxStale)
		}
		return v
	}
	v.EntityID, v.ACS, v.SLO, v.Metadata = at.entityID(c.ID), at.acs(c.ID), at.slo(c.ID), c.MetadataURL
	m, err := saml.ParseMetadata(c.Metadata, time.Now())
	switch {
	case c.Removal != "":
		v.Note = "is being deleted; `leasehold connection delete` finishes that"
	case len(c.Metadata) == 0:
		v.Note = "its metadata have not been fetched yet; the server's log says why"
	case err != nil:
		v.Note = err.Error()
	}
	v.Issuer = m.EntityID
	return v
}

// tell says what a trust of c comes to.
func tell(c provision.Connection, trust []byte) string {
	if c.Protocol == provision.SAML {
		return saml.Tell(trust)
	}
	return string(trust)
}

type appView struct {
	ID         provision.AppID      `json:"id"`
	Origins    []provision.Origin   `json:"origins"`
	Headers    string               `json:"headers"`
	Tenants    []provision.TenantID `json:"tenants"`
	Roles      []string             `json:"require_roles,omitempty"`
	Public     []string             `json:"public,omitempty"`
	MaxSession string               `json:"max_session,omitempty"`
	Notify     *notifyView          `json:"notify,omitempty"` // of one app alone
	Owner      string               `json:"owner"`
}

func viewApp(a provision.App) appView {
	v := appView{ID: a.ID, Origins: a.Origins, Headers: a.Headers, Tenants: a.Tenants, Roles: a.Roles, Public: a.Public, Owner: string(a.Owner)}
	if a.MaxSession > 0 {
		v.MaxSession = a.MaxSession.String()
	}
	return v
}

type accountView struct {
	ID        provision.AccountID `json:"id"`
	Tenant    provision.TenantID  `json:"tenant"`
	State     string              `json:"state"`
	Email     string              `json:"email"`
	Name      string              `json:"name"`
	Groups    []string            `json:"groups,omitempty"`
	Offices   []provision.Office  `json:"offices,omitempty"`
	Created   time.Time           `json:"created"`
	LastLogin time.Time           `json:"last_login,omitzero"`
	Links     []linkView          `json:"links,omitempty"`
	Leases    []leaseView         `json:"leases,omitempty"`
}

type linkView struct {
	Connection provision.ConnectionID `json:"connection"`
	Subject    string                 `json:"subject"`
	Created    time.Time              `json:"created"`
}

func viewAccount(a provision.Account, links []provision.Link, leases []provision.Lease) accountView {
	v := accountView{ID: a.ID, Tenant: a.Tenant, State: string(a.State), Email: a.Email.String(), Name: a.Name, Groups: a.Groups, Offices: a.Offices, Created: a.Created, LastLogin: a.LastLogin}
	for _, l := range provision.SignIns(links) {
		v.Links = append(v.Links, linkView{l.Connection, l.Subject, l.Created})
	}
	for _, l := range leases {
		v.Leases = append(v.Leases, viewLease(l))
	}
	return v
}

type leaseView struct {
	ID         provision.LeaseID      `json:"id"`
	Kind       string                 `json:"kind"`
	Account    provision.AccountID    `json:"account"`
	Tenant     provision.TenantID     `json:"tenant"`
	Connection provision.ConnectionID `json:"connection"`
	Roles      []string               `json:"roles,omitempty"`
	Start      time.Time              `json:"start"`
	Seen       time.Time              `json:"seen"`
	End        time.Time              `json:"end"`
	EndedAt    time.Time              `json:"ended_at,omitzero"`
	EndReason  string                 `json:"end_reason,omitempty"`
}

func viewLease(l provision.Lease) leaseView {
	return leaseView{l.ID, string(l.Kind), l.Account, l.Tenant, l.Connection, l.Grant.Roles, l.Start, l.Seen, l.Until(), l.EndedAt, string(l.EndReason)}
}

// eventView is one line of the audit, as the contract has it.
type eventView = web.Line

func viewEvent(e provision.Event) eventView { return web.LineOf(e) }

// addresses are where a connection is found.
type addresses struct{ url provision.Origin }

func (a addresses) entityID(c provision.ConnectionID) string    { return a.of(c, "metadata") }
func (a addresses) acs(c provision.ConnectionID) string         { return a.of(c, "acs") }
func (a addresses) slo(c provision.ConnectionID) string         { return a.of(c, "slo") }
func (a addresses) backchannel(c provision.ConnectionID) string { return a.of(c, "backchannel-logout") }
func (a addresses) afterLogout() string                         { return a.url.String() + "/_sso/logout" }
func (a addresses) callback(c provision.ConnectionID) string    { return a.of(c, "callback") }

func (a addresses) of(c provision.ConnectionID, what string) string {
	return a.url.String() + "/idp/" + string(c) + "/" + what
}

// registeredView is what applying manifests changed.
type registeredView struct {
	broker.Registered
	DryRun bool `json:"dry_run"`
}
