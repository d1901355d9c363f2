package broker

import (
	"context"
	"slices"
	"time"

	"leasehold/provision"
)

// Look is what one resolver sees of a claim's proof.
type Look struct {
	Server string
	At     time.Time
	Found  []string // the values at the name
	Proved bool     // the wanted one among them
	Err    error    // why it could not tell
}

// Says is what was seen, in words, cut to what fits a page.
func (l Look) Says() string {
	switch {
	case l.Err != nil:
		return "It did not answer."
	case l.Proved:
		return "It sees the record."
	}
	return "It sees " + quoted(l.Found) + "."
}

// Looker is a TXTResolver that can say which of its servers sees what.
type Looker interface {
	Looks(ctx context.Context, name string) []Look
}

// Looks is what each server sees of a claim's proof. It decides nothing: nobody is told more than where a record has come.
func (p *Prover) Looks(ctx context.Context, c provision.Claim) []Look {
	r, ok := p.Resolver.(Looker)
	if !ok || c.Proof != provision.ProofDNS {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, proofPatience)
	defer cancel()
	looks := r.Looks(ctx, provision.ProofName(c.Domain))
	for i := range looks {
		looks[i].At, looks[i].Proved = p.Ledger.Now(), slices.Contains(looks[i].Found, provision.ProofValue(c.Token))
	}
	return looks
}
