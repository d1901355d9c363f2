package broker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"leasehold/provision"
)

// Elevations lists requests for roles.
type Elevations interface {
	// Elevations lists those that a filter chooses, in the order of their ids.
	Elevations(ctx context.Context, f provision.ElevationFilter) ([]provision.Elevation, error)
}

// expireEvery is how often requests that nobody decided on are closed. They give nothing from their time on, closed or not.
const expireEvery = 5 * time.Second

// Wanting is what a person asks for in her session: a role, for how long, and why.
type Wanting struct {
	Role string
	For  time.Duration
	Said provision.Said
}

// Petition is a request for a role, with whose it is.
type Petition struct {
	provision.Elevation
	Asker provision.Account
}

// Privileges is what somebody sees of roles for a while.
type Privileges struct {
	Standing provision.Standing
	Now      time.Time                 // ledger time
	Rules    []provision.ElevationRule // by which she may ask
	Live     []provision.Lease         // that give her a role now
	Mine     []provision.Elevation     // requests of hers that wait
	ForMe    []Petition                // requests of others on which she may decide
}

// Privileges is what the person whose cookie this is sees of roles for a while.
func (b *Broker) Privileges(ctx context.Context, token string, o provision.Origin) (Privileges, error) {
	s, err := b.Session(ctx, token, o)
	if err != nil {
		return Privileges{}, err
	}
	d := Privileges{Standing: s, Now: b.Ledger.Now(), Rules: s.Askable(), Live: s.Elevations}
	if len(s.Tenant.Policy.Elevate) == 0 {
		return d, nil
	}
	waiting, err := b.Petitions(ctx, provision.ElevationFilter{Tenant: s.Tenant.ID, Waiting: true, Limit: 1000})
	for _, w := range waiting {
		switch {
		case !d.Now.Before(w.Expires):
		case w.Account == s.Account.ID:
			d.Mine = append(d.Mine, w.Elevation)
		case approves(s, w):
			d.ForMe = append(d.ForMe, w)
		}
	}
	return d, err
}

// approves reports whether the holder of s is among the approvers of some rule for a request's role. Whether the word
// counts is for the gate to say.
func approves(s provision.Standing, w Petition) bool {
	return slices.ContainsFunc(s.Tenant.Policy.Elevate, func(r provision.ElevationRule) bool {
		return r.Role == w.Role && r.Approve == provision.ByApprover && r.Approvers.Has(s.Account.Groups, s.Roles())
	})
}

// AskElevation asks for a role in a person's session. What comes back has begun, or waits; a refusal is a DeniedError, and
// in the audit.
func (b *Broker) AskElevation(ctx context.Context, token string, o provision.Origin, w Wanting, from provision.Requester) (provision.Elevation, error) {
	s, err := b.Session(ctx, token, o)
	if err != nil {
		return provision.Elevation{}, err
	}
	return b.askElevation(ctx, Deed{Actor: provision.Actor{Kind: provision.Person, ID: string(s.Account.ID), Via: "web"}, Requester: from}, s.Lease.ID, w)
}

func (b *Broker) askElevation(ctx context.Context, d Deed, session provision.LeaseID, w Wanting) (provision.Elevation, error) {
	ask := provision.ElevationAsk{ID: provision.ElevationID("elv_" + draw()), Role: w.Role, For: w.For, Said: w.Said}
	if d.Once != "" {
		ask.ID = provision.ElevationID("elv_" + b.derived(d, "elevation"))
	}
	t := provision.Target{Lease: session, Elevations: true}
	return b.rule(ctx, d, t, ask.ID, func(s provision.State, a provision.Act) provision.Ruling { return provision.AskElevation(s, ask, a) })
}

// JudgeElevation is the word of the person whose cookie this is on a request. Of a request of her own it can only be no.
func (b *Broker) JudgeElevation(ctx context.Context, token string, o provision.Origin, j Judgement) (provision.Elevation, error) {
	s, err := b.Session(ctx, token, o)
	if err != nil {
		return provision.Elevation{}, err
	}
	e, err := b.elevation(ctx, j.ID)
	if err == nil && e.Tenant != s.Tenant.ID { // I11: there is nothing there for her
		err = fmt.Errorf("request %s: %w", j.ID, provision.ErrNotFound)
	}
	if err != nil {
		return e, err
	}
	d := Deed{Actor: provision.Actor{Kind: provision.Person, ID: string(s.Account.ID), Via: "web"}, Requester: j.From, Why: j.Why}
	return b.ruleOn(ctx, d, e, j.Yes, s)
}

// Judgement is a word on a request.
type Judgement struct {
	ID   provision.ElevationID
	Yes  bool
	Why  string
	From provision.Requester
}

func (b *Broker) ruleOn(ctx context.Context, d Deed, e provision.Elevation, yes bool, in provision.Standing) (provision.Elevation, error) {
	t := provision.Target{Lease: e.Session, Elevations: true, Intent: provision.Intent{Account: in.Account.ID, Lease: in.Lease.ID}}
	return b.rule(ctx, d, t, e.ID, func(s provision.State, a provision.Act) provision.Ruling {
		return provision.RuleElevation(s, e.ID, yes, a)
	})
}

