package config

import (
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"leasehold/provision"
)

const maxMetadata = 1 << 20 // bytes of a metadata document

// connectionFile is a connection in a manifest. Fields with the tag `only` are of one protocol.
type connectionFile struct {
	At place
	// Name of the connection, part of its addresses: lower-case letters, digits and hyphens. One in the installation.
	ID name `key:"id" required:"true"`
	// `saml`, `oidc`, or `workload`: an issuer of tokens that workloads show; nobody logs in by it.
	Protocol string `key:"protocol" required:"true"`
	// Which of the tenant's domains its e-mail addresses may be of. Needed.
	Domains []provision.Domain `key:"domains" only:"saml oidc"`
	// What a person is known by. `saml`: `nameid` (the default; persistent) or `attribute:NAME`. `oidc`: `sub` (the
	// default), `claim:NAME` or `tid+oid` (Entra ID).
	Subject string `key:"subject" only:"saml oidc"`
	// Whether it is taken first of several connections for a domain.
	Default bool `key:"default" default:"off" only:"saml oidc"`
	// Names of the attributes or claims that hold a person's data.
	Attributes attributesFile `key:"attributes" only:"saml oidc"`
	// File of the identity provider's metadata. One of `metadata_file`, `metadata_url` and `metadata` is needed.
	MetadataFile string `key:"metadata_file" only:"saml"`
	// Where the metadata is fetched, and fetched again: https, or http on a loopback name.
	MetadataURL string `key:"metadata_url" only:"saml"`
	// The metadata itself.
	Metadata document `key:"metadata" only:"saml"`
	// Whether encrypted assertions are read.
	Encryption bool `key:"encryption" default:"off" only:"saml"`
	// Whether a login that begins at the identity provider is answered by a fresh request. `off` refuses it.
	IDPInitiated bool `key:"idp_initiated" default:"off" only:"saml"`
	// The issuer, exactly as the provider writes it: https, or http on a loopback name. Needed.
	Issuer string `key:"issuer" only:"oidc workload"`
	// The id that the provider gave to Leasehold. Needed for `oidc`.
	ClientID string `key:"client_id" only:"oidc"`
	// File of the secret that goes with it. Without one it is a public client.
	ClientSecretFile string `key:"client_secret_file" only:"oidc"`
	// Environment variable of that secret, in place of a file.
	ClientSecretEnv string `key:"client_secret_env" only:"oidc"`
	// Whether an e-mail address of `domains` counts as verified although the provider does not say so.
	TrustEmail bool `key:"trust_email" default:"off" only:"oidc"`
	// Asking the provider, while a session lasts, whether it stands by it. Without it nobody asks. The client needs offline
	// access (refresh tokens), or nobody logs in.
	Liveness livenessFile `key:"liveness" only:"oidc"`
	// File of the issuer's keys, a JWK set. Without keys they are those that the issuer publishes (OpenID discovery).
	// Others than before are held until `leasehold connection confirm`.
	KeysFile string `key:"keys_file" only:"workload"`
	// The keys themselves, in JSON.
	Keys document `key:"keys" only:"workload"`
}

// attributesFile names what holds a person's data: the exact Name of a SAML attribute, or an OpenID claim.
type attributesFile struct {
	// The e-mail address.
	Email string `key:"email"`
	// The name.
	Name string `key:"name"`
	// The groups.
	Groups string `key:"groups"`
}

// livenessFile is how often a provider is asked again.
type livenessFile struct {
	At place
	// Time between two questions about one session: a second or more.
	Every time.Duration `key:"every"`
	// Time without a good answer after which the session ends: as long as `every`, or longer.
	MaxStale time.Duration `key:"max_stale"`
}

// named is how the provider is asked; the zero Liveness when nothing is said.
func (l livenessFile) named() provision.Liveness {
	if l == (livenessFile{}) {
		return provision.Liveness{}
	}
	switch {
	case l.Every < time.Second:
		l.At.fault("every", "is %s; write a second or more, as in 5m", l.Every)
	case l.MaxStale < l.Every:
		l.At.fault("max_stale", "is %s, shorter than every (%s); write a longer time, as in 15m", l.MaxStale, l.Every)
	}
	return provision.Liveness{Every: l.Every, MaxStale: l.MaxStale}
}

func (c *collector) connection(file connectionFile, tenant tenantFile) ManifestConnection {
	before := len(*file.At.reader.faults)
	c.once(file.At, "id", "connection", string(file.ID))
	file.checkDomains(tenant)
	connection := ManifestConnection{Connection: provision.Connection{
		ID:         provision.ConnectionID(file.ID),
		Tenant:     provision.TenantID(tenant.ID),
		Protocol:   provision.Protocol(file.Protocol),
		Domains:    file.Domains,
		Default:    file.Default,
		Attributes: file.Attributes.named(),
		Owner:      provision.ByManifest,
	}}
	switch connection.Protocol {
	case provision.SAML:
		file.saml(&connection)
	case provision.OIDC:
		file.oidc(&connection, c.environ)
	case provision.Workloads:
		file.workload(&connection)
	default:
		if file.At.has("protocol") {
			oneOf(file.At, "protocol", file.Protocol, string(provision.SAML), string(provision.OIDC), string(provision.Workloads))
		}
	}
	if len(*file.At.reader.faults) == before && c.judge.Connection != nil {
		file.judged(c.judge.Connection(connection.Connection))
	}
	return connection
}

