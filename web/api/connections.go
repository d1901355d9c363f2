package api

import (
	"cmp"
	"context"
	"fmt"

	"leasehold/broker"
	"leasehold/provision"
)

// Connection is a connection as it is answered: no secret.
type Connection struct {
	ID           string            `json:"id"`
	Tenant       string            `json:"tenant"`
	Protocol     string            `json:"protocol" enum:"saml,oidc,workload"`
	Domains      []string          `json:"domains"`
	Subject      string            `json:"subject"`
	Default      bool              `json:"default"`
	Attributes   map[string]string `json:"attributes,omitempty"`
	Disabled     bool              `json:"disabled"`
	Removing     bool              `json:"removing,omitempty"`
	Held         bool              `json:"held" doc:"Nobody logs in by it until its new trust is confirmed or rejected"`
	Trust        string            `json:"trust,omitempty" doc:"What it trusts, in words"`
	Proposed     string            `json:"proposed,omitempty" doc:"And what waits for a confirmation"`
	MetadataURL  string            `json:"metadata_url,omitempty"`
	Encryption   bool              `json:"encryption,omitempty"`
	IDPInitiated bool              `json:"idp_initiated,omitempty"`
	Issuer       string            `json:"issuer,omitempty" doc:"saml: the identity provider's entity ID"`
	Note         string            `json:"note,omitempty" doc:"Why nobody can log in by it yet"`
	ClientID     string            `json:"client_id,omitempty"`
	Secret       bool              `json:"client_secret_set,omitempty"`
	Keys         bool              `json:"keys_set,omitempty" doc:"workload: its keys are written down"`
	TrustEmail   bool              `json:"trust_email,omitempty"`
	Liveness     *Liveness         `json:"liveness,omitempty"`
	Addresses    map[string]string `json:"addresses" doc:"What the identity provider has to know"`
	Owner        string            `json:"owner" enum:"manifest,api"`
	Revision     int64             `json:"revision"`
}

// Liveness is how a provider is asked again.
type Liveness struct {
	Every    string `json:"every"`
	MaxStale string `json:"max_stale"`
}

// Addresses are what a connection's identity provider has to know, by what each is.
func Addresses(sso provision.Origin, c provision.Connection) map[string]string {
	at := func(what string) string { return sso.String() + "/idp/" + string(c.ID) + "/" + what }
	switch c.Protocol {
	case provision.Workloads:
		return map[string]string{"audience": broker.WorkloadAudience(sso, c.Tenant)}
	case provision.OIDC:
		return map[string]string{"redirect_uri": at("callback"), "backchannel_logout_uri": at("backchannel-logout"), "post_logout_redirect_uri": sso.String() + "/_sso/logout"}
	}
	return map[string]string{"entity_id": at("metadata"), "acs": at("acs"), "slo": at("slo")}
}

func (a *API) viewConnection(c provision.Connection) Connection {
	v := Connection{
		ID: string(c.ID), Tenant: string(c.Tenant), Protocol: string(c.Protocol), Domains: texts(c.Domains), Subject: c.Subject, Default: c.Default, Attributes: c.Attributes,
		Disabled: c.Disabled, Removing: c.Removal == provision.Removing, Held: c.Held, MetadataURL: c.MetadataURL, Encryption: c.Encryption, IDPInitiated: c.IDPInitiated,
		Issuer: c.Issuer, ClientID: c.ClientID, Secret: c.ClientSecret != "", Keys: len(c.KeySet) > 0, TrustEmail: c.TrustEmail, Addresses: Addresses(a.URL, c), Owner: string(c.Owner), Revision: c.Revision,
	}
	if c.Liveness.On() {
		v.Liveness = &Liveness{lasts(c.Liveness.Every), lasts(c.Liveness.MaxStale)}
	}
	if a.Peer != nil && c.Protocol == provision.SAML {
		v.Issuer, v.Note = a.Peer(c)
	}
	if a.Trust != nil {
		v.Trust, v.Proposed = a.Trust(c)
	}
	return v
}

// texts are things by their text; never nil.
func texts[T fmt.Stringer](items []T) []string {
	out := make([]string, 0, len(items))
	for _, item := range items {
		out = append(out, item.String())
	}
	return out
}

// ConnectionIn names a connection.
type ConnectionIn struct {
	Connection string `path:"connection"`
}

