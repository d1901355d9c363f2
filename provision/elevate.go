package provision

import (
	"slices"
	"strings"
	"time"
)

// ElevationAsk is what somebody asks for.
type ElevationAsk struct {
	ID   ElevationID // drawn
	Role string
	For  time.Duration
	Said Said
}

// Ruling is what comes of a request for a role, and of a word on one. With a Reason it was refused, and the Change is the
// event that says so.
type Ruling struct {
	Elevation Elevation
	Reason    Reason
	Change    Change
}

// AskElevation is the gate for the role that the holder of s.Former asks for (I16). Where the policy decides, the role is
// given in the same change; else the request waits for an approver.
//
//	session over, or no longer let in by the policy
//	role: no rule gives it to her; too long
//	reason or ticket missing, or too long
//	authentication: older than ElevationAuthAge
//	a request for the same role waits
func AskElevation(s State, ask ElevationAsk, a Act) Ruling {
	e := Elevation{
		ID: ask.ID, Tenant: s.Former.Lease.Tenant, Account: s.Former.Lease.Account, Session: s.Former.Lease.ID, Role: ask.Role, For: ask.For,
		State: ElevationWaiting, Asked: a.Now, Expires: a.Now.Add(ElevationWait), Said: ask.Said,
	}
	rule, reason := s.Former.mayHave(e.Role, e.For, a.Now)
	switch {
	case reason != "":
	case strings.TrimSpace(ask.Said.Reason) == "", len(ask.Said.Reason) > MaxElevationText, len(ask.Said.Ticket) > MaxElevationText:
		reason = ElevationUnexplained
	case rule.Ticket && strings.TrimSpace(ask.Said.Ticket) == "":
		reason = TicketMissing
	case olderThan(s.Former.Lease.Authn.At, ElevationAuthAge, a.Now):
		reason = AuthTooOld
	case slices.ContainsFunc(s.Waiting, func(w Elevation) bool { return w.Role == e.Role && w.waits(a.Now) }):
		reason = ElevationAsked
	}
	if reason != "" {
		return a.refuseElevation(s, e, reason)
	}
	asked := Change{Elevations: []Elevation{e}, Events: []Event{a.elevation(0, s, e, "asked", "")}}
	if rule.Approve != ByPolicy {
		return Ruling{Elevation: e, Change: asked}
	}
	by := a
	by.Actor, by.Why = Actor{Kind: System, Via: "policy"}, ""
	return by.elevate(s, e, asked)
}

// RuleElevation is a word on a request of the holder of s.Former. A person says it in the session s.Intended, and has to be
// an approver of the rule as it is now; the asker may withdraw it, and nothing else. An operator, and an administrator of
// the tenant, needs no session.
func RuleElevation(s State, id ElevationID, yes bool, a Act) Ruling {
	at := slices.IndexFunc(s.Waiting, func(e Elevation) bool { return e.ID == id })
	if at < 0 {
		gone := Elevation{ID: id, Tenant: s.Former.Lease.Tenant, Account: s.Former.Lease.Account, Session: s.Former.Lease.ID}
		return a.refuseElevation(s, gone, ElevationOver)
	}
	e := s.Waiting[at]
	asker := a.of(e.Account) // also by a token of hers
	switch {
	case e.Session != s.Former.Lease.ID || e.Account != s.Former.Account.ID || !e.waits(a.Now):
		return a.refuseElevation(s, e, ElevationOver)
	case asker && (yes || s.speaker(a) == ""):
		return a.refuseElevation(s, e, ApproverRefused)
	case asker:
		return a.close(s, e, ElevationWithdrawn)
	case !s.approves(e, a):
		return a.refuseElevation(s, e, ApproverRefused)
	case !yes:
		return a.close(s, e, ElevationDenied)
	}
	if _, reason := s.Former.mayHave(e.Role, e.For, a.Now); reason != "" {
		return a.refuseElevation(s, e, reason)
	}
	return a.elevate(s, e, Change{})
}

// ExpireElevations closes the requests of the former lease's account that nobody decided on in time.
func ExpireElevations(s State, a Act) Change {
	var c Change
	for _, e := range s.Waiting {
		if e.State == ElevationWaiting && !e.waits(a.Now) {
			e.State, e.Decided, e.By = ElevationExpired, a.Now, a.Actor
			c.Elevations = append(c.Elevations, e)
			c.Events = append(c.Events, a.elevation(len(c.Events), s, e, string(e.State), ""))
		}
	}
	return c
}

