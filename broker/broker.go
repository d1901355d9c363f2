// Package broker holds the use cases of Leasehold: a login from its beginning to its lease (Begin, Receive, Login), the
// check that lets a request through or not (Check), the ends of access (End, Reap), and what administrators do. It
// knows no protocol, no store and no HTTP; it brings them together around the gate.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"leasehold/idp"
	"leasehold/provision"
)

// Ports are what a Broker stands on.
type Ports struct {
	Ledger   provision.Ledger
	Registry provision.Registry
	Keys     *Keyring
	Attempts Attempts
	Clock    Clock

	// Upstreams finds leases by their sessions at identity providers.
	Upstreams Upstreams

	// Replicas keeps memory true where several processes share the ledger; nil: this one has it for itself.
	Replicas Replicas

	// Leftovers erases what has been kept long enough; nil: everything is kept.
	Leftovers Leftovers

	// Decided keeps decisions; nil: people are handed none with what is held about them.
	Decided Decided

	// Search is what administrators look for.
	Search Search

	// Outbox keeps what apps are to be told, and Messenger tells them; nil, both: nobody is told.
	Outbox    Outbox
	Messenger Messenger

	// Credentials lists what sources of secrets know for leases, and Sources finds them; nil, both: nobody is handed a secret.
	Credentials Credentials
	Sources     Sources

	// Elevations lists requests for roles; nil: nobody can ask for one.
	Elevations Elevations

	// Canaries keeps leases that are ended each minute, to see how soon they are refused; nil: nobody looks.
	Canaries Canaries

	// Setups finds setups; nil: nobody is sent a link.
	Setups Setups

	// Open makes the provider of a connection; it is called once for each revision of a connection.
	Open func(ctx context.Context, c provision.Connection) (idp.Provider, error)

	// Conditions evaluates what policies have as `when`; nil: no policy may have one, and one that has lets nobody in.
	Conditions Conditions

	// Documents fetches metadata that lives at a URL.
	Documents Documents

	// Present renders what an app is told about somebody as the headers of the app's profile.
	Present func(provision.App, Identity) map[string][]string

	// Operators is the tenant whose accounts may be operators; "": nobody may.
	Operators provision.TenantID

	URL     provision.Origin // the SSO host
	Log     *slog.Logger
	Now     func() time.Time // wall clock, for messages; leases are judged by Ledger.Now
	NoCache bool             // every check asks the ledger
	Pace    Pace             // of each tenant's logins
	Shared  Shared           // counts them over all replicas; nil: each counts for itself
	Herald  Herald           // says what is about to end; nil: the others hear of it with its commit
	Count   Counters         // may be nil

	// Changed hears that another process changed something that is registered; nil: nobody does.
	Changed func()

	Boottime func() time.Duration // time since some moment, also while the machine sleeps; nil: CLOCK_BOOTTIME
}

// Clock is ledger time's own switch.
type Clock interface {
	// ResetClock makes ledger time the wall clock again, also where that goes back.
	ResetClock(ctx context.Context) error
}

// Counters hear what happened, for metrics. All labels are bounded.
type Counters interface {
	Ended(cause string)
	Revoked(took time.Duration)
	// Told hears of each try to tell an app: delivered, failed or stuck, and of the first how long after it was due.
	Told(app, outcome string, took time.Duration)
	// Canary hears of each canary what this process saw of it, and of one that was let in how long after its end was asked for.
	Canary(outcome string, took time.Duration)
}

// Broker is the use cases over its ports. It is safe for concurrent use.
type Broker struct {
	Ports
	index     *index
	providers providers
	rooms     *rooms
	replica   replica
	suspense  *suspense
	signers   atomic.Pointer[ring[*signer]]
	jwks      atomic.Pointer[[]byte]
	keysRead  sync.Mutex   // one reading of the keys at a time, so that the last one is the newest
	keysGood  atomic.Int64 // what was read of them last counts until then, also where memory is not fresh; CLOCK_BOOTTIME
	tally     *tally
	pulse     pulse
	regates   regates
	refreshed refresh
	alive     liveness
	lanes     lanes
	returns   returns
	expiring  expiring
	hooks     hooks
	aviary    aviary
	acts      *paces  // of setups
	files     *paces  // of accounts that want everything about them
	trials    lanesOf // of policies
	cookies   atomic.Pointer[ring[*tokens]]
	appsRead  sync.Mutex // one reading of the apps at a time, so that the last one is the newest
	names     []byte     // key that names secrets
	registers sync.Mutex // one change of what is registered at a time
	writing   sync.Mutex // one writing of uses at a time
	rotating  sync.Mutex // one rotation of a key at a time
}

