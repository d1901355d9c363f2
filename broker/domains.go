package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"leasehold/provision"
)

// TXTResolver looks up TXT records.
type TXTResolver interface {
	// TXT is the values of the records at name. That there are none is no error: an error is that nobody could tell.
	TXT(ctx context.Context, name string) ([]string, error)
}

// Prover looks for the proofs of claims on domains, again and again, and writes what becomes of them. Every change of a
// claim's state is one commit with its event.
type Prover struct {
	Ledger   provision.Ledger
	Registry provision.Registry
	Resolver TXTResolver
	Every    time.Duration // between two looks at a claim that stands; 0: a day
	Grace    time.Duration // from a claim's first failure to its lapse; 0: provision.DefaultGrace
	Log      *slog.Logger  // nil: nothing is logged

	// Amend writes; nil: Ledger.Amend. The broker's own also seals, and forgets what memory holds.
	Amend func(ctx context.Context, t provision.Target, change changing) (provision.Change, error)

	// Leads reports whether this process is the one that looks; nil: it is.
	Leads func() bool

	// Alarms hears what an operator has to look at, as one of the Alarm constants; nil: nobody does.
	Alarms func(kind string)
}

// What an operator has to look at.
const (
	AlarmFailing     = "failing"      // a domain fails: no new accounts
	AlarmLapsed      = "lapsed"       // a domain has lapsed: nobody of it gets in
	AlarmForeign     = "foreign"      // a tenant proved a domain that another owns
	AlarmUnchecked   = "unchecked"    // for a day, nobody could tell whether an owner's proof is there
	AlarmMassFailure = "mass_failure" // so many claims fail at once that the round was not believed
)

// Limits of the rounds.
const (
	proofTick      = time.Minute      // between two looks at what is due
	proofsAtOnce   = 8                // questions under way in one round
	proofPatience  = 20 * time.Second // for one claim: two questions, whatever the resolver does
	pendingBudget  = time.Minute      // after which a round begins no more questions; what is left stays due
	standingBudget = 30 * time.Minute
	uncheckedAfter = 24 * time.Hour
	massFailure    = 10        // claims, from which on a round may be disbelieved
	disbelief      = time.Hour // until the next round after one that was not believed
)

// NewProver is a Prover that writes as b does.
func NewProver(b *Broker, r TXTResolver, every, grace time.Duration) *Prover {
	return &Prover{Ledger: b.Ledger, Registry: b.Registry, Resolver: r, Every: every, Grace: grace, Log: b.Log, Amend: b.amendRegistered, Leads: b.Leads}
}

// Run looks for every proof when it is due, until ctx is over. Claims that wait for their first proof and claims that
// stand have rounds of their own, so that neither waits for the other's dead name servers. A prompt begins a round of
// the former now; nil never prompts.
func (p *Prover) Run(ctx context.Context, prompts <-chan struct{}) {
	var rounds sync.WaitGroup
	rounds.Go(func() { p.repeat(ctx, prompts, p.pendingRound) })
	rounds.Go(func() {
		var quiet time.Time
		p.repeat(ctx, nil, func(ctx context.Context) {
			if now := p.Ledger.Now(); !now.Before(quiet) && !p.standingRound(ctx) {
				quiet = now.Add(disbelief)
			}
		})
	})
	rounds.Wait()
}

// repeat runs round now, each proofTick, and when it is prompted, where this process leads.
func (p *Prover) repeat(ctx context.Context, prompts <-chan struct{}, round func(context.Context)) {
	tick := time.NewTicker(proofTick)
	defer tick.Stop()
	for ctx.Err() == nil {
		if p.Leads == nil || p.Leads() {
			round(ctx)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-prompts:
		}
	}
}

// pendingRound tries the claims that wait for their first proof, and writes each as soon as it is answered.
func (p *Prover) pendingRound(ctx context.Context) {
	claims, err := p.claims(ctx, func(c provision.Claim) bool { return !c.Owns() })
	if err != nil {
		p.log().Error("list pending claims", "error", err)
		return
	}
	p.look(ctx, p.due(claims), pendingBudget, func(f Finding) { p.writeInRound(ctx, f) })
}

