package broker

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"leasehold/idp"
	"leasehold/provision"
)

// Trade is an exchange as a workload asks for it (RFC 8693, 2.1).
type Trade struct {
	Tenant    provision.TenantID
	Token     string // the workload's own, of its issuer
	Code      string // of a person's commission, on whose behalf it is; "": on nobody's
	Rule      string // "": the first that fits
	Grant     string // "": the rule's only one
	Audience  []string
	Resources []string
	Purpose   string
	Task      string
	Signed    bool   // for an app off the path
	Renew     string // the handle of a lease that is to go on; the rest is what that lease has
	Requester provision.Requester
}

// Traded is what a workload gets. The zero Traded is nothing.
type Traded struct {
	Token   string
	Lease   provision.Lease
	Expires time.Time     // of the token, by the clock that messages are judged by
	Left    time.Duration // until then
	Latency time.Duration // for how long, at most, the token may be taken after its lease ended
}

// issuer is the name of a tenant's authorization server, which is also what tokens of workloads have to be made for.
func (b *Broker) issuer(t provision.TenantID) string { return WorkloadAudience(b.URL, t) }

// WorkloadAudience is what a token of a workload has to be made for: one tenant here, and nobody else.
func WorkloadAudience(url provision.Origin, t provision.TenantID) string {
	return url.String() + "/t/" + string(t)
}

// Exchange gives a workload a lease for its own token:
//  1. find the issuer that the token names, and verify it there
//  2. put the question to the gate together
//  3. decide and write: rule, account, lease and audit event, in one step
//
// A refusal is a *provision.DeniedError and the zero Traded.
func (b *Broker) Exchange(ctx context.Context, x Trade) (Traded, error) {
	if x.Renew != "" {
		return b.extend(ctx, x)
	}
	asked, err := b.introduced(ctx, x)
	if err != nil {
		return Traded{}, err
	}
	d, err := b.decided(ctx, asked)
	if err != nil {
		return Traded{}, err
	}
	return b.issue(x, d.Lease)
}

// decided is what the gate gave for an exchange or a renewal, and wrote; an error when it gave nothing.
func (b *Broker) decided(ctx context.Context, asked asked) (provision.Decision, error) {
	ids, err := b.ids()
	if err != nil {
		return provision.Decision{}, err
	}
	d, err := b.provide(ctx, asked.Request, asked.tenant, func(s provision.State) provision.Decision {
		d := provision.Decide(b.behalved(ctx, s, asked), asked.Request, ids, b.Ledger.Now())
		if !d.Allowed() && s.Account.ID == "" && s.Intended.Account.ID == "" { // anybody at a public issuer can cause it: it is counted
			d.Change = provision.Change{}
		}
		return d
	})
	if err == nil && !d.Allowed() {
		err = b.declined(asked, d)
	}
	return d, err
}

// declined is the refusal of an exchange. Of nobody who is known here there is no event of its own, and so no reference.
func (b *Broker) declined(asked asked, d provision.Decision) error {
	denied := &provision.DeniedError{Reason: d.Reason, Check: d.Check, Ref: string(d.ID), Tenant: asked.tenant}
	if len(d.Change.Events) == 0 {
		denied.Ref = ""
		b.tally.note(stroke{Kind: provision.EventExchangeProtocol, Tenant: asked.tenant, Connection: asked.Facts.Connection, Reason: d.Reason})
	}
	return denied
}

// issue is what the workload is handed for its lease.
func (b *Broker) issue(x Trade, l provision.Lease) (Traded, error) {
	now := b.Now()
	left := l.Until().Sub(b.Ledger.Now())
	if !x.Signed {
		return Traded{Token: b.handle(l.ID), Lease: l, Expires: now.Add(left), Left: left}, nil
	}
	left = min(left, AccessLife)
	token, err := b.signers.Load().use(b.Boottime()).signAccess(l, b.issuer(l.Tenant), b.originsOf(l.Grant.Audience), now, now.Add(left))
	if err != nil {
		return Traded{}, fmt.Errorf("sign access token: %w", err)
	}
	return Traded{Token: token, Lease: l, Expires: now.Add(left), Left: left, Latency: left}, nil
}

