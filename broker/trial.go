package broker

import (
	"context"
	"errors"
	"time"

	"leasehold/idp"
	"leasehold/provision"
)

// Trial is what came of a login that was only tried: nobody was let in, and nothing was made.
type Trial struct {
	At         time.Time
	Connection provision.ConnectionID
	Revision   int64 // of the connection
	Protocol   provision.Protocol
	Claims     []provision.Claimed // everything that was said
	Facts      provision.Facts     // what the connection made of it
	Authn      provision.Authn
	Outcome    provision.Outcome  // what would have come of it; denied by a protocol, too
	Reason     provision.Reason   // "": the person would have been let in
	Found      string             // what was expected and what came
	Protocoled bool               // the protocol refused it, and not the gate: Found says nothing of the tenant
	Ref        string             // of its event
	Looked     []provision.Looked // what was looked at for itself, after something had failed
	Roles      []string           // that the person would have
	Pasted     bool               // somebody pasted the message: it came by no browser
	AsOf       time.Time          // as of when one that was too old was judged; zero: now
}

// Good reports whether the person would have been let in.
func (t Trial) Good() bool { return t.Reason == "" && t.Outcome != provision.Denied && t.Outcome != "" }

// trying is what makes a login one that is only tried.
type trying struct {
	name string            // under which what comes of it is kept
	back string            // the path of the page that shows it
	by   provision.SetupID // whose setup it is; "": an administrator's
	mark provision.Actor
}

// fault is why an answer to a trial was refused.
type fault struct {
	Check  provision.Reason
	Text   string
	Claims []provision.Claimed
	Survey *provision.Survey
}

func faultOf(no *idp.Rejected, said provision.Assertion) *fault {
	return &fault{no.Check, no.Err.Error(), said.Claims, said.Survey}
}

// TriedError is how a login that was only tried ends: nobody is let in.
type TriedError struct {
	Back string // the path of the page that shows what came of it
}

func (e *TriedError) Error() string { return "the login was only tried" }

// kindTrial are trials that somebody will look at.
const kindTrial = "trial/"

// trialLife is how long what was said in a trial is kept: it is personal, and in no store for good.
const trialLife = time.Hour

// tried judges a login that is only tried, and keeps what came of it for whoever wanted it.
func (b *Broker) tried(ctx context.Context, u underway, back Return) error {
	said, no, err := b.answered(ctx, u, back)
	if err != nil {
		return err
	}
	var t Trial
	if no != nil {
		t, err = b.refusedTrial(ctx, u, no, back.Requester)
	} else {
		t, err = b.rehearse(ctx, u, said, back)
	}
	if err != nil {
		return err
	}
	if err := b.keepTrial(ctx, u.Trying, t); err != nil {
		return err
	}
	return &TriedError{u.Back}
}

// answered is what the answer to a trial says, or why it was refused.
func (b *Broker) answered(ctx context.Context, u underway, back Return) (provision.Assertion, *fault, error) {
	if u.Parked == nil && u.Fault != nil {
		return provision.Assertion{}, u.Fault, nil
	}
	said, err := b.take(ctx, u, back)
	var no *idp.Rejected
	if errors.As(err, &no) {
		return said, faultOf(no, said), nil
	}
	return said, nil, err
}

// rehearse asks the gate what it would decide, and writes that it was asked.
func (b *Broker) rehearse(ctx context.Context, u underway, said provision.Assertion, back Return) (Trial, error) {
	back.Session = "" // nothing is replaced
	request, err := b.request(ctx, u, said, back)
	if err != nil {
		return Trial{}, err
	}
	request.Actor = u.Mark
	ids, err := b.ids()
	if err != nil {
		return Trial{}, err
	}
	var d provision.Decision
	var state provision.State
	var looked []provision.Looked
	done, err := b.amend(ctx, request.Target(), func(s provision.State) (provision.Change, error) {
		if state = s; u.outdated(s) {
			return provision.Change{}, &provision.DeniedError{Reason: provision.AttemptUnknown}
		}
		now := b.Ledger.Now()
		judged := b.judged(ctx, s, request.Request, now)
		if d = provision.Rehearse(judged, request.Request, ids, now); d.Reason != "" {
			looked = provision.LookAll(judged, request.Request, now)
		}
		if u.Pasted {
			d.Change.Setups, d.Change.Spent = nil, nil // nobody has shown that a login works, and nothing is used up
		}
		return d.Change, nil
	})
	if err != nil {
		return Trial{}, err
	}
	event := done.Events[0]
	t := Trial{
		At: event.Time, Connection: u.Connection, Revision: state.Connection.Revision, Protocol: state.Connection.Protocol, Claims: said.Claims, Facts: said.Facts, Authn: said.Authn,
		Outcome: d.Outcome, Reason: d.Reason, Found: event.Personal.Detail, Ref: string(event.ID), Looked: looked,
	}
	if t.Good() {
		t.Roles = state.Tenant.Policy.WithDefaults().Roles.For(said.Facts.Groups)
	}
	return t, nil
}