// standingRound tries the owners' claims. It is false when the round was not believed: then nothing is written.
func (p *Prover) standingRound(ctx context.Context) (believed bool) {
	claims, err := p.claims(ctx, func(c provision.Claim) bool { return c.Owns() })
	if err != nil {
		p.log().Error("list claims", "error", err)
		return true
	}
	due := p.due(claims)
	if len(due) == 0 {
		return true
	}
	var findings []Finding
	var mu sync.Mutex
	p.look(ctx, due, standingBudget, func(f Finding) {
		mu.Lock()
		defer mu.Unlock()
		findings = append(findings, f)
	})
	if failing, good, unknown := census(claims, findings); failing > good && failing+good+unknown >= massFailure {
		p.log().Error("so many domain proofs fail at once that nothing of the round is believed; is the resolver right?", "failing", failing, "good", good)
		p.alarm(AlarmMassFailure)
		return false
	}
	for _, f := range findings {
		p.writeInRound(ctx, f)
	}
	return true
}

// census counts the claims that fail, those that are good and those of which nobody could tell: as the round found
// them, and where it did not look, as they stood. What has lapsed already has nothing to lose and does not count.
func census(claims []provision.Claim, findings []Finding) (failing, good, unknown int) {
	answers := make(map[claimKey]provision.Answer, len(findings))
	for _, f := range findings {
		answers[keyOfClaim(f.Claim)] = f.Answer
	}
	for _, c := range claims {
		answer, looked := answers[keyOfClaim(c)]
		switch {
		case c.State == provision.ClaimLapsed:
		case answer == provision.Unknown:
			unknown++
		case answer == provision.Absent, answer == provision.Wildcard, !looked && !c.FirstFail.IsZero():
			failing++
		default:
			good++
		}
	}
	return failing, good, unknown
}

// claimKey is what names a claim.
type claimKey struct {
	tenant provision.TenantID
	domain provision.Domain
}

func keyOfClaim(c provision.Claim) claimKey { return claimKey{c.Tenant, c.Domain} }

// claims are those that DNS proves and keep chooses.
func (p *Prover) claims(ctx context.Context, keep func(provision.Claim) bool) ([]provision.Claim, error) {
	claims, err := all(ctx, p.Registry.Claims, func(c provision.Claim) string { return c.Domain.String() + "/" + string(c.Tenant) })
	return slices.DeleteFunc(claims, func(c provision.Claim) bool { return c.Proof != provision.ProofDNS || !keep(c) }), err
}

// due is the claims whose time has come: one of each tenant before the second of any, so that nobody waits for another
// tenant's many, and of one tenant the longest due first.
func (p *Prover) due(claims []provision.Claim) []provision.Claim {
	now := p.Ledger.Now()
	next := func(c provision.Claim) time.Time { return c.NextTry(p.every()) }
	due := slices.DeleteFunc(slices.Clone(claims), func(c provision.Claim) bool {
		return next(c).After(now) && !c.LastTried.After(now) // a clock that was reset leaves tries in the future
	})
	slices.SortStableFunc(due, func(x, y provision.Claim) int { return next(x).Compare(next(y)) })
	turn, turns := make(map[claimKey]int, len(due)), map[provision.TenantID]int{}
	for _, c := range due {
		turn[keyOfClaim(c)] = turns[c.Tenant]
		turns[c.Tenant]++
	}
	slices.SortStableFunc(due, func(x, y provision.Claim) int { return cmp.Compare(turn[keyOfClaim(x)], turn[keyOfClaim(y)]) })
	return due
}

// look asks for the proofs of claims, some at once, and hands over each finding. It begins nothing after the budget.
func (p *Prover) look(ctx context.Context, claims []provision.Claim, budget time.Duration, found func(Finding)) {
	begin, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	var lookers errgroup.Group
	lookers.SetLimit(proofsAtOnce)
	for _, c := range claims {
		if begin.Err() != nil {
			break
		}
		lookers.Go(func() error {
			f := p.find(ctx, c)
			if ctx.Err() == nil { // else it is we who gave up, and nothing was found
				found(f)
			}
			return nil
		})
	}
	_ = lookers.Wait() // no looker returns an error
}

