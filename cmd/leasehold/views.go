package main

import (
	"fmt"
	"time"

	"leasehold/idp/saml"
	"leasehold/provision"
	"leasehold/web"
	"leasehold/web/api"
)

// What the operator's verbs print: the nouns, in the words of the manifests.

type (
	tenantView  = api.Tenant
	claimView   = api.Domain
	appView     = api.App
	accountView = api.Account
	leaseView   = api.Lease
	eventView   = web.Line // of the audit, as the contract has it
)

// connectionView is a connection with what its identity provider has to know.
type connectionView struct {
	ID       string   `json:"id"`
	Tenant   string   `json:"tenant"`
	Protocol string   `json:"protocol"`
	Domains  []string `json:"domains"`
	Issuer   string   `json:"issuer,omitempty"` // of SAML, the identity provider's entityID
	Metadata string   `json:"metadata_url,omitempty"`
	Note     string   `json:"note,omitempty"` // why nobody can log in by it yet
	Subject  string   `json:"subject"`
	Default  bool     `json:"default"`
	Disabled bool     `json:"disabled"`
	Held     bool     `json:"held"`
	Trust    string   `json:"trust,omitempty"`     // of one that is held: what is in force,
	Proposed string   `json:"proposed,omitempty"`  // and what waits for a confirmation
	EntityID string   `json:"entity_id,omitempty"` // of the service provider, for the identity provider
	ACS      string   `json:"acs,omitempty"`
	SLO      string   `json:"slo,omitempty"`
	Callback string   `json:"callback,omitempty"`
	Logout   string   `json:"backchannel_logout_uri,omitempty"`   // what the provider needs to end sessions here
	After    string   `json:"post_logout_redirect_uri,omitempty"` // and to send people back
	Liveness string   `json:"liveness,omitempty"`
	Audience string   `json:"audience,omitempty"` // what tokens of workloads have to be made for
	Owner    string   `json:"owner"`
}

func viewConnection(c api.Connection) connectionView {
	at := c.Addresses
	v := connectionView{
		ID: c.ID, Tenant: c.Tenant, Protocol: c.Protocol, Domains: c.Domains, Issuer: c.Issuer, Metadata: c.MetadataURL, Note: c.Note, Subject: c.Subject, Default: c.Default, Disabled: c.Disabled,
		Held: c.Held, EntityID: at["entity_id"], ACS: at["acs"], SLO: at["slo"], Callback: at["redirect_uri"], Logout: at["backchannel_logout_uri"], After: at["post_logout_redirect_uri"], Audience: at["audience"], Owner: c.Owner,
	}
	if c.Held {
		v.Trust, v.Proposed = c.Trust, c.Proposed
	}
	if c.Liveness != nil {
		v.Liveness = fmt.Sprintf("asked every %s, without an answer for %s at most", c.Liveness.Every, c.Liveness.MaxStale)
	}
	return v
}

// viewAll is a list as it is printed.
func viewAll[T, V any](items []T, view func(T) V) []V {
	views := make([]V, 0, len(items))
	for _, item := range items {
		views = append(views, view(item))
	}
	return views
}

// peerOf says who the identity provider of a SAML connection is, and why nobody can log in by it yet.
func peerOf(c provision.Connection) (entityID, note string) {
	m, err := saml.ParseMetadata(c.Metadata, time.Now())
	switch {
	case c.Removal != "":
		note = "is being deleted; `leasehold connection delete` finishes that"
	case len(c.Metadata) == 0:
		note = "its metadata have not been fetched yet; the server's log says why"
	case err != nil:
		note = err.Error()
	}
	return m.EntityID, note
}

// tell says what a trust of c comes to.
func tell(c provision.Connection, trust []byte) string {
	if c.Protocol == provision.SAML {
		return saml.Tell(trust)
	}
	return provision.TellIssuer(trust)
}

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
