package provision

import (
	"slices"
	"strings"
	"time"
)

// What a person may commission.
const (
	CommissionLife = 3 * time.Minute // until then its code has to be exchanged
	MaxAgents      = 20              // agents and unused codes of one person at once
)

// Commissioning is what a person wants an agent for.
type Commissioning struct {
	Rule     string        // of the agent
	Resource string        // one address at one app, with what is below it
	For      time.Duration // from now on
}

// Commissioned is what comes of it. With a Reason it was refused, and the Change is the event that says so.
type Commissioned struct {
	Lease  Lease
	Reason Reason
	Change Change
}

// Commission is the gate for an agent that the holder of the session s.Former wants to act for her (I16). What the agent
// is given is judged again when the code is exchanged.
//
//	session over, or no longer let in by the policy
//	rule: not there or for no agents; disabled, or its owner is gone
//	resource: of no grant of the rule, at no app of it
//	roles: she has none that the grant is for
//	minutes: more than the grant lasts
//	app: it wants a new login
//	agents: as many as one person may have
func Commission(s State, ask Commissioning, a Act) Commissioned {
	rule, grant, app, reason := s.mayCommission(ask, a.Now)
	if reason != "" {
		event := a.commission(s, Lease{}, "refused", reason)
		event.Personal.Detail = brief("rule " + ask.Rule + ", " + ask.Resource + ", " + ask.For.String())
		return Commissioned{Reason: reason, Change: Change{Events: []Event{event}}}
	}
	above, lasts := s.Former.Lease, min(ask.For, s.leftAt(app, a.Now))
	l := Lease{
		ID: a.IDs.Lease(above.Tenant), Kind: CommissionLease, Tenant: above.Tenant, Account: above.Account, Connection: above.Connection, Domain: above.Domain, Parent: above.ID,
		Grant: Grant{Rule: rule.ID, Of: grant.ID, Terms: rule.Terms(), Audience: []AppID{app.ID}, Resources: []string{ask.Resource}, For: lasts},
		Authn: above.Authn, Start: a.Now, End: a.Now.Add(min(CommissionLife, lasts)), Ceiling: CauseCeiling, Seen: a.Now, Generations: s.Former.generations(),
	}
	if above.End.Before(l.End) {
		l.End, l.Ceiling = above.End, CauseParentEnded
	}
	return Commissioned{Lease: l, Change: Change{Leases: []Lease{l}, Events: []Event{a.commission(s, l, "commissioned", "")}}}
}

// commission is the event of an agent of the holder of s.Former.
func (a Act) commission(s State, l Lease, outcome string, reason Reason) Event {
	e := Event{
		Kind: EventAgent, Tenant: s.Former.Lease.Tenant, Account: s.Former.Lease.Account, Connection: s.Former.Lease.Connection, Outcome: outcome, Reason: string(reason),
		Personal: Personal{Requester: a.Requester},
	}
	if l.ID != "" {
		e.Lease, e.App, e.Changes = l.ref(), l.Grant.Audience[0], []string{"rule " + l.Grant.Rule, "grant " + l.Grant.Of}
		e.Personal.Detail = l.Grant.Resources[0]
	}
	return a.event(0, e)
}

// mayCommission is the rule, the grant and the app that a wish is about, or why it is refused.
func (s State) mayCommission(ask Commissioning, now time.Time) (rule TrustRule, grant GrantRule, app App, reason Reason) {
	if reason = s.Former.stands(now); reason != "" {
		return rule, grant, app, reason
	}
	if rule = s.Former.Tenant.Policy.Rule(ask.Rule); !rule.Agent {
		return rule, grant, app, RuleUnknown
	}
	if rule.Disabled || !rule.Answered(s.EmailHolder) {
		return rule, grant, app, RuleHeld
	}
	if grant, app, reason = s.grantFor(rule, ask); reason != "" {
		return rule, grant, app, reason
	}
	if s.leftAt(app, now) <= 0 {
		return rule, grant, app, AuthTooOld
	}
	held := 0
	for _, l := range s.FormerLeases {
		if l.Kind == CommissionLease || l.Kind == AgentLease {
			held++
		}
	}
	if held >= MaxAgents {
		return rule, grant, app, TooManyLeases
	}
	return rule, grant, app, ""
}

// grantFor is the first grant of a rule that has what is wanted, or why the last of them has not.
func (s State) grantFor(rule TrustRule, ask Commissioning) (GrantRule, App, Reason) {
	reason := GrantRefused
	for _, id := range rule.Grants {
		grant := s.Former.Tenant.Policy.Grant(id)
		app := s.appOf(ask.Resource)
		switch {
		case !isResource(ask.Resource) || strings.Contains(ask.Resource, "*"):
			reason = ResourceNotGranted
		case app.ID == "" || !slices.Contains(grant.Apps, app.ID) || !app.TakesAgents(false) && !app.TakesAgents(true):
			reason = AppNotGranted
		case !app.Admits(s.Former.Tenant.ID):
			reason = TenantNotOfApp
		case !within(grant.Resources, ask.Resource):
			reason = ResourceNotGranted
		case len(grant.Roles) > 0 && len(grant.rolesOf(s.Former)) == 0:
			reason = RoleMissing
		case ask.For < time.Minute || ask.For > grant.TTL():
			reason = AgentTooLong
		default:
			return grant, app, ""
		}
	}
	return GrantRule{}, App{}, reason
}

// leftAt is how long an app lets the holder of the session s.Former in before it wants a new login. An agent of hers is let in
// no longer.
func (s State) leftAt(app App, now time.Time) time.Duration {
	if app.MaxSession <= 0 {
		return MaxTTL // no agent lasts longer
	}
	if entered := s.Former.Entered(app.ID); !entered.IsZero() {
		return entered.Add(app.MaxSession).Sub(now)
	}
	return app.MaxSession
}

// appOf is the app of s.Apps that a resource is at, or the zero one.
func (s State) appOf(resource string) App {
	for _, app := range s.Apps {
		if slices.ContainsFunc(app.Origins, func(o Origin) bool { return strings.HasPrefix(resource, o.String()+"/") }) {
			return app
		}
	}
	return App{}
}

// rolesOf are the roles of a grant that the holder of a session has all the time, within what the policy allows now.
func (g GrantRule) rolesOf(session Standing) []string {
	return slices.DeleteFunc(session.Roles(), func(role string) bool { return !slices.Contains(g.Roles, role) })
}

// stands is why the holder of a session may begin nothing in it: it has to give access and to pass the gate as it is now.
func (s Standing) stands(now time.Time) Reason {
	if reason := s.Refuses(now); reason != "" {
		return reason
	}
	if _, cause := Regate(s, now); cause != "" || s.Lease.Kind != SessionLease {
		return LeaseEnded
	}
	return ""
}

// AgentRules are the rules by which the holder of s may commission an agent: she has a role that one of their grants is
// for, or it is for none.
func (s Standing) AgentRules() (rules []TrustRule) {
	for _, r := range s.Tenant.Policy.Trust {
		if r.Agent && !r.Disabled && slices.ContainsFunc(r.Grants, func(id string) bool {
			g := s.Tenant.Policy.Grant(id)
			return g.ID != "" && (len(g.Roles) == 0 || len(g.rolesOf(s)) > 0)
		}) {
			rules = append(rules, r)
		}
	}
	return rules
}