// find asks for the proof of one claim, and then for the same at a name that nobody has published.
func (p *Prover) find(ctx context.Context, c provision.Claim) Finding {
	ctx, cancel := context.WithTimeout(ctx, proofPatience)
	defer cancel()
	f := Finding{Claim: c, Name: provision.ProofName(c.Domain), Wanted: provision.ProofValue(c.Token), Answer: provision.Unknown}
	if f.Found, f.Err = p.Resolver.TXT(ctx, f.Name); f.Err != nil {
		return f
	}
	if !slices.Contains(f.Found, f.Wanted) {
		f.Answer = provision.Absent
		return f
	}
	var elsewhere []string
	if elsewhere, f.Err = p.Resolver.TXT(ctx, "_"+draw()+"."+c.Domain.String()); f.Err != nil {
		return f
	}
	f.Answer = provision.Proved
	if slices.Contains(elsewhere, f.Wanted) {
		f.Answer = provision.Wildcard
	}
	return f
}

// writeInRound writes a finding on nobody's behalf. A claim that somebody else has looked at meanwhile is left alone.
func (p *Prover) writeInRound(ctx context.Context, f Finding) {
	_, err := p.write(ctx, Deed{Actor: provision.Actor{Kind: provision.System, Via: "proof"}}, f)
	if err != nil && !errors.Is(err, provision.ErrConflict) {
		p.log().Error("write domain proof", "tenant", f.Claim.Tenant, "domain", f.Claim.Domain.String(), "error", err)
	}
}

// write is the one place where a finding changes anything. It returns the finding with the claim as it is then.
func (p *Prover) write(ctx context.Context, d Deed, f Finding) (Finding, error) {
	try := provision.Try{Claim: f.Claim, Answer: f.Answer, Grace: p.Grace, Revocation: provision.RevocationID("rev_" + draw())}
	act := p.act(d)
	before := f.Claim
	done, err := p.amend(ctx, before, func(s provision.State) (provision.Change, error) { return provision.ProveClaim(s, try, act) })
	if err != nil {
		return f, err
	}
	f.Claim = done.Claims[len(done.Claims)-1]
	f.Answer = f.Claim.Answer // foreign is known only there
	p.tell(before, f)
	return f, nil
}

// tell logs what became of a claim, and raises the alarm where somebody has to look.
func (p *Prover) tell(before provision.Claim, f Finding) {
	c := f.Claim
	log := p.log().With("tenant", c.Tenant, "domain", c.Domain.String(), "state", c.State)
	switch {
	case c.State != before.State && c.State == provision.ClaimFailing:
		log.Warn("a domain's proof is gone: no new accounts")
		p.alarm(AlarmFailing)
	case c.State != before.State && c.State == provision.ClaimLapsed:
		log.Error("a domain has lapsed: its logins are refused and its leases end")
		p.alarm(AlarmLapsed)
	case c.State != before.State:
		log.Info("a domain is proved")
	case c.Answer == provision.Foreign && before.Answer != provision.Foreign:
		log.Warn("a tenant published the proof of a domain that another tenant owns")
		p.alarm(AlarmForeign)
	case c.Owns() && c.Answer == provision.Unknown && c.LastTried.Sub(c.Unchecked) >= uncheckedAfter:
		log.Error("nobody can tell whether a domain's proof is there", "since", c.Unchecked, "error", f.Err)
		p.alarm(AlarmUnchecked)
	}
}

// Check looks for the proof of a tenant's claim now, writes what becomes of it, and returns what it found. A claim that
// was looked at by somebody else meanwhile is looked at again.
func (p *Prover) Check(ctx context.Context, deed Deed, t provision.TenantID, d provision.Domain) (Finding, error) {
	for again := 0; ; again++ {
		c, err := p.claim(ctx, t, d)
		if err != nil {
			return Finding{}, err
		}
		if c.Proof != provision.ProofDNS {
			return Finding{Claim: c, Answer: provision.Attested}, nil
		}
		f := p.find(ctx, c)
		if ctx.Err() != nil {
			return f, ctx.Err()
		}
		if f, err = p.write(ctx, deed, f); again >= 3 || !errors.Is(err, provision.ErrConflict) {
			return f, err
		}
	}
}

