package provision

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Faults lists everything that makes c unusable, each as a sentence that begins with the key at fault.
func (c Connection) Faults() (faults []string) {
	add := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if len(c.Domains) == 0 && c.Protocol != Workloads {
		add("domains: is empty; name those of the tenant's domains that it may assert")
	}
	for i, d := range c.Domains {
		if d.IsZero() || slices.Contains(c.Domains[:i], d) {
			add("domains: %s is no domain, or here twice", d)
		}
	}
	for what := range c.Attributes {
		if !slices.Contains([]string{"email", "name", "groups"}, what) {
			add("attributes: %q is none of email, name, groups", what)
		}
	}
	switch c.Protocol {
	case SAML:
		c.samlFaults(add)
	case OIDC:
		c.oidcFaults(add)
	case Workloads:
		c.workloadFaults(add)
	default:
		add("protocol: %q is none of saml, oidc, workload", c.Protocol)
	}
	return faults
}

func (c Connection) samlFaults(add func(string, ...any)) {
	c.subjectFault(add, "attribute:", "nameid")
	if c.MetadataURL != "" && !IsWebURL(c.MetadataURL) {
		add("metadata_url: write https://…, or http:// on a loopback name")
	}
	if c.Issuer+c.ClientID != "" || c.TrustEmail || c.Liveness != (Liveness{}) {
		add("protocol: issuer, client_id, trust_email and liveness are of oidc")
	}
}

func (c Connection) oidcFaults(add func(string, ...any)) {
	c.subjectFault(add, "claim:", "sub", "tid+oid")
	if !IsWebURL(c.Issuer) || strings.ContainsAny(c.Issuer, "?#") { // OIDC Core 1.2: no query, no fragment
		add("issuer: write the provider's issuer, https://…, without a query")
	}
	if c.ClientID == "" {
		add("client_id: is missing")
	}
	if len(c.Metadata) > 0 || c.MetadataURL != "" || c.Encryption || c.IDPInitiated {
		add("protocol: metadata, metadata_url, encryption and idp_initiated are of saml")
	}
	if l := c.Liveness; l != (Liveness{}) && (l.Every < time.Second || l.MaxStale < l.Every) {
		add("liveness: every has to be a second or more, and max_stale no shorter")
	}
}

func (c Connection) workloadFaults(add func(string, ...any)) {
	if !IsWebURL(c.Issuer) || strings.ContainsAny(c.Issuer, "?#") {
		add("issuer: write the issuer of the tokens, https://…, without a query")
	}
	if len(c.Domains) > 0 || c.Default || c.Subject != "" || len(c.Attributes) > 0 || len(c.Metadata) > 0 || c.MetadataURL+c.ClientID != "" || c.Encryption || c.IDPInitiated || c.TrustEmail || c.Liveness != (Liveness{}) {
		add("protocol: of a workload's issuer there is an issuer and keys, and nothing else")
	}
	if len(c.KeySet) > MaxKeySet {
		add("keys: has more than %d bytes", MaxKeySet)
	}
}

func (c Connection) subjectFault(add func(string, ...any), prefix string, words ...string) {
	if named, ok := strings.CutPrefix(c.Subject, prefix); !slices.Contains(words, c.Subject) && (!ok || named == "") {
		add("subject: write %s or %sNAME", strings.Join(words, ", "), prefix)
	}
}

// IsWebURL reports whether text is an address that a server of ours may ask: https, or http on a loopback name; no
// password in it, no fragment.
func IsWebURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(text) > 2048 {
		return false
	}
	host := u.Hostname()
	address, err := netip.ParseAddr(host)
	loopback := err == nil && address.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
	return u.Scheme == "https" || u.Scheme == "http" && loopback
}

// Faults lists everything that makes a unusable beside an SSO host.
func (a App) Faults(sso Origin) (faults []string) {
	add := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if !ValidName(string(a.ID)) {
		add("id: lower-case letters, digits and hyphens are wanted")
	}
	if len(a.Origins) == 0 {
		add("origins: is empty; write the origin that browsers reach the app at")
	}
	for i, o := range a.Origins {
		if o.IsZero() || o == sso || slices.Contains(a.Origins[:i], o) {
			add("origins: %s is none of an app, or here twice", o)
		}
	}
	switch {
	case a.Headers == "leasehold" && a.User == "":
	case a.Headers == "remote-user" && slices.Contains([]string{"id", "email", "name"}, a.User):
	default:
		add("headers: leasehold, or remote-user with user: id, email or name")
	}
	if a.MistakesWorkloads() {
		add("user: id is wanted beside workloads: a workload has no address, and its name is that of its rule")
	}
	for _, path := range a.Public {
		if exact := strings.TrimSuffix(path, "/*"); path == "" || path[0] != '/' || strings.ContainsAny(exact, "*?#") {
			add("public: %q is no path; write /path, or /path/* for all below it", path)
		}
	}
	if a.MaxSession < 0 {
		add("max_session: is below 0")
	}
	if a.Notify.URL != "" && !IsWebURL(a.Notify.URL) {
		add("notify.url: write https://…, or http:// on a loopback name")
	}
	return faults
}