// ConnectionBody is a connection as it is to be.
type ConnectionBody struct {
	Protocol     string            `json:"protocol" enum:"saml,oidc,workload"`
	Domains      []string          `json:"domains,omitempty" maxItems:"100" doc:"Which of the tenant's domains it may assert; workload: none"`
	Subject      string            `json:"subject,omitempty" maxLength:"200" doc:"saml: nameid or attribute:NAME; oidc: sub, claim:NAME or tid+oid"`
	Default      bool              `json:"default,omitempty"`
	Attributes   map[string]string `json:"attributes,omitempty" doc:"Where email, name and groups stand"`
	Metadata     string            `json:"metadata,omitempty" maxLength:"1048576" doc:"saml: the identity provider's metadata; not there: those in force stay"`
	MetadataURL  string            `json:"metadata_url,omitempty" maxLength:"2048" doc:"saml: where they are fetched"`
	Encryption   bool              `json:"encryption,omitempty"`
	IDPInitiated bool              `json:"idp_initiated,omitempty"`
	Issuer       string            `json:"issuer,omitempty" maxLength:"2048"`
	ClientID     string            `json:"client_id,omitempty" maxLength:"500"`
	ClientSecret *string           `json:"client_secret,omitempty" maxLength:"4096" doc:"oidc: not there: the one there is stays; empty: a public client. It is never answered"`
	Keys         *string           `json:"keys,omitempty" maxLength:"262144" doc:"workload: the issuer's key set (RFC 7517), as text; not there: the one there is stays; empty: what the issuer publishes"`
	TrustEmail   bool              `json:"trust_email,omitempty"`
	Liveness     *Liveness         `json:"liveness,omitempty"`
	Reason       string            `json:"reason,omitempty" maxLength:"1000"`
}

// order is the connection that a body describes.
func (b ConnectionBody) order(id provision.ConnectionID, t provision.TenantID) (broker.ConnectionOrder, error) {
	c := provision.Connection{
		ID: id, Tenant: t, Protocol: provision.Protocol(b.Protocol), Subject: b.Subject, Default: b.Default, Attributes: b.Attributes, Metadata: []byte(b.Metadata), MetadataURL: b.MetadataURL,
		Encryption: b.Encryption, IDPInitiated: b.IDPInitiated, Issuer: b.Issuer, ClientID: b.ClientID, TrustEmail: b.TrustEmail,
	}
	c.Subject = cmp.Or(c.Subject, map[provision.Protocol]string{provision.SAML: "nameid", provision.OIDC: "sub"}[c.Protocol])
	if b.Metadata == "" {
		c.Metadata = nil
	}
	for _, text := range b.Domains {
		d, err := domainOf(text)
		if err != nil {
			return broker.ConnectionOrder{}, err
		}
		c.Domains = append(c.Domains, d)
	}
	if b.Liveness != nil {
		var err error
		if c.Liveness.Every, err = duration("liveness.every", b.Liveness.Every); err == nil {
			c.Liveness.MaxStale, err = duration("liveness.max_stale", b.Liveness.MaxStale)
		}
		if err != nil {
			return broker.ConnectionOrder{}, err
		}
	}
	return broker.ConnectionOrder{Connection: c, Secret: b.ClientSecret, Keys: b.Keys}, nil
}

// ConnectionCreate makes a connection.
type ConnectionCreate struct {
	Key  string `header:"Idempotency-Key" doc:"Asked for again under it within a day, it is done once"`
	Body struct {
		Tenant string `json:"tenant"`
		ID     string `json:"id,omitempty" doc:"Only who reaches every tenant may choose it"`
		ConnectionBody
	}
}

// ConnectionPut changes a connection.
type ConnectionPut struct {
	ConnectionIn
	MatchIn
	Body ConnectionBody
}

// ConnectionVerb is a verb on a connection.
type ConnectionVerb struct {
	ConnectionIn
	ReasonIn
}

