package web

import (
	"time"

	"leasehold/provision"
)

// Line is one line of the audit, as the contract has it.
type Line struct {
	Seq        int64                  `json:"seq,omitempty"` // 0: not for whoever reads it, since it counts every tenant's
	ID         provision.EventID      `json:"id"`
	Time       time.Time              `json:"time"`
	Tenant     provision.TenantID     `json:"tenant,omitempty"`
	Event      string                 `json:"event"`
	Outcome    string                 `json:"outcome,omitempty"`
	Reason     string                 `json:"reason,omitempty"`
	Check      string                 `json:"check,omitempty"` // of a message, which check refused it; of a proof, what came of it
	Actor      LineActor              `json:"actor"`
	Requester  LineRequester          `json:"requester,omitzero"`
	Account    provision.AccountID    `json:"account,omitempty"`
	Subject    string                 `json:"subject,omitempty"`
	Email      string                 `json:"email,omitempty"`
	Connection provision.ConnectionID `json:"connection,omitempty"`
	App        provision.AppID        `json:"app,omitempty"`
	Domain     string                 `json:"domain,omitempty"`
	Lease      LineLease              `json:"lease,omitzero"`
	Decision   LineDecision           `json:"decision,omitzero"`
	Revocation LineRevocation         `json:"revocation,omitzero"`
	Count      int                    `json:"count,omitempty"`
	Changes    []string               `json:"changes,omitempty"`
	Detail     string                 `json:"detail,omitempty"`
	Erased     bool                   `json:"erased,omitempty"` // the personal part's key is gone
}

// LineActor is who acted.
type LineActor struct {
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	Via  string `json:"via,omitempty"`
}

// LineRequester is where a request came from.
type LineRequester struct {
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// LineLease is the lease that it is about.
type LineLease struct {
	ID   provision.LeaseID `json:"id"`
	Kind string            `json:"kind,omitempty"`
	End  time.Time         `json:"end,omitzero"`
}

// LineDecision is the decision that it tells of.
type LineDecision struct {
	ID            provision.DecisionID `json:"id,omitempty"`
	PolicyVersion int64                `json:"policy_version"`
}

// LineRevocation is the revocation that it belongs to.
type LineRevocation struct {
	ID          provision.RevocationID `json:"id"`
	Cause       string                 `json:"cause"`
	RequestedAt time.Time              `json:"requested_at"`
	EffectiveAt time.Time              `json:"effective_at"`
}

// LineOf is an event as it is printed, shown and exported.
func LineOf(e provision.Event) Line {
	p := e.Personal
	return Line{
		Seq: e.Seq, ID: e.ID, Time: e.Time, Tenant: e.Tenant, Event: e.Kind, Outcome: e.Outcome, Reason: e.Reason, Check: e.Check,
		Actor: LineActor(e.Actor), Requester: LineRequester(p.Requester), Account: e.Account, Subject: p.Subject, Email: p.Email,
		Connection: e.Connection, App: e.App, Domain: e.Domain.String(), Lease: LineLease{e.Lease.ID, string(e.Lease.Kind), e.Lease.End},
		Decision:   LineDecision{e.Decision.ID, e.Decision.PolicyVersion},
		Revocation: LineRevocation{e.Revocation.ID, string(e.Revocation.Cause), e.Revocation.RequestedAt, e.Revocation.EffectiveAt},
		Count:      e.Count, Changes: e.Changes, Detail: p.Detail, Erased: len(e.Sealed) > 0 && p == (provision.Personal{}),
	}
}
