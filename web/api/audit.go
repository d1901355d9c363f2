package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// Event is one line of the audit, as the audit export has it. Its seq is for operators: it counts every tenant's.
type Event struct {
	Seq        int64          `json:"seq,omitempty"`
	ID         string         `json:"id"`
	Time       time.Time      `json:"time"`
	Tenant     string         `json:"tenant,omitempty"`
	Event      string         `json:"event"`
	Outcome    string         `json:"outcome,omitempty"`
	Reason     string         `json:"reason,omitempty"`
	Check      string         `json:"check,omitempty"`
	Actor      Actor          `json:"actor"`
	Requester  Requester      `json:"requester,omitzero"`
	Account    string         `json:"account,omitempty"`
	Subject    string         `json:"subject,omitempty"`
	Email      string         `json:"email,omitempty"`
	Name       string         `json:"name,omitempty"`
	Connection string         `json:"connection,omitempty"`
	App        string         `json:"app,omitempty"`
	Domain     string         `json:"domain,omitempty"`
	Lease      LeaseRef       `json:"lease,omitzero"`
	Decision   DecisionRef    `json:"decision,omitzero"`
	Revocation *RevocationRef `json:"revocation,omitempty"`
	Count      int            `json:"count,omitempty"`
	Changes    []string       `json:"changes,omitempty"`
	Detail     string         `json:"detail,omitempty"`
	Erased     bool           `json:"erased,omitempty" doc:"The key of the personal part is gone"`
}

// Actor is who acted.
type Actor struct {
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	Via  string `json:"via,omitempty"`
}

// Requester is where a request came from.
type Requester struct {
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// LeaseRef names a lease.
type LeaseRef struct {
	ID   string    `json:"id"`
	Kind string    `json:"kind,omitempty"`
	End  time.Time `json:"end,omitzero"`
}

// DecisionRef names a decision.
type DecisionRef struct {
	ID            string `json:"id,omitempty"`
	PolicyVersion int64  `json:"policy_version"`
}

// RevocationRef names a revocation.
type RevocationRef struct {
	ID          string    `json:"id"`
	Cause       string    `json:"cause"`
	RequestedAt time.Time `json:"requested_at"`
	EffectiveAt time.Time `json:"effective_at"`
}

func viewEvent(m broker.Mandate) func(provision.Event) Event {
	return func(e provision.Event) Event {
		p := e.Personal
		v := Event{
			Seq: e.Seq, ID: string(e.ID), Time: e.Time, Tenant: string(e.Tenant), Event: e.Kind, Outcome: e.Outcome, Reason: e.Reason, Check: e.Check,
			Actor: Actor(e.Actor), Requester: Requester(p.Requester), Account: string(e.Account), Subject: p.Subject, Email: p.Email, Name: p.Name,
			Connection: string(e.Connection), App: string(e.App), Domain: e.Domain.String(), Lease: LeaseRef{string(e.Lease.ID), string(e.Lease.Kind), e.Lease.End},
			Decision: DecisionRef{string(e.Decision.ID), e.Decision.PolicyVersion}, Count: e.Count, Changes: e.Changes, Detail: p.Detail,
			Erased: len(e.Sealed) > 0 && p == (provision.Personal{}),
		}
		if r := e.Revocation; r.ID != "" {
			v.Revocation = &RevocationRef{string(r.ID), string(r.Cause), r.RequestedAt, r.EffectiveAt}
		}
		if !m.Everywhere {
			v.Seq = 0
		}
		return v
	}
}

// Decision is a decision as it is kept.
type Decision struct {
	ID            string          `json:"id"`
	Tenant        string          `json:"tenant"`
	At            time.Time       `json:"at"`
	Outcome       string          `json:"outcome"`
	Reason        string          `json:"reason,omitempty"`
	PolicyVersion int64           `json:"policy_version"`
	Account       string          `json:"account,omitempty"`
	Inputs        json.RawMessage `json:"inputs,omitempty" doc:"Of one decision alone: what it was made of, unless that is erased"`
}

func viewDecision(d provision.DecisionRow) Decision {
	return Decision{ID: string(d.ID), Tenant: string(d.Tenant), At: d.At, Outcome: string(d.Outcome), Reason: string(d.Reason), PolicyVersion: d.PolicyVersion, Account: string(d.Account)}
}

// EventsIn chooses events.
type EventsIn struct {
	PageIn
	Event string `query:"event" maxLength:"50" doc:"Only of this kind"`
	Ref   string `query:"ref" maxLength:"100" doc:"Only what a person's reference stands for"`
}

// DecisionIn names a decision.
type DecisionIn struct {
	Decision string `path:"decision"`
}

const listEvents = "GET /events"

func (a *API) audit() {
	does(a, operation{listEvents, "audit.read", "List events, the oldest first; the last cursor is good for what comes later"}, a.ListEvents)
	lists(a, operation{"GET /decisions", "audit.read", "List decisions, without their inputs"}, a.Desk.Decisions, viewDecision)
	does(a, operation{"GET /decisions/{decision}", "audit.read", "Show a decision"}, a.GetDecision)
}

// ListEvents lists events.
func (a *API) ListEvents(ctx context.Context, m broker.Mandate, in *EventsIn) (*List[Event], error) {
	p, err := a.page(m, listEvents, in.PageIn)
	if err != nil {
		return nil, err
	}
	if in.After != "" && !m.Everywhere {
		return nil, problem(http.StatusUnprocessableEntity, reasonInvalid, "after: events of all tenants are counted together, so a tenant's reader goes on by cursor")
	}
	after, _ := strconv.ParseInt(p.After, 10, 64)
	part, err := a.Desk.Events(ctx, m, provision.EventFilter{After: after, Tenant: p.Tenant, Kind: in.Event, Ref: in.Ref, Limit: p.Limit})
	if err != nil {
		return nil, err
	}
	more := part.Next != ""
	if n := len(part.Items); n > 0 {
		part.Next = strconv.FormatInt(part.Items[n-1].Seq, 10)
	} else {
		part.Next = p.After
	}
	l := listed(a, listing{m, listEvents, in.PageIn}, part, viewEvent(m))
	if !more {
		l.Link = ""
	}
	return l, nil
}

// GetDecision is a decision, with what it was made of.
func (a *API) GetDecision(ctx context.Context, m broker.Mandate, in *DecisionIn) (*One[Decision], error) {
	d, inputs, err := a.Desk.Decision(ctx, m, provision.DecisionID(in.Decision))
	if err != nil {
		return nil, err
	}
	v := viewDecision(d)
	if inputs != nil {
		if v.Inputs, err = json.Marshal(inputs); err != nil {
			return nil, err
		}
	}
	return &One[Decision]{Body: v}, nil
}