// rule commits what the gate says about a request. A refusal is committed, too: its event; and asked for again under the same
// name, it is judged again.
func (b *Broker) rule(ctx context.Context, d Deed, t provision.Target, id provision.ElevationID, gate func(provision.State, provision.Act) provision.Ruling) (provision.Elevation, error) {
	a, err := b.act(d)
	if err != nil {
		return provision.Elevation{}, err
	}
	of, by, err := b.origins(ctx, t)
	if err != nil {
		return provision.Elevation{}, err
	}
	var ruling provision.Ruling
	var tenant provision.Tenant
	judge := b.once(d, &t, func(s provision.State) (provision.Change, error) {
		a.Now, tenant = b.Ledger.Now(), s.Former.Tenant
		s.Former.Met, s.Intended.Met = b.met(ctx, s.Former, of, a.Now), b.met(ctx, s.Intended, by, a.Now)
		ruling = gate(s, a)
		return ruling.Change, nil
	})
	_, err = b.amend(ctx, t, func(s provision.State) (provision.Change, error) {
		ruling = provision.Ruling{}
		c, err := judge(s)
		if ruling.Reason != "" {
			c.Spent = nil
		}
		return c, err
	})
	switch {
	case err != nil:
		return provision.Elevation{}, err
	case ruling.Reason == "" && ruling.Elevation.ID == "": // it was done before
		return b.elevation(ctx, id)
	case ruling.Reason != "":
		denied := &provision.DeniedError{Reason: ruling.Reason, Tenant: tenant.ID, Contact: tenant.Contact}
		if len(ruling.Change.Events) > 0 {
			denied.Ref = ruling.Change.Events[0].Ref()
		}
		return ruling.Elevation, denied
	}
	return ruling.Elevation, nil
}

// EndElevation ends a role before its time. It is not for sessions, which have verbs of their own.
func (b *Broker) EndElevation(ctx context.Context, d Deed, id provision.ElevationID) (provision.Elevation, error) {
	e, err := b.elevation(ctx, id)
	if err == nil && e.Lease == "" {
		err = fmt.Errorf("request %s is %s: %w", id, e.State, provision.ErrConflict)
	}
	if err != nil {
		return e, err
	}
	return e, b.RevokeLease(ctx, d, e.Lease)
}

// elevation is one request.
func (b *Broker) elevation(ctx context.Context, id provision.ElevationID) (provision.Elevation, error) {
	var found []provision.Elevation
	var err error
	if id != "" {
		found, err = b.Elevations.Elevations(ctx, provision.ElevationFilter{ID: id})
	}
	if err == nil && len(found) != 1 {
		err = provision.ErrNotFound
	}
	if err != nil {
		return provision.Elevation{ID: id}, fmt.Errorf("request %s: %w", id, err)
	}
	return found[0], nil
}

// Petitions lists requests for roles with whose they are and what was said, as far as that was not erased: a page
// in the order of ids, sorted by when they were asked for.
func (b *Broker) Petitions(ctx context.Context, f provision.ElevationFilter) ([]Petition, error) {
	found, err := b.Elevations.Elevations(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("requests for roles: %w", err)
	}
	return b.petitions(ctx, found)
}

// petitions are requests with whose they are, sorted by when they were asked for.
func (b *Broker) petitions(ctx context.Context, found []provision.Elevation) ([]Petition, error) {
	pending := make([]Petition, 0, len(found))
	for _, e := range found {
		asker, _, _, err := b.Registry.Account(ctx, e.Account)
		if err != nil && !errors.Is(err, provision.ErrNotFound) {
			return nil, fmt.Errorf("account %s: %w", e.Account, err)
		}
		pending = append(pending, Petition{b.Keys.openElevation(e, asker.Key), asker})
	}
	slices.SortStableFunc(pending, func(x, y Petition) int { return cmp.Or(x.Asked.Compare(y.Asked), cmp.Compare(x.ID, y.ID)) })
	return pending, nil
}

// expireElevations closes requests that nobody decided on in time.
func (b *Broker) expireElevations(ctx context.Context) error {
	late, err := b.Elevations.Elevations(ctx, provision.ElevationFilter{Late: b.Ledger.Now()})
	faults := []error{err}
	for _, e := range late {
		a, err := b.act(Deed{Actor: provision.Actor{Kind: provision.System, Via: "reaper"}})
		if err == nil {
			_, err = b.amend(ctx, provision.Target{Lease: e.Session, Elevations: true, Quiet: true}, func(s provision.State) (provision.Change, error) {
				return provision.ExpireElevations(s, a), nil
			})
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// elevationName is what a request's words are sealed with, so that they pass for no other's.
func elevationName(e provision.Elevation) string { return "elevation/" + string(e.ID) }

// sealElevation closes what was said under the asker's key.
func (k *Keyring) sealElevation(e provision.Elevation, key []byte) (provision.Elevation, error) {
	if e.Said == (provision.Said{}) {
		return e, nil
	}
	aead, err := k.accountKey(e.Account, key)
	if err != nil {
		return e, err
	}
	e.Sealed, err = sealValue(aead, e.Said, elevationName(e))
	return e, err
}

// openElevation is e with what was said, unless that was erased.
func (k *Keyring) openElevation(e provision.Elevation, key []byte) provision.Elevation {
	aead, err := k.accountKey(e.Account, key)
	if err != nil || len(e.Sealed) == 0 {
		return e
	}
	if plain, err := open(aead, e.Sealed, elevationName(e)); err == nil {
		_ = json.Unmarshal(plain, &e.Said) // what does not read is shown as erased
	}
	return e
}
