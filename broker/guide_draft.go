package broker

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"leasehold/idp"
	"leasehold/provision"
)

// proofPause is how soon a domain's proof is looked for again, however often somebody asks.
const proofPause = 5 * time.Second

// maxSecret is how long a client secret may be that somebody with a link gives.
const maxSecret = 4096

// SetupError is what somebody who sets a connection up can put right.
type SetupError struct {
	Say string // what is wrong, for a page
	Err error  // the particulars, for whoever can read them
}

func (e *SetupError) Error() string { return fmt.Sprintf("%s %v", e.Say, e.Err) }

// Unwrap is Err.
func (e *SetupError) Unwrap() error { return e.Err }

// SAMLDraft is a SAML identity provider's metadata: at an address, or itself.
type SAMLDraft struct {
	URL      string
	Document []byte
}

// DraftSAML makes the connection one to the identity provider of a metadata document. An address is fetched under the
// rules for every address that a tenant gives.
func (g *Guide) DraftSAML(ctx context.Context, pass string, d SAMLDraft, from provision.Requester) error {
	x, err := g.acting(ctx, pass)
	if err != nil {
		return err
	}
	if d.URL = strings.TrimSpace(d.URL); d.URL != "" {
		if d.Document, err = g.fetch(ctx, x, d.URL); err != nil {
			return err
		}
	}
	if err := g.Documents.Follows(nil, d.Document); err != nil {
		return &SetupError{"This is no metadata of an identity provider that can be used.", err}
	}
	return g.redraft(ctx, x, from, func(c *provision.Connection) {
		subject := "nameid"
		if c.Protocol == provision.SAML && c.Subject != "" {
			subject = c.Subject
		}
		*c = provision.Connection{Domains: c.Domains, Protocol: provision.SAML, Attributes: mappingOf(*c, provision.SAML), Subject: subject, Metadata: d.Document, MetadataURL: d.URL}
	})
}

// mappingOf is the mapping of a connection that goes on speaking a protocol.
func mappingOf(c provision.Connection, p provision.Protocol) map[string]string {
	if c.Protocol == p {
		return c.Attributes
	}
	return nil
}

// fetch fetches metadata in the room of the setup's connection, so that nobody makes us fetch all day.
func (g *Guide) fetch(ctx context.Context, x provision.Setup, url string) ([]byte, error) {
	if len(url) > 2000 || !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
		return nil, &SetupError{"This is no address of metadata.", errors.New("an address begins with https://")}
	}
	leave, err := g.room(ctx, provision.Connection{ID: x.Connection, Tenant: x.Tenant})
	if err != nil {
		return nil, err
	}
	defer leave()
	document, err := g.Documents.Fetch(ctx, url)
	if err != nil { // which names resolve, and to what, is nothing for a page
		g.Log.Info("a setup's metadata could not be fetched", "setup", x.ID, "tenant", x.Tenant, "error", err)
		return nil, &SetupError{"Nothing that can be used was found at that address.", errors.New("it has to be public, answer in time, and serve the metadata document itself")}
	}
	return document, nil
}

// OIDCDraft is an OpenID provider and our client there.
type OIDCDraft struct {
	Issuer     string
	ClientID   string
	Secret     []byte // none: the one that it has
	TrustEmail bool   // its addresses count as verified without email_verified
	Entra      bool   // subjects are tid+oid
}

// DraftOIDC makes the connection one to an OpenID provider, which has to say of itself what it is asked.
func (g *Guide) DraftOIDC(ctx context.Context, pass string, d OIDCDraft, from provision.Requester) error {
	x, err := g.acting(ctx, pass)
	if err != nil {
		return err
	}
	old, err := g.Registry.Connection(ctx, x.Connection)
	if err != nil && !errors.Is(err, provision.ErrNotFound) {
		return err
	}
	c := provision.Connection{ID: x.Connection, Protocol: provision.OIDC, Attributes: mappingOf(old, provision.OIDC), Subject: "sub", Issuer: strings.TrimSpace(d.Issuer),
		ClientID: strings.TrimSpace(d.ClientID), TrustEmail: d.TrustEmail}
	if d.Entra {
		c.Subject = "tid+oid"
	}
	fresh := len(d.Secret) > 0
	switch {
	case len(d.Secret) > maxSecret:
		return &SetupError{"This client secret is too long.", fmt.Errorf("%d bytes are taken", maxSecret)}
	case fresh: // it is kept once the issuer has said what it is, which it does without
	case old.Protocol == provision.OIDC && old.Issuer == c.Issuer && old.ClientID == c.ClientID:
		c.ClientSecret = old.ClientSecret // of this client; no other provider is ever sent it
	}
	if err := g.discovered(ctx, x, c); err != nil {
		return err
	}
	if fresh {
		c.ClientSecret = g.secretName(string(c.ID), d.Secret)
		if err := g.Keys.Put(ctx, c.ClientSecret, d.Secret); err != nil {
			return err
		}
	}
	defer g.dropUnused(ctx, c.ID, old.ClientSecret, c.ClientSecret)
	return g.redraft(ctx, x, from, func(now *provision.Connection) {
		c.Domains = now.Domains
		*now = c
	})
}

