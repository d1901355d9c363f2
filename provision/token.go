package provision

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// TokenID names a Token. It is no secret.
type TokenID string // "tok_…"

// Permit is what a Token may do: "read" or "write" everything that its Mandate reaches, or of one kind of thing alone, as in
// "accounts:read". Who may write may read.
type Permit string

// The permits of everything.
const (
	MayRead  Permit = "read"
	MayWrite Permit = "write"
)

// PermitKinds are the kinds of things that a Permit can be narrowed to.
func PermitKinds() []string {
	return []string{"tenants", "domains", "connections", "setups", "policies", "rules", "apps", "accounts", "leases", "elevations", "credentials", "audit", "deliveries", "tokens"}
}

// ParsePermit reads a permit.
func ParsePermit(text string) (Permit, error) {
	kind, what, narrowed := strings.Cut(text, ":")
	if !narrowed {
		kind, what = "", text
	}
	if (what != string(MayRead) && what != string(MayWrite)) || narrowed && !slices.Contains(PermitKinds(), kind) {
		return "", fmt.Errorf("scope %q: write read, write, or KIND:read and KIND:write, of %s: %w", text, strings.Join(PermitKinds(), ", "), ErrConflict)
	}
	return Permit(text), nil
}

// Allows reports whether p lets something of a kind be read, or written.
func (p Permit) Allows(kind string, write bool) bool {
	of, what, narrowed := strings.Cut(string(p), ":")
	if !narrowed {
		of, what = kind, string(p)
	}
	return kind != "" && of == kind && (what == string(MayWrite) || what == string(MayRead) && !write)
}

// Token is what a program acts with at the API. It belongs to its tenant, or to the installation, and not to who made it:
// it goes on when they leave, until it expires or is revoked, or what it hangs on is.
type Token struct {
	ID           TokenID
	Tenant       TenantID // "": everywhere
	Everywhere   bool
	Name         string
	Permits      []Permit
	Hash         []byte // SHA-256 of the secret part
	Created      time.Time
	Expires      time.Time
	By           Actor
	Maker        AccountID  `json:",omitempty"` // of the person who made it, or who made the token that made it; "": whoever may open the socket, or it is older than this
	Installation Generation // those that it was made under
	Generation   Generation // of the tenant
	Revoked      time.Time
	Used         time.Time // exact to a minute
}

// Behind is the person behind t: whoever made it in a session, also of a token that is older than Maker. "": nobody is, or nobody
// can tell.
func (t Token) Behind() AccountID {
	if t.Maker == "" && t.By.Via == ViaConsole {
		return AccountID(t.By.ID)
	}
	return t.Maker
}

// MaxTokenLife is the longest that a token lasts.
const MaxTokenLife = 366 * 24 * time.Hour

// TokenStanding is a token with everything that judges it, as one snapshot.
type TokenStanding struct {
	Token        Token
	Tenant       Tenant
	Installation Generation
}

// Refuses is why nobody may act with the token at now, or "". What it hangs on must not have been revoked since (I10).
func (s TokenStanding) Refuses(now time.Time) Reason {
	t := s.Token
	switch {
	case t.ID == "" || !t.Revoked.IsZero() || !now.Before(t.Expires) || t.Installation != s.Installation:
		return TokenInvalid
	case t.Everywhere && t.Tenant == "":
		return ""
	case t.Everywhere || t.Tenant == "" || s.Tenant.ID != t.Tenant || s.Tenant.Removal != "" || t.Generation != s.Tenant.Generation:
		return TokenInvalid
	case s.Tenant.Suspended:
		return TenantSuspended
	}
	return ""
}

// CreateToken makes a token. Its secret is not in it.
func CreateToken(s State, t Token, a Act) (Change, error) {
	switch {
	case s.Token.ID != "" || t.ID == "" || len(t.Hash) == 0:
		return Change{}, fmt.Errorf("token %s: %w", t.ID, ErrConflict)
	case t.Everywhere == (t.Tenant != ""):
		return Change{}, fmt.Errorf("token: of one tenant, or everywhere: %w", ErrConflict)
	case !t.Everywhere && (s.Tenant.ID != t.Tenant || s.Tenant.Removal != ""):
		return Change{}, fmt.Errorf("tenant %s: %w", t.Tenant, ErrNotFound)
	case !t.Expires.After(a.Now) || t.Expires.After(a.Now.Add(MaxTokenLife)):
		return Change{}, fmt.Errorf("token: it has to expire within %d days: %w", int(MaxTokenLife.Hours()/24), ErrConflict)
	case len(t.Permits) == 0 || t.Name == "" || len(t.Name) > 100:
		return Change{}, fmt.Errorf("token: a name of 100 characters at most and a scope are wanted: %w", ErrConflict)
	}
	for _, p := range t.Permits {
		if _, err := ParsePermit(string(p)); err != nil {
			return Change{}, err
		}
	}
	t.Created, t.By, t.Installation = a.Now, a.Actor, s.Installation
	if !t.Everywhere {
		t.Generation = s.Tenant.Generation
	}
	return a.token(t, "created"), nil
}

// RevokeToken ends a token, at once and for good.
func RevokeToken(s State, a Act) (Change, error) {
	t := s.Token
	if t.ID == "" || !t.Revoked.IsZero() {
		return Change{}, fmt.Errorf("token: %w", ErrNotFound)
	}
	t.Revoked = a.Now
	return a.token(t, "revoked"), nil
}

func (a Act) token(t Token, outcome string) Change {
	permits := make([]string, len(t.Permits))
	for i, p := range t.Permits {
		permits[i] = string(p)
	}
	return Change{Tokens: []Token{t}, Events: []Event{a.event(0, Event{
		Kind: EventToken, Tenant: t.Tenant, Outcome: outcome,
		Changes:  []string{"token: " + string(t.ID), "scope: " + strings.Join(permits, ","), "expires: " + t.Expires.UTC().Format(time.RFC3339)},
		Personal: Personal{Requester: a.Requester, Name: t.Name, Detail: a.Why},
	})}}
}
