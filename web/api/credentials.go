package api

import (
	"context"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// Credential is what a source of secrets knows for a lease. Its password is kept nowhere.
type Credential struct {
	ID      string    `json:"id"`
	Tenant  string    `json:"tenant"`
	Account string    `json:"account"`
	Lease   string    `json:"lease"`
	Source  string    `json:"source"`
	User    string    `json:"user" doc:"Its name at the source"`
	State   string    `json:"state" enum:"intended,issued,revoking,stuck,revoked"`
	Made    time.Time `json:"made"`
	Until   time.Time `json:"until" doc:"The lease's end"`
	Next    time.Time `json:"next,omitzero" doc:"When its source is asked again to take it back"`
	Tries   int       `json:"tries"`
	Fault   string    `json:"fault,omitempty" doc:"Of the last try"`
	Ended   time.Time `json:"ended_at,omitzero"`
}

func viewCredential(c provision.Credential) Credential {
	return Credential{string(c.ID), string(c.Tenant), string(c.Account), string(c.Lease), string(c.Source), c.Name, string(c.State), c.Made, c.Until, c.Next, c.Tried, c.Fault, c.Ended}
}

// CredentialsIn chooses credentials.
type CredentialsIn struct {
	EndedIn
	State  string `query:"state" enum:"intended,issued,revoking,stuck,revoked" doc:"Only those that stand there"`
	Lease  string `query:"lease" maxLength:"100" doc:"Only of this lease"`
	Source string `query:"source" maxLength:"100" doc:"Only of this source"`
}

// CredentialIn names a credential.
type CredentialIn struct {
	Credential string `path:"credential"`
}

// CredentialVerb is a verb on a credential.
type CredentialVerb struct {
	CredentialIn
	ReasonIn
}

const listCredentials = "GET /credentials"

func (a *API) credentials() {
	does(a, operation{listCredentials, "credentials.read", "List what sources of secrets know for leases"}, a.ListCredentials)
	does(a, operation{"GET /credentials/{credential}", "credentials.read", "Show a credential"}, a.GetCredential)
	does(a, operation{"POST /credentials/{credential}/end", "credentials.end", "Take it back at its source now, though its lease goes on"}, a.EndCredential)
	does(a, operation{"POST /credentials/{credential}/retry", "credentials.retry", "Ask its source again at once to take it back"}, a.RetryCredential)
}

func oneCredential(c provision.Credential, err error) (*One[Credential], error) {
	return &One[Credential]{Body: viewCredential(c)}, err
}

// ListCredentials lists credentials.
func (a *API) ListCredentials(ctx context.Context, m broker.Mandate, in *CredentialsIn) (*List[Credential], error) {
	p, err := a.page(m, listCredentials, in.PageIn)
	if err != nil {
		return nil, err
	}
	f := provision.CredentialFilter{Tenant: p.Tenant, Lease: provision.LeaseID(in.Lease), Source: provision.SecretID(in.Source), State: provision.CredentialState(in.State), After: provision.CredentialID(p.After), Limit: p.Limit}
	f.Open = !in.Ended && f.State == ""
	part, err := a.Desk.CredentialsOf(ctx, m, f)
	if err != nil {
		return nil, err
	}
	l := listed(a, listing{m, listCredentials, in.PageIn}, part, viewCredential)
	l.Link = also(also(also(in.link(l.Link), "state", in.State), "lease", in.Lease), "source", in.Source)
	return l, nil
}

// GetCredential is a credential.
func (a *API) GetCredential(ctx context.Context, m broker.Mandate, in *CredentialIn) (*One[Credential], error) {
	return oneCredential(a.Desk.Credential(ctx, m, provision.CredentialID(in.Credential)))
}

// EndCredential has a credential taken back.
func (a *API) EndCredential(ctx context.Context, m broker.Mandate, in *CredentialVerb) (*One[Credential], error) {
	return oneCredential(a.Desk.EndCredential(ctx, order(ctx, m, in.Body.Reason), provision.CredentialID(in.Credential)))
}

// RetryCredential has its source asked again.
func (a *API) RetryCredential(ctx context.Context, m broker.Mandate, in *CredentialVerb) (*One[Credential], error) {
	return oneCredential(a.Desk.RetryCredential(ctx, order(ctx, m, in.Body.Reason), provision.CredentialID(in.Credential)))
}
