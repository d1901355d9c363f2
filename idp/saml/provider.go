package saml

import (
	"compress/flate"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"leasehold/idp"
	"leasehold/provision"
)

// Config makes a Provider. Every field is needed but OldKeys and SLO.
type Config struct {
	Connection  provision.Connection // its Metadata are parsed and judged
	EntityID    string               // ours, of this connection alone: an absolute URL
	SLO         string               // where log-outs come: an absolute URL, of this connection alone; "": single log-out is not offered
	ACS         string               // where answers are posted: an absolute URL, of this connection alone
	Key         crypto.Signer        // signs AuthnRequests: RSA or ECDSA on a NIST curve; RSA, if the connection reads encrypted assertions
	Certificate *x509.Certificate    // of Key, published in our metadata
	OldKeys     []KeyPair            // that were Key before: published after it, and tried for decryption after it, until providers know the new one
	Now         func() time.Time
}

// KeyPair is a service provider's key and the certificate that makes it known.
type KeyPair struct {
	Key         crypto.Signer
	Certificate *x509.Certificate
}

// Provider is one connection's service provider. It implements idp.Provider and what else idp has for SAML.
type Provider struct {
	connection provision.Connection
	entityID   string
	acs        string
	slo        string
	key        crypto.Signer
	pairs      []KeyPair         // the key's and the old ones
	openers    []*rsa.PrivateKey // of those, what encrypted assertions are opened by
	now        func() time.Time

	idp      Metadata
	names    names
	deflater sync.Pool // of *flate.Writer: one costs 800 KB
}

// The Provider is what a login knows of it.
var (
	_ idp.Provider  = (*Provider)(nil)
	_ idp.Describer = (*Provider)(nil)
	_ idp.Answerer  = (*Provider)(nil)
	_ idp.Ender     = (*Provider)(nil)
	_ idp.Leaver    = (*Provider)(nil)
)

// New makes the provider of a connection. An error says what is wrong with the connection's metadata or the
// configuration, in words for an administrator. Metadata past its validUntil is no error here: each login asks again.
func New(c Config) (*Provider, error) {
	switch {
	case c.Connection.ID == "" || c.EntityID == "" || c.ACS == "":
		return nil, errors.New("service provider: connection, entityID or ACS is missing")
	case c.Now == nil:
		return nil, errors.New("service provider: clock is missing")
	}
	pairs := append([]KeyPair{{c.Key, c.Certificate}}, c.OldKeys...)
	openers, err := judgeKeys(pairs, c.Connection.Encryption)
	if err != nil {
		return nil, fmt.Errorf("service provider: %w", err)
	}
	metadata, err := readMetadata(c.Connection.Metadata)
	if err != nil {
		return nil, fmt.Errorf("metadata of connection %s: %w", c.Connection.ID, err)
	}
	named, err := namesOf(c.Connection)
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", c.Connection.ID, err)
	}
	return &Provider{
		connection: c.Connection, entityID: c.EntityID, acs: c.ACS, slo: c.SLO, key: c.Key, pairs: pairs, openers: openers, now: c.Now,
		idp: metadata, names: named, deflater: sync.Pool{New: newDeflater},
	}, nil
}

// Verify judges a posted response (SAML Bindings 3.5). See the package's documentation for the order of the steps.
func (p *Provider) Verify(_ context.Context, a idp.Attempt, form idp.Form) (provision.Assertion, error) {
	now := p.now()
	if err := p.idp.checkValid(now); err != nil {
		return provision.Assertion{}, err
	}
	doc, err := document(a, form)
	if err != nil {
		return provision.Assertion{}, err
	}
	root, err := scan(doc, false)
	if err != nil {
		return provision.Assertion{}, err
	}
	posted, err := p.open(root)
	if err != nil {
		return provision.Assertion{}, err
	}
	verified, err := p.verify(posted)
	if err != nil {
		return provision.Assertion{}, err
	}
	said, err := p.judge(verified, a, now)
	if err != nil && a.Trial {
		said.Survey = p.survey(verified, a, now)
	}
	return said, err
}

// judge holds a verified message against the rules of the protocol, and says what it says.
func (p *Provider) judge(m message, a idp.Attempt, now time.Time) (provision.Assertion, error) {
	none := provision.Assertion{}
	r := rules{issuer: p.idp.EntityID, audience: p.entityID, acs: p.acs, request: a.RequestID, now: now}
	if err := r.response(m); err != nil {
		return none, err
	}
	issued, err := r.assertion(m.assertion)
	if err != nil {
		return none, err
	}
	until, err := r.conditions(m.assertion, issued)
	if err != nil {
		return none, err
	}
	subject, err := one(m.assertion, nsAssertion, "Subject")
	if err != nil {
		return none, err
	}
	if err := r.confirmed(subject, issued); err != nil {
		return none, err
	}
	authn, err := r.authn(m.assertion)
	if err != nil {
		return none, err
	}
	if a.Fresh && authn.At.Before(a.Began.Add(-skew)) { // SAML Core 3.4.1, ForceAuthn
		return none, idp.Reject(provision.AuthTooOld, "authentication at %s, asked for a new one at %s", stamp(authn.At), stamp(a.Began))
	}
	if a.Trial {
		none.Claims = claimed(m.assertion, subject)
	}
	facts, err := p.facts(m.assertion, subject)
	if err != nil {
		return none, err
	}
	upstream, err := p.upstream(m.assertion, subject)
	if err != nil {
		return none, err
	}
	spent := provision.Spent{Kind: "assertion", Scope: string(p.connection.ID), ID: idOf(m.assertion), Until: until}
	return provision.Assertion{Facts: facts, Authn: authn, Upstream: upstream, Spend: []provision.Spent{spent}, Claims: none.Claims}, nil
}

// judgeKeys wants keys that can sign, each with its certificate. It answers with those that can decrypt; where that is
// wanted, the first must: it is the one that providers are to use.
func judgeKeys(pairs []KeyPair, decrypt bool) ([]*rsa.PrivateKey, error) {
	var openers []*rsa.PrivateKey
	for i, pair := range pairs {
		if pair.Key == nil || pair.Certificate == nil {
			return nil, errors.New("key or certificate is missing")
		}
		if err := canSign(pair.Key); err != nil {
			return nil, err
		}
		if !sameKey(pair.Key.Public(), pair.Certificate.PublicKey) {
			return nil, errors.New("the certificate is not the key's")
		}
		key, ok := pair.Key.(*rsa.PrivateKey)
		switch {
		case ok:
			openers = append(openers, key)
		case decrypt && i == 0:
			return nil, fmt.Errorf("key of type %T opens no encrypted assertion; use RSA", pair.Key)
		}
	}
	return openers, nil
}

// canSign is nil for a key whose signatures identity providers verify.
func canSign(key crypto.Signer) error {
	switch public := key.Public().(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
		return usable(public)
	default:
		return fmt.Errorf("key of type %T signs no AuthnRequest; use RSA or ECDSA", public)
	}
}

func newDeflater() any {
	w, _ := flate.NewWriter(io.Discard, flate.DefaultCompression) // errs on an unknown level only
	return w
}