// judged notes what the gateway says of the connection, at the key that it is about.
func (c connectionFile) judged(err error) {
	if err == nil {
		return
	}
	for _, key := range []string{"metadata_file", "metadata", "keys_file", "keys", "issuer"} {
		if c.At.has(key) {
			c.At.fault(key, "%v", err)
			return
		}
	}
	c.At.fault("id", "%v", err)
}

func (c connectionFile) checkDomains(tenant tenantFile) {
	if !c.At.has("domains") && c.Protocol != string(provision.Workloads) {
		c.At.fault("domains", "is missing; add it")
	}
	if c.At.has("domains") && len(c.Domains) == 0 {
		c.At.fault("domains", "is empty; name those of the tenant's domains that it may assert")
	}
	for i, domain := range c.Domains {
		switch {
		case domain.IsZero(): // a fault already
		case slices.Contains(c.Domains[:i], domain):
			c.At.fault(item("domains", i), "%s is here twice; keep one", domain)
		case !slices.ContainsFunc(tenant.Domains, func(claim claimFile) bool { return claim.Name == domain }):
			c.At.fault(item("domains", i), "%s is not among the tenant's domains; add it there, or leave it out here", domain)
		}
	}
}

// subject is what a person is known by: one of the words, the first unless said, or a name after the prefix.
func (c connectionFile) subject(prefix string, words ...string) string {
	if !c.At.has("subject") {
		return words[0]
	}
	if named, ok := strings.CutPrefix(c.Subject, prefix); !slices.Contains(words, c.Subject) && (!ok || named == "") {
		c.At.fault("subject", "%q is no subject of this protocol; write %s or %sNAME", c.Subject, strings.Join(words, ", "), prefix)
	}
	return c.Subject
}

func (c connectionFile) saml(to *ManifestConnection) {
	c.only(provision.SAML)
	to.Subject = c.subject("attribute:", "nameid")
	to.Encryption, to.IDPInitiated = c.Encryption, c.IDPInitiated
	to.Metadata, to.MetadataURL = c.Metadata, c.MetadataURL
	if c.MetadataFile != "" {
		to.Metadata = c.At.read("metadata_file", c.MetadataFile, maxMetadata)
	}
	given := 0
	for _, there := range []bool{c.MetadataFile != "", c.MetadataURL != "", len(c.Metadata) > 0} {
		if there {
			given++
		}
	}
	if given != 1 {
		c.At.fault("metadata_file", "%d of metadata_file, metadata_url and metadata are given; give exactly one", given)
	}
	if err := checkURL(c.MetadataURL); err != nil && c.MetadataURL != "" {
		c.At.fault("metadata_url", "%q %v", c.MetadataURL, err)
	}
}

func (c connectionFile) oidc(to *ManifestConnection, environ []string) {
	c.only(provision.OIDC)
	to.Subject = c.subject("claim:", "sub", "tid+oid")
	to.Issuer, to.ClientID, to.TrustEmail = c.Issuer, c.ClientID, c.TrustEmail
	to.Secret = c.At.secret(environ, given{"client_secret_file", c.ClientSecretFile}, given{"client_secret_env", c.ClientSecretEnv})
	to.Liveness = c.Liveness.named()
	if c.ClientID == "" {
		c.At.fault("client_id", "is missing; write the id that the provider gave")
	}
	c.checkIssuerName()
}

// checkIssuerName notes what is wrong with the name of an issuer.
func (c connectionFile) checkIssuerName() {
	switch u, err := url.Parse(c.Issuer); {
	case c.Issuer == "":
		c.At.fault("issuer", "is missing; write the provider's issuer, https://…")
	case checkURL(c.Issuer) != nil:
		c.At.fault("issuer", "%q %v", c.Issuer, checkURL(c.Issuer))
	case err == nil && (u.RawQuery != "" || u.ForceQuery): // OIDC Core 1.2: no query, no fragment
		c.At.fault("issuer", "%q has a query, which no issuer has; leave it out", c.Issuer)
	}
}

// only notes the keys that belong to another protocol: nobody would look at them.
func (c connectionFile) only(protocol provision.Protocol) {
	shape := reflect.TypeFor[connectionFile]()
	for i := range shape.NumField() {
		key, of := shape.Field(i).Tag.Get("key"), shape.Field(i).Tag.Get("only")
		if of != "" && !slices.Contains(strings.Fields(of), string(protocol)) && c.At.has(key) {
			c.At.fault(key, "is for protocol: %s only; leave it out", strings.ReplaceAll(of, " ", " and "))
		}
	}
}

// named are the attributes that a manifest gives names to.
func (a attributesFile) named() map[string]string {
	named := map[string]string{"email": a.Email, "name": a.Name, "groups": a.Groups}
	for what, name := range named {
		if name == "" {
			delete(named, what)
		}
	}
	return named
}
