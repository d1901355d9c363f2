package broker

import (
	"context"
	"slices"
	"strings"

	"leasehold/provision"
)

// Explanation is what would come of an exchange, each check for itself. Values that were wanted or came are for the
// audit, and not in it.
type Explanation struct {
	Allowed bool
	Reason  provision.Reason        // the first check that fails
	Checks  []provision.Examination // of who does not pass as the workload: the first that fails, and no other
}

// Explain says what would come of an exchange now. It gives nothing, spends nothing, and audits the question; of a
// workload that is not known here, it is counted.
func (b *Broker) Explain(ctx context.Context, x Trade) (Explanation, error) {
	asked, err := b.introduced(ctx, x)
	if err != nil {
		return Explanation{}, err
	}
	ids, err := b.ids()
	if err != nil {
		return Explanation{}, err
	}
	var e Explanation
	var known bool
	_, err = b.amend(ctx, asked.Target(), func(s provision.State) (provision.Change, error) {
		now := b.Ledger.Now()
		e = explained(provision.Examine(b.behalved(ctx, s, asked), asked.Request, now))
		if known = s.Account.ID != "" || s.Intended.Account.ID != ""; !known {
			return provision.Change{}, nil
		}
		var failed []string
		for _, check := range e.Checks {
			if check.Reason != "" {
				failed = append(failed, check.Check+": "+check.Detail)
			}
		}
		return provision.Change{Events: []provision.Event{{
			ID: ids.Event(0), Time: now, Kind: provision.EventExplained, Tenant: s.Tenant.ID, Account: s.Account.ID, Connection: asked.Facts.Connection, App: asked.App,
			Outcome: e.outcome(), Reason: string(e.Reason), Actor: asked.Actor,
			Personal: provision.Personal{Requester: x.Requester, Subject: asked.Facts.Subject, Detail: strings.Join(failed, "; ")},
		}}}, nil
	})
	if err != nil {
		return Explanation{}, err
	}
	if !known {
		b.tally.note(stroke{Kind: provision.EventExplained, Tenant: asked.tenant, Connection: asked.Facts.Connection, Reason: e.Reason})
	}
	return e.told(), nil
}

// told is what the asker is told. Whoever does not pass as the workload learns what a refused exchange says, and not the
// rules: anybody at a public issuer can ask.
func (e Explanation) told() Explanation {
	i := slices.IndexFunc(e.Checks, func(x provision.Examination) bool { return x.Reason != "" })
	if i >= 0 && e.Checks[i].Of == "token" {
		e.Checks = e.Checks[i : i+1]
	}
	for i := range e.Checks {
		e.Checks[i].Detail = ""
	}
	return e
}

func explained(checks []provision.Examination) Explanation {
	e := Explanation{Checks: checks}
	i := slices.IndexFunc(checks, func(x provision.Examination) bool { return x.Reason != "" })
	if i >= 0 {
		e.Reason = checks[i].Reason
	}
	e.Allowed = i < 0 && len(checks) > 0
	return e
}

func (e Explanation) outcome() string {
	if e.Allowed {
		return "allowed"
	}
	return string(provision.Denied)
}
