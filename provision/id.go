package provision

import "strings"

// Identifiers. Those of tenants, connections and apps are chosen by people and name the object in a manifest; the
// others are drawn at random and never used again (a recycled id would hand one person's history to another).
type (
	TenantID     string // [a-z0-9-], at most 63 characters
	ConnectionID string // like TenantID, unique in the installation
	AppID        string // like TenantID
	AccountID    string // "acc_" and 26 characters of base32
	LeaseID      string // TENANT "." and 26 characters of base32 (130 bits); not a secret
	DecisionID   string // "dec_…"
	EventID      string // "evt_…"
	RevocationID string // "rev_…"
)

// Tenant is the tenant that the lease's id carries, or "" when the id has another form.
func (id LeaseID) Tenant() TenantID {
	tenant, rest, ok := strings.Cut(string(id), ".")
	if !ok || rest == "" {
		return ""
	}
	return TenantID(tenant)
}

// NewLeaseID makes the id of a lease of t from random text of at least 128 bits.
func NewLeaseID(t TenantID, random string) LeaseID {
	return LeaseID(string(t) + "." + strings.ToLower(random))
}

// ValidName reports whether s can name a tenant, a connection or an app: a lower-case letter or digit, then letters,
// digits and hyphens, 63 characters at most. Such a name is safe in a URL path, a file name and a log line.
func ValidName(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