// introduced verifies a workload's token and puts the question to the gate together. A token that does not verify is
// counted, and no event of its own: anybody can send one.
func (b *Broker) introduced(ctx context.Context, x Trade) (asked, error) {
	refuse := func(c provision.ConnectionID, reason provision.Reason) (asked, error) {
		b.tally.note(stroke{Kind: provision.EventExchangeProtocol, Tenant: x.Tenant, Connection: c, Reason: reason})
		return asked{}, &provision.DeniedError{Reason: reason, Tenant: x.Tenant}
	}
	tenant, err := b.Registry.Tenant(ctx, x.Tenant)
	if errors.Is(err, provision.ErrNotFound) {
		x.Tenant = ""
		return refuse("", provision.TenantUnknown)
	}
	if err != nil {
		return asked{}, err
	}
	if b.givenHere(x.Tenant, x.Token) || b.givenHere(x.Tenant, x.Code) {
		return refuse("", provision.NotExchangeable)
	}
	x, commission, err := b.commissioned(ctx, x)
	var denied *provision.DeniedError
	if errors.As(err, &denied) {
		return refuse("", denied.Reason)
	}
	if err != nil {
		return asked{}, err
	}
	c, err := b.issuerOf(ctx, tenant, x)
	if errors.Is(err, provision.ErrNotFound) {
		return refuse("", provision.IssuerMismatch)
	}
	if err != nil {
		return asked{}, err
	}
	leave, err := b.room(ctx, c)
	if err != nil {
		return asked{}, err
	}
	defer leave()
	token, err := b.readIntroduction(ctx, c, x.Token)
	var no *idp.Rejected
	if errors.As(err, &no) {
		return refuse(c.ID, no.Check)
	}
	if err != nil {
		return asked{}, fmt.Errorf("connection %s: %w: %w", c.ID, provision.ErrUnavailable, err)
	}
	q, err := b.question(ctx, tenant, c, x, token)
	if err == nil && commission.ID != "" {
		q.Intent, q.Errand.Agent = provision.Intent{Account: commission.Account, Lease: commission.ID}, true
		_, q.began, err = b.origins(ctx, q.Target())
	}
	return q, err
}

func (b *Broker) readIntroduction(ctx context.Context, c provision.Connection, raw string) (idp.Token, error) {
	provider, err := b.providers.of(ctx, c)
	if err != nil {
		return idp.Token{}, err
	}
	reader, ok := provider.(idp.Introducer)
	if !ok {
		return idp.Token{}, provision.ErrCorrupt
	}
	return reader.ReadToken(ctx, raw)
}

// issuerOf is the trusted issuer that a token names, or that of the rule that is asked for. Nothing vouches for what is
// read here: whoever verifies the token holds it against the connection.
func (b *Broker) issuerOf(ctx context.Context, t provision.Tenant, x Trade) (provision.Connection, error) {
	of := func(c provision.Connection) bool {
		return c.Protocol == provision.Workloads && c.Tenant == t.ID && c.Removal == ""
	}
	if rule := t.Policy.Rule(x.Rule); rule.ID != "" {
		c, err := b.Registry.Connection(ctx, rule.Connection)
		if err == nil && !of(c) {
			err = provision.ErrNotFound
		}
		return c, err
	}
	issuer := claimedIssuer(x.Token)
	for _, rule := range t.Policy.Trust {
		c, err := b.Registry.Connection(ctx, rule.Connection)
		if err != nil && !errors.Is(err, provision.ErrNotFound) {
			return c, err
		}
		if err == nil && of(c) && c.Issuer == issuer && issuer != "" {
			return c, nil
		}
	}
	return provision.Connection{}, provision.ErrNotFound
}