// waits reports whether e may still be approved at now.
func (e Elevation) waits(now time.Time) bool {
	return e.State == ElevationWaiting && now.Before(e.Expires)
}

// mayHave is the rule by which the holder of s may have a role for so long, or why she may not: her session has to give
// access and to pass the gate as it is now.
func (s Standing) mayHave(role string, d time.Duration, now time.Time) (ElevationRule, Reason) {
	if reason := s.Refuses(now); reason != "" {
		return ElevationRule{}, reason
	}
	if _, cause := Regate(s, now); cause != "" || s.Lease.Kind != SessionLease {
		return ElevationRule{}, LeaseEnded
	}
	rule, ok := s.Tenant.Policy.elevation(role, s.Account.Groups, s.Roles())
	switch {
	case !ok:
		return rule, ElevationRefused
	case d < time.Second || d > rule.Max:
		return rule, ElevationTooLong
	}
	return rule, ""
}

// speaker is the account that speaks in the session s.Intended, "" when there is no such session or another one acts.
func (s State) speaker(a Act) AccountID {
	x := s.Intended
	if x.Refuses(a.Now) != "" || x.Lease.Kind != SessionLease || a.Actor.Kind != Person || a.Actor.ID != string(x.Account.ID) {
		return ""
	}
	if _, cause := Regate(x, a.Now); cause != "" {
		return ""
	}
	return x.Account.ID
}

// approves reports whether who acts may decide on e. Roles that an approver has for a while make nobody an approver.
func (s State) approves(e Elevation, a Act) bool {
	switch a.Actor.Kind {
	case Operator, TenantAdmin:
		return a.Actor.ID != ""
	case Person:
		rule, ok := s.Former.Tenant.Policy.elevation(e.Role, s.Former.Account.Groups, s.Former.Roles())
		return ok && rule.Approve == ByApprover && s.speaker(a) != "" && s.speaker(a) != e.Account && s.Intended.Account.Tenant == e.Tenant &&
			rule.Approvers.Has(s.Intended.Account.Groups, s.Intended.Roles())
	}
	return false
}

// elevate gives the role: the lease, what it replaces, the request and its event, in one change.
func (a Act) elevate(s State, e Elevation, c Change) Ruling {
	l := s.Former.elevation(a.IDs.Lease(e.Tenant), e, a.Now)
	e.State, e.Decided, e.By, e.Lease = ElevationApproved, a.Now, a.Actor, l.ID
	c.Elevations = []Elevation{e}
	event := a.elevation(len(c.Events), s, e, "approved", "")
	event.Lease = l.ref()
	c.Events = append(c.Events, event)
	used := len(c.Events)
	ender := ending{ids: a.IDs, used: &used, now: a.Now, actor: a.Actor, requester: a.Requester}
	former := slices.DeleteFunc(slices.Clone(s.Former.Elevations), func(x Lease) bool { return !slices.Contains(x.Grant.Roles, e.Role) })
	ender.leases(&c, s.FormerListeners, former, nil, CauseReplaced)
	c.Leases = append(c.Leases, l)
	return Ruling{Elevation: e, Change: c}
}

// close ends a request that gives nothing.
func (a Act) close(s State, e Elevation, state ElevationState) Ruling {
	e.State, e.Decided, e.By = state, a.Now, a.Actor
	return Ruling{Elevation: e, Change: Change{Elevations: []Elevation{e}, Events: []Event{a.elevation(0, s, e, string(state), "")}}}
}

// refuseElevation changes nothing but the audit.
func (a Act) refuseElevation(s State, e Elevation, reason Reason) Ruling {
	if e.Account == "" {
		return Ruling{Reason: reason}
	}
	return Ruling{Elevation: e, Reason: reason, Change: Change{Events: []Event{a.elevation(0, s, e, "refused", reason)}}}
}

func (a Act) elevation(n int, s State, e Elevation, outcome string, reason Reason) Event {
	detail := a.Why
	if outcome == "asked" || outcome == "refused" && a.Actor.ID == string(e.Account) {
		detail = e.Said.String()
	}
	return a.event(n, Event{
		Kind: EventElevation, Tenant: e.Tenant, Outcome: outcome, Reason: string(reason), Account: e.Account, Connection: s.Former.Lease.Connection, Lease: s.Former.Lease.ref(),
		Decision: DecisionRef{PolicyVersion: s.Former.Tenant.Policy.Version}, Changes: e.lines(), Personal: Personal{Requester: a.Requester, Detail: detail},
	})
}