// Showing is a claim as an administrator sees it.
type Showing struct {
	Claim provision.Claim
	Name  string    // where to publish the TXT record; "": nothing is to be published
	Value string    // what it has to be
	Next  time.Time // when the proof is looked for again; zero: never
}

// Show is a tenant's claim on a domain, and what it wants published.
func (p *Prover) Show(ctx context.Context, t provision.TenantID, d provision.Domain) (Showing, error) {
	c, err := p.claim(ctx, t, d)
	if err != nil {
		return Showing{}, err
	}
	return p.showing(c), nil
}

func (p *Prover) showing(c provision.Claim) Showing {
	if c.Proof != provision.ProofDNS {
		return Showing{Claim: c}
	}
	return Showing{Claim: c, Name: provision.ProofName(c.Domain), Value: provision.ProofValue(c.Token), Next: c.NextTry(p.every())}
}

// Claim makes a tenant's claim on a domain, with the token that it has to publish; an attested one goes over to DNS.
func (p *Prover) Claim(ctx context.Context, deed Deed, t provision.TenantID, d provision.Domain) (provision.Claim, error) {
	token, act := draw(), p.act(deed)
	return p.settle(ctx, t, d, func(s provision.State) (provision.Change, error) { return provision.NewClaim(s, d, token, act) })
}

// Attest takes the operator's word that a domain is a tenant's: nobody is asked, and the audit says so.
func (p *Prover) Attest(ctx context.Context, deed Deed, t provision.TenantID, d provision.Domain) (provision.Claim, error) {
	act := p.act(deed)
	return p.settle(ctx, t, d, func(s provision.State) (provision.Change, error) { return provision.AttestClaim(s, d, act) })
}

// settle writes an administrator's word about a claim, and returns it as it is then.
func (p *Prover) settle(ctx context.Context, t provision.TenantID, d provision.Domain, change func(provision.State) (provision.Change, error)) (provision.Claim, error) {
	owned, err := listLooks(ctx, p.Registry)
	if err != nil {
		return provision.Claim{}, err
	}
	done, err := p.amend(ctx, provision.Claim{Tenant: t, Domain: d}, func(s provision.State) (provision.Change, error) {
		c, err := change(s)
		if err == nil {
			c.Events[len(c.Events)-1].Changes = owned.warn(t, d)
		}
		return c, err
	})
	if err != nil {
		return provision.Claim{}, err
	}
	return done.Claims[len(done.Claims)-1], nil
}

// claim is a tenant's claim on a domain, or ErrNotFound.
func (p *Prover) claim(ctx context.Context, t provision.TenantID, d provision.Domain) (provision.Claim, error) {
	found, err := p.Registry.Claims(ctx, provision.Page{Tenant: t, After: d.String() + "/", Limit: 1})
	if err != nil {
		return provision.Claim{}, fmt.Errorf("claim of %s on %s: %w", t, d, err)
	}
	if len(found) == 0 || found[0].Tenant != t || found[0].Domain != d || d.IsZero() {
		return provision.Claim{}, fmt.Errorf("claim of %s on %s: %w", t, d, provision.ErrNotFound)
	}
	return found[0], nil
}

func (p *Prover) amend(ctx context.Context, c provision.Claim, change func(provision.State) (provision.Change, error)) (provision.Change, error) {
	t := provision.Target{Tenant: c.Tenant, Domain: c.Domain}
	if p.Amend != nil {
		return p.Amend(ctx, t, change)
	}
	return p.Ledger.Amend(ctx, t, change)
}

// act is a deed with the names that it may need.
func (p *Prover) act(d Deed) provision.Act {
	event := draw()
	ids := provision.IDs{Event: func(n int) provision.EventID { return provision.EventID(fmt.Sprintf("evt_%s_%d", event, n)) }}
	return provision.Act{Actor: d.Actor, Requester: d.Requester, Why: d.Why, IDs: ids, Now: p.Ledger.Now()}
}

func (p *Prover) every() time.Duration { return cmp.Or(p.Every, 24*time.Hour) }

func (p *Prover) alarm(kind string) {
	if p.Alarms != nil {
		p.Alarms(kind)
	}
}

func (p *Prover) log() *slog.Logger { return cmp.Or(p.Log, slog.New(slog.DiscardHandler)) }