// ConnectionDelete deletes a connection.
type ConnectionDelete struct {
	ConnectionIn
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"1000" doc:"Why; kept in the audit"`
}

func (a *API) connections() {
	lists(a, operation{"GET /connections", "connections.read", "List connections"}, a.Desk.Connections, a.viewConnection)
	does(a, operation{"POST /connections", "connections.create", "Make a connection"}, a.CreateConnection)
	does(a, operation{"GET /connections/{connection}", "connections.read", "Show a connection, and what its identity provider has to know"}, a.GetConnection)
	does(a, operation{"PUT /connections/{connection}", "connections.put", "Change a connection; other trust is held until it is confirmed; wants the scope write of everything"}, a.PutConnection)
	does(a, operation{"DELETE /connections/{connection}", "connections.delete", "Delete a disabled connection, with every sign-in at it; asked for again, it goes on"}, a.DeleteConnection)
	does(a, operation{"POST /connections/{connection}/enable", "connections.enable", "Let people log in by it again"}, a.EnableConnection)
	does(a, operation{"POST /connections/{connection}/disable", "connections.disable", "Keep everybody who comes by it out, and end what they have"}, a.DisableConnection)
	does(a, operation{"POST /connections/{connection}/confirm", "connections.confirm", "Trust what it proposes; what the former trust gave ends; wants the scope write of everything"}, a.ConfirmTrust)
	does(a, operation{"POST /connections/{connection}/reject", "connections.reject", "Keep its trust as it is"}, a.RejectTrust)
}

func (a *API) oneConnection(c provision.Connection, err error) (*One[Connection], error) {
	return &One[Connection]{tag(c.Revision), a.viewConnection(c)}, err
}

// GetConnection is a connection.
func (a *API) GetConnection(ctx context.Context, m broker.Mandate, in *ConnectionIn) (*One[Connection], error) {
	return a.oneConnection(a.Desk.Connection(ctx, m, provision.ConnectionID(in.Connection)))
}

// CreateConnection makes a connection.
func (a *API) CreateConnection(ctx context.Context, m broker.Mandate, in *ConnectionCreate) (*One[Connection], error) {
	err := m.May("connections.create")
	if err == nil {
		_, err = a.Desk.Reach(ctx, m, provision.TenantID(in.Body.Tenant))
	}
	if err != nil {
		return nil, err
	}
	c, err := in.Body.order(provision.ConnectionID(in.Body.ID), provision.TenantID(in.Body.Tenant))
	if err != nil {
		return nil, err
	}
	return a.oneConnection(a.Desk.CreateConnection(ctx, order(ctx, m, in.Body.Reason), c))
}

// PutConnection changes a connection.
func (a *API) PutConnection(ctx context.Context, m broker.Mandate, in *ConnectionPut) (*One[Connection], error) {
	id := provision.ConnectionID(in.Connection)
	err := m.May("connections.put")
	if err == nil {
		_, err = a.Desk.ReachConnection(ctx, m, id)
	}
	if err != nil {
		return nil, err
	}
	seen, err := in.seen()
	if err != nil {
		return nil, err
	}
	c, err := in.Body.order(id, "")
	if err != nil {
		return nil, err
	}
	return a.oneConnection(a.Desk.PutConnection(ctx, order(ctx, m, in.Body.Reason), c, seen))
}

// EnableConnection lets people log in by a connection again.
func (a *API) EnableConnection(ctx context.Context, m broker.Mandate, in *ConnectionVerb) (*None, error) {
	return &None{}, a.Desk.EnableConnection(ctx, order(ctx, m, in.Body.Reason), provision.ConnectionID(in.Connection))
}

// DisableConnection keeps everybody who would come by a connection out.
func (a *API) DisableConnection(ctx context.Context, m broker.Mandate, in *ConnectionVerb) (*One[Revoked], error) {
	id, err := a.Desk.DisableConnection(ctx, order(ctx, m, in.Body.Reason), provision.ConnectionID(in.Connection))
	return &One[Revoked]{Body: Revoked{string(id)}}, err
}

// ConfirmTrust puts the trust in force that a connection waits for.
func (a *API) ConfirmTrust(ctx context.Context, m broker.Mandate, in *ConnectionVerb) (*One[Revoked], error) {
	id, err := a.Desk.ConfirmTrust(ctx, order(ctx, m, in.Body.Reason), provision.ConnectionID(in.Connection))
	return &One[Revoked]{Body: Revoked{string(id)}}, err
}

// RejectTrust keeps the trust of a connection as it is.
func (a *API) RejectTrust(ctx context.Context, m broker.Mandate, in *ConnectionVerb) (*None, error) {
	return &None{}, a.Desk.RejectTrust(ctx, order(ctx, m, in.Body.Reason), provision.ConnectionID(in.Connection))
}

// DeleteConnection deletes a connection.
func (a *API) DeleteConnection(ctx context.Context, m broker.Mandate, in *ConnectionDelete) (*Deleted, error) {
	return deleting(ctx, func(ctx context.Context) error {
		return a.Desk.DeleteConnection(ctx, order(ctx, m, in.Reason), provision.ConnectionID(in.Connection))
	})
}
