package broker

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"leasehold/provision"
)

// AssertionLife is how long a signed assertion is good for, and assertionReserve what must be left of it when it is
// handed out.
const (
	AssertionLife    = 60 * time.Second
	assertionReserve = 30 * time.Second
)

// telling is what one app is told about the holder of one lease.
type telling struct {
	app      provision.AppID
	origin   string // of the app: the audience of what is signed
	revision int64
	elevated []string // roles for a while among those that it tells of
	header   map[string][]string
	until    time.Time // then the assertion is too old to be handed out
}

// tell is what the app is told, rendered once and signed anew when the assertion grows old. The tenant's policy is part
// of the entry: when it changes, the entry goes. Roles for a while come and go with time alone: what was rendered counts
// for the same ones only, and no assertion outlives the first of them.
func (b *Broker) tell(app *door, origin string, e *entry, s *provision.Standing, now time.Time) (map[string][]string, error) {
	wall := b.Now()
	elevated, until := s.Elevated(now)
	if told := e.told.Load(); told != nil {
		for _, t := range *told {
			if t.app == app.ID && t.origin == origin && t.revision == app.Revision && slices.Equal(t.elevated, elevated) && wall.Before(t.until) {
				return t.header, nil
			}
		}
	}
	who := Identity{
		Account: s.Account.ID, Email: s.Account.Email.String(), Name: s.Account.Name, Roles: s.Effective(now), Groups: s.Account.Groups,
		Tenant: s.Tenant.ID, Lease: s.Lease.ID, Expires: s.Lease.Until(), Workload: errandOf(s.Lease),
	}
	expires := wall.Add(min(AssertionLife, s.Lease.Until().Sub(now)))
	if !until.IsZero() {
		expires = wall.Add(min(expires.Sub(wall), until.Sub(now)))
	}
	var err error
	if who.Assertion, err = b.signers.Load().use(b.Boottime()).sign(who, origin, wall, expires); err != nil {
		return nil, fmt.Errorf("sign assertion: %w", err)
	}
	fresh := &telling{app: app.ID, origin: origin, revision: app.Revision, elevated: elevated, header: b.Present(app.App, who), until: expires.Add(-min(assertionReserve, expires.Sub(wall)/2))}
	e.remember(fresh)
	b.index.tellings.add(e)
	return fresh.header, nil
}

func (e *entry) remember(fresh *telling) {
	told := e.told.Load()
	next := []*telling{fresh}
	if told != nil {
		next = append(next, slices.DeleteFunc(slices.Clone(*told), func(t *telling) bool { return t.app == fresh.app && t.origin == fresh.origin })...)
	}
	e.told.CompareAndSwap(told, &next) // a race lost costs one more signature
}

// tellings bounds how many entries hold what apps are told: the one that was told longest ago forgets it.
type tellings struct {
	mu   sync.Mutex
	ring []*entry
	next int
}

// maxTold is how many entries hold what apps are told. A rendered answer is about 2 KB.
const maxTold = 16_384

func (t *tellings) add(e *entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ring == nil {
		t.ring = make([]*entry, maxTold)
	}
	if old := t.ring[t.next]; old != nil && old != e {
		old.told.Store(nil)
	}
	t.ring[t.next] = e
	t.next = (t.next + 1) % len(t.ring)
}

// signer makes the assertion that an app can verify without trusting the path to it.
type signer struct {
	issuer string
	jose   jose.Signer
	access jose.Signer // of access tokens, which must not pass for assertions
	public jose.JSONWebKey
}

func newSigner(url provision.Origin, der []byte) (*signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	private := jose.JSONWebKey{Key: key, Algorithm: string(jose.ES256), Use: "sig"}
	thumb, err := private.Thumbprint(crypto.SHA256) // RFC 7638
	if err != nil {
		return nil, err
	}
	private.KeyID = fmt.Sprintf("%x", thumb[:8])
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: private}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, err
	}
	access, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: private}, (&jose.SignerOptions{}).WithType(accessType))
	return &signer{url.String(), s, access, private.Public()}, err
}

// published is the key set of signers, as it is served (RFC 7517).
func published(signers []*signer) ([]byte, error) {
	var known jose.JSONWebKeySet
	for _, s := range signers {
		known.Keys = append(known.Keys, s.public)
	}
	return json.Marshal(known)
}

func newAssertionKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

// claims are those of the assertion; the audience is the app's origin, so that it is worth nothing at another.
type claims struct {
	jwt.Claims
	Tenant string   `json:"tenant"`
	Roles  []string `json:"roles"`
	Lease  string   `json:"lease"`
	Email  string   `json:"email,omitempty"`

	Rule      string   `json:"rule,omitempty"` // of a workload
	Task      string   `json:"task,omitempty"`
	Resources []string `json:"resources,omitempty"`
	Act       *act     `json:"act,omitempty"` // of an agent: it acts for the subject
}

func (s *signer) sign(who Identity, audience string, now, expires time.Time) (string, error) {
	roles := who.Roles
	if roles == nil {
		roles = []string{}
	}
	return jwt.Signed(s.jose).Claims(claims{
		Claims: jwt.Claims{
			Issuer: s.issuer, Subject: string(who.Account), Audience: jwt.Audience{audience},
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(expires),
		},
		Tenant: string(who.Tenant), Roles: roles, Lease: string(who.Lease), Email: who.Email,
		Rule: who.Workload.Rule, Task: who.Workload.Task, Resources: who.Workload.Resources, Act: actOf(who.Workload.Actor),
	}).Serialize()
}

// JWKS is the public keys of the signed assertion (RFC 7517).
func (b *Broker) JWKS() []byte { return *b.jwks.Load() }