// dropUnused destroys those of a setup's secrets that its connection does not name any more, or never came to name.
func (g *Guide) dropUnused(ctx context.Context, id provision.ConnectionID, names ...string) {
	ctx = context.WithoutCancel(ctx)
	c, err := g.Registry.Connection(ctx, id)
	if err != nil && !errors.Is(err, provision.ErrNotFound) {
		g.log("see which client secret is in use", err)
		return
	}
	for _, name := range names {
		if name != c.ClientSecret && strings.HasPrefix(name, "secret/"+string(id)+"/") {
			g.log("drop a client secret", g.Keys.Drop(ctx, name))
		}
	}
}

// discovered wants an issuer that says what it is.
func (g *Guide) discovered(ctx context.Context, x provision.Setup, c provision.Connection) error {
	provider, err := g.Broker.Open(ctx, c)
	if err != nil {
		return &SetupError{"This issuer, or its client, cannot be used.", err}
	}
	leave, err := g.room(ctx, provision.Connection{ID: x.Connection, Tenant: x.Tenant})
	if err != nil {
		return err
	}
	defer leave()
	if _, err := provider.Begin(ctx, &idp.Attempt{ID: "discovery", Connection: c.ID}); err != nil {
		g.Log.Info("a setup's issuer could not be asked", "setup", x.ID, "tenant", x.Tenant, "error", err)
		return &SetupError{"The issuer did not say what it is.", errors.New("its address has to be public, and to serve /.well-known/openid-configuration for exactly this issuer")}
	}
	return nil
}

// Mapping says where in an assertion facts stand.
type Mapping struct {
	Email, Name, Groups string // an attribute's Name, a claim's name; "": where most have it
	Subject             string // as a Connection has it; "": as it is
}

// Map sets the connection's mapping. It has to be tested again.
func (g *Guide) Map(ctx context.Context, pass string, m Mapping, from provision.Requester) error {
	x, err := g.acting(ctx, pass)
	if err != nil {
		return err
	}
	if len(m.Email)+len(m.Name)+len(m.Groups)+len(m.Subject) > 2000 {
		return &SetupError{"These names are too long.", errors.New("2,000 bytes are read")}
	}
	return g.redraft(ctx, x, from, func(c *provision.Connection) {
		c.Attributes = maps.Clone(c.Attributes)
		if c.Attributes == nil {
			c.Attributes = map[string]string{}
		}
		for what, name := range map[string]string{"email": m.Email, "name": m.Name, "groups": m.Groups} {
			if c.Attributes[what] = name; name == "" {
				delete(c.Attributes, what)
			}
		}
		if m.Subject != "" {
			c.Subject = m.Subject
		}
	})
}

// redraft writes the setup's connection as edit leaves it, if a provider can be made of it. A new one may assert all the
// domains that its tenant claims: each lets in nobody before it is proved.
func (g *Guide) redraft(ctx context.Context, x provision.Setup, from provision.Requester, edit func(*provision.Connection)) error {
	old, err := g.Registry.Connection(ctx, x.Connection)
	exists := err == nil
	if err != nil && !errors.Is(err, provision.ErrNotFound) {
		return err
	}
	c := old
	if !exists {
		if c.Domains, err = g.claimed(ctx, x.Tenant); err != nil {
			return err
		}
	}
	edit(&c)
	c.ID, c.Tenant, c.Owner, c.Revision = x.Connection, x.Tenant, provision.ByAPI, old.Revision
	if _, err := g.Broker.Open(ctx, c); err != nil {
		return &SetupError{"This cannot be used.", err}
	}
	changed := differences(exists, connectionFields(old), connectionFields(c))
	if exists && len(changed) == 0 {
		return nil
	}
	_, err = g.write(ctx, x, from, func(s provision.State, a provision.Act) (provision.Change, error) {
		if s.Connection.Revision != old.Revision {
			return provision.Change{}, fmt.Errorf("connection %s was changed meanwhile: %w", c.ID, provision.ErrConflict)
		}
		return provision.DraftConnection(s, c, lines(exists, changed), a)
	})
	return err
}

// claimed are the domains that a tenant claims.
func (g *Guide) claimed(ctx context.Context, t provision.TenantID) ([]provision.Domain, error) {
	claims, err := g.Registry.Claims(ctx, provision.Page{Tenant: t})
	var domains []provision.Domain
	for _, c := range claims {
		if !c.Withdrawn() {
			domains = append(domains, c.Domain)
		}
	}
	return domains, err
}

// secretName names a secret by what it is, so that a changed one has another name; only the installation's key can tell
// which secret a name stands for.
func (b *Broker) secretName(owner string, secret []byte) string {
	mac := hmac.New(sha256.New, b.names)
	mac.Write(secret)
	return fmt.Sprintf("secret/%s/%x", owner, mac.Sum(nil)[:8])
}