// New checks that nothing is missing, fetches or makes the installation's keys, and returns a Broker.
func New(ctx context.Context, p Ports) (*Broker, error) {
	if p.Ledger == nil || p.Registry == nil || p.Keys == nil || p.Attempts == nil || p.Clock == nil || p.Upstreams == nil || p.Search == nil || p.Open == nil || p.Documents == nil || p.Present == nil || p.URL.IsZero() {
		return nil, errors.New("broker: a port is missing")
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Count == nil {
		p.Count = uncounted{}
	}
	if p.Conditions == nil {
		p.Conditions = noConditions{}
	}
	if p.Changed == nil {
		p.Changed = func() {}
	}
	if p.Boottime == nil {
		p.Boottime = boottime
	}
	b := &Broker{Ports: p, index: newIndex(), suspense: newSuspense(), tally: newTally(), providers: providers{open: p.Open}, rooms: newRooms(p.Pace, p.Shared), aviary: newAviary()}
	b.acts, b.files = newPaces(60, 10*time.Second), newPaces(10, time.Minute)
	var err error
	if b.names, err = p.Keys.Named(ctx, "names"); err != nil {
		return nil, fmt.Errorf("key of names: %w", err)
	}
	if err := b.readAgain(ctx); err != nil {
		return nil, err
	}
	if !b.alone() {
		_, err = b.renew(ctx)
	}
	return b, err
}

// provide is Ledger.Provision for a request at a connection of tenant t: with the events sealed, and what memory holds
// of the touched leases forgotten before anybody is answered. What cannot be sealed is not written.
func (b *Broker) provide(ctx context.Context, r provision.Request, t provision.TenantID, decide func(provision.State) provision.Decision) (provision.Decision, error) {
	sealer := b.sealer()
	if err := sealer.fetch(ctx, t); err != nil {
		return provision.Decision{}, err
	}
	var touched []provision.LeaseID
	var tried provision.Decision
	var unsealed error
	news := provision.NewsID(draw())
	_, err := b.Ledger.Provision(ctx, r, func(s provision.State) provision.Decision {
		tried = decide(s)
		if unsealed = sealer.change(&tried.Change, s, r); unsealed != nil {
			tried = provision.Decision{}
		}
		touched = altered(tried.Change, s)
		b.inform(&tried.Change, touched, news)
		return tried
	})
	b.forget(tried.Change, touched)
	if err := errors.Join(err, unsealed); err != nil {
		return provision.Decision{}, err
	}
	b.settled(ctx, tried.Change.News)
	b.countEnded(tried.Change)
	return tried, nil
}

// changing makes the change that a state calls for. It may be called more than once.
type changing = func(provision.State) (provision.Change, error)

// amend is Ledger.Amend, with the same care.
func (b *Broker) amend(ctx context.Context, t provision.Target, change changing) (provision.Change, error) {
	done, err := b.commit(ctx, t, change)
	if err == nil {
		b.settled(ctx, done.News)
	}
	return done, err
}

// commit is amend for whoever has still to wait until others have heard. Keys of the day are fetched only when something
// has to be sealed under them: not in the transaction, which could not wait for another one, but before a second try.
func (b *Broker) commit(ctx context.Context, t provision.Target, change changing) (provision.Change, error) {
	sealer := b.sealer()
	for {
		done, err := b.commitSealed(ctx, t, sealer, change)
		var missing missingDays
		if !errors.As(err, &missing) {
			return done, err
		}
		if err := sealer.fetch(ctx, missing...); err != nil {
			return provision.Change{}, err
		}
	}
}

func (b *Broker) commitSealed(ctx context.Context, t provision.Target, seal sealer, change changing) (provision.Change, error) {
	var touched []provision.LeaseID
	var tried provision.Change
	news := provision.NewsID(draw())
	_, err := b.Ledger.Amend(ctx, t, func(s provision.State) (provision.Change, error) {
		c, err := change(s)
		if err == nil {
			err = seal.change(&c, s, provision.Request{})
		}
		touched = altered(c, s)
		b.inform(&c, touched, news)
		tried = c
		if err == nil && (endsLease(c) || len(s.Acting) > 0) { // what acts by an account ends with it
			b.foretell(ctx, touched...)
		}
		return c, err
	})
	b.forget(tried, touched)
	if err != nil {
		return provision.Change{}, err
	}
	b.countEnded(tried)
	return tried, nil
}

// amendRegistered is amend for tenants, connections and claims: one such change at a time, because Register reads what
// is there before its commit and writes whole rows. Somebody else's row, written in between, would be undone by it, and
// a generation that went back would wake what was revoked (I10).
func (b *Broker) amendRegistered(ctx context.Context, t provision.Target, change changing) (provision.Change, error) {
	done, err := b.commitRegistered(ctx, t, change)
	if err == nil {
		b.settled(ctx, done.News) // and nobody else waits meanwhile
	}
	return done, err
}

func (b *Broker) commitRegistered(ctx context.Context, t provision.Target, change changing) (provision.Change, error) {
	b.registers.Lock()
	defer b.registers.Unlock()
	return b.commit(ctx, t, change)
}

// forget drops from memory what a commit may have changed, also when nobody knows whether the commit happened.
func (b *Broker) forget(c provision.Change, touched []provision.LeaseID) {
	if changesRegistered(c) {
		b.index.flush()
	}
	b.index.drop(touched...)
	b.suspense.release(touched...)
	for _, l := range c.Leases {
		b.index.drop(l.ID)
	}
}

// countEnded counts the leases that a commit ended.
func (b *Broker) countEnded(c provision.Change) {
	for _, l := range c.Leases {
		if !l.EndedAt.IsZero() {
			b.Count.Ended(string(l.EndReason))
		}
	}
}

// changesRegistered reports whether a change alters something that many leases hang on.
func changesRegistered(c provision.Change) bool {
	return c.Installation != 0 || len(c.Tenants)+len(c.Connections)+len(c.Apps) > 0 || movesClaim(c)
}

// movesClaim reports whether a change moves a claim on: most only note that somebody looked.
func movesClaim(c provision.Change) bool {
	return len(c.Claims) > 0 && len(c.Revocations)+len(c.Events) > 0
}

// tenantOf is the tenant of a connection, or "" when there is no such connection.
func (b *Broker) tenantOf(ctx context.Context, id provision.ConnectionID) (provision.TenantID, error) {
	c, err := b.Registry.Connection(ctx, id)
	if errors.Is(err, provision.ErrNotFound) {
		return "", nil
	}
	return c.Tenant, err
}

type uncounted struct{}

func (uncounted) Ended(string)                       {}
func (uncounted) Revoked(time.Duration)              {}
func (uncounted) Told(string, string, time.Duration) {}
func (uncounted) Canary(string, time.Duration)       {}