// refusedTrial writes that the protocol refused a trial.
func (b *Broker) refusedTrial(ctx context.Context, u underway, no *fault, from provision.Requester) (Trial, error) {
	c, err := b.Registry.Connection(ctx, u.Connection)
	if err != nil {
		return Trial{}, err
	}
	a, err := b.act(Deed{Actor: u.Mark, Requester: from})
	if err != nil {
		return Trial{}, err
	}
	e := provision.Event{
		ID: a.IDs.Event(0), Time: a.Now, Kind: provision.EventTest, Tenant: c.Tenant, Connection: c.ID, Outcome: string(provision.Denied), Reason: string(no.Check), Actor: a.Actor,
		Personal: provision.Personal{Requester: from, Detail: no.Text},
	}
	if _, err := b.amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) {
		return provision.Change{Events: []provision.Event{e}}, nil
	}); err != nil {
		return Trial{}, err
	}
	looked, err := b.lookOn(ctx, u, no, from)
	if err != nil {
		return Trial{}, err
	}
	return Trial{
		Looked: looked,
		At:     e.Time, Connection: c.ID, Revision: c.Revision, Protocol: c.Protocol, Claims: no.Claims, Outcome: provision.Denied, Reason: no.Check, Found: no.Text, Protocoled: true, Ref: string(e.ID),
	}, nil
}

// paste judges a response that somebody pasted, and keeps what came of it.
func (b *Broker) paste(ctx context.Context, c provision.Connection, t *trying, pasted string, from provision.Requester) error {
	provider, err := b.providers.of(ctx, c)
	if err != nil {
		return err
	}
	reader, ok := provider.(idp.Inspector)
	if !ok {
		return &SetupError{"Only SAML responses can be pasted.", errors.New("the answer of an OpenID provider is a code, which only a real login can exchange")}
	}
	tenant, err := b.Registry.Tenant(ctx, c.Tenant)
	if err != nil {
		return err
	}
	leave, err := b.room(ctx, c)
	if err != nil {
		return err
	}
	defer leave()
	u := underway{
		Attempt: idp.Attempt{ID: idp.AttemptID(draw()), Connection: c.ID, Trial: true, Expires: b.Now().Add(attemptLife)},
		Trust:   c.Generation, Tenant: tenant.Generation, Voided: tenant.Voided, Setup: t.by, Trying: t.name, Mark: t.mark, Pasted: true,
	}
	said, asOf, err := reader.Inspect(pasted)
	var no *idp.Rejected
	var came Trial
	switch {
	case errors.As(err, &no):
		came, err = b.refusedTrial(ctx, u, faultOf(no, said), from)
	case err == nil:
		came, err = b.rehearse(ctx, u, said, Return{Requester: from})
	}
	if err != nil {
		return err
	}
	came.Pasted, came.AsOf = true, asOf
	return b.keepTrial(ctx, t.name, came)
}

// TestResponse judges a SAML response that somebody pasted, at a connection that m reaches. What came of it is found by
// TestedLogin under the same name.
func (b *Broker) TestResponse(ctx context.Context, m Mandate, id provision.ConnectionID, name, pasted string) error {
	c, err := b.Registry.Connection(ctx, id)
	if err == nil {
		err = m.Over(c.Tenant)
	}
	if err != nil {
		return err
	}
	if !m.Write {
		return &provision.DeniedError{Reason: provision.OfficeMissing}
	}
	return b.paste(ctx, c, &trying{name: trialOf(m, name), mark: m.Actor}, pasted, m.Requester)
}

func (b *Broker) keepTrial(ctx context.Context, name string, t Trial) error {
	_, err := b.Attempts.Take(ctx, kindTrial+name) // the former one
	if err != nil && !errors.Is(err, provision.ErrNotFound) {
		return err
	}
	return b.store(ctx, kindTrial, name, [32]byte{}, b.Now().Add(trialLife), t)
}

// trial is what came of the last one under a name, or ErrNotFound.
func (b *Broker) trial(ctx context.Context, name string) (t Trial, err error) {
	p, err := b.Attempts.Get(ctx, kindTrial+name)
	if err != nil {
		return t, err
	}
	return t, b.openJSON(ctx, p, &t)
}

// TestLogin begins a login at a connection that m reaches, which is only tried: back is the path of the page that shows
// what came of it, by TestedLogin under the same name. A connection that is disabled is tried, too.
func (b *Broker) TestLogin(ctx context.Context, m Mandate, c provision.ConnectionID, name, back string, w Wish) (Departure, error) {
	found, err := b.Registry.Connection(ctx, c)
	if err == nil {
		err = m.Over(found.Tenant)
	}
	if err != nil {
		return Departure{}, err
	}
	if !m.Write {
		return Departure{}, &provision.DeniedError{Reason: provision.OfficeMissing}
	}
	w.Connection, w.Email, w.Fresh, w.try = c, "", true, &trying{name: trialOf(m, name), back: back, mark: m.Actor}
	return b.Begin(ctx, w)
}

// TestedLogin is what came of the last login that m tried under a name, or ErrNotFound.
func (b *Broker) TestedLogin(ctx context.Context, m Mandate, name string) (Trial, error) {
	return b.trial(ctx, trialOf(m, name))
}

// trialOf is the name under which a trial of m is kept: nobody else finds it.
func trialOf(m Mandate, name string) string { return m.Actor.Kind + "/" + m.Actor.ID + "/" + name }