// claimedIssuer is the issuer that a token names for itself.
func claimedIssuer(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(parts[1]) > 64<<10 {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return ""
	}
	return claims.Issuer
}

// question is what the gate is asked for a token that was verified.
func (b *Broker) question(ctx context.Context, t provision.Tenant, c provision.Connection, x Trade, token idp.Token) (asked, error) {
	rule := chosen(t.Policy, c.ID, x.Rule, token.Claims)
	r := provision.Request{
		Occasion: provision.OnExchange, Actor: provision.Actor{Kind: provision.Workload, Via: "token"}, Requester: x.Requester, Owner: rule.Owner, Received: b.Now(),
		Facts:  provision.Facts{Connection: c.ID, Subject: rule.SubjectOf(token.Claims), Claims: token.Claims},
		Authn:  provision.Authn{At: token.Issued, SessionEnd: token.Expires},
		Errand: b.errand(t, rule, x),
	}
	if rule.ID == "" {
		r.Errand.Rule = x.Rule
	}
	if r.Apps = r.Errand.Audience; len(r.Apps) == 1 {
		r.App = r.Apps[0]
	}
	if token.ID != "" {
		r.Spend = []provision.Spent{{Kind: "token", Scope: string(t.ID) + "/" + c.Issuer, ID: token.ID, Until: token.Issued.Add(provision.MaxTokenAge + 5*time.Minute)}}
	}
	var err error
	r.Pseudonym, err = b.Keys.Pseudonym(ctx, t.ID, provision.LinkKey{Connection: c.ID, Subject: r.Facts.Subject})
	if x.Task != "" {
		r.Over = []provision.Spent{b.endedTask(t.ID, r.Pseudonym, x.Task)}
	}
	return asked{Request: r, tenant: t.ID}, err
}

// chosen is the rule that was asked for, or the first of the issuer that fits the claims, or else its first.
func chosen(p provision.Policy, c provision.ConnectionID, name string, claims map[string]string) provision.TrustRule {
	if name != "" {
		return p.Rule(name)
	}
	var first provision.TrustRule
	for _, rule := range p.Trust {
		if rule.Connection != c || rule.Agent { // a code names its rule
			continue
		}
		if _, reason := rule.Refuses(claims); reason == "" && !rule.Disabled {
			return rule
		}
		if first.ID == "" {
			first = rule
		}
	}
	return first
}

// errand is what is asked for, with what goes without saying: the rule's only grant, and all apps of a grant.
func (b *Broker) errand(t provision.Tenant, rule provision.TrustRule, x Trade) provision.Errand {
	e := provision.Errand{Rule: rule.ID, Grant: x.Grant, Purpose: x.Purpose, Task: x.Task, Direct: x.Signed}
	if e.Grant == "" && len(rule.Grants) == 1 {
		e.Grant = rule.Grants[0]
	}
	for _, target := range x.Audience {
		e.Audience = appendNew(e.Audience, b.appNamed(target))
	}
	for _, target := range x.Resources { // of an app as a whole it is the app (RFC 8693, 2.1)
		if app := b.appNamed(strings.TrimSuffix(target, "/")); string(app) != strings.TrimSuffix(target, "/") {
			e.Audience = appendNew(e.Audience, app)
		} else {
			e.Resources = appendNew(e.Resources, target)
		}
	}
	if len(e.Audience) == 0 {
		e.Audience = slices.Clone(t.Policy.Grant(e.Grant).Apps)
	}
	return e
}

func appendNew[T comparable](items []T, item T) []T {
	if slices.Contains(items, item) {
		return items
	}
	return append(items, item)
}

// appNamed is the app that a target means, by its id or one of its origins; what means none stays as it is, and is
// refused by the gate.
func (b *Broker) appNamed(target string) provision.AppID {
	if app, err := b.index.app(target); err == nil {
		return app.ID
	}
	return provision.AppID(target)
}
