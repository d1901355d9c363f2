package provision

import (
	"slices"
	"time"
)

// An exchange on behalf of a person is that of the agent's own token, with one thing more: the code of a commission that
// she made for the rule, which is the request's Intent.

// behalved reports whether the exchange is on behalf of a person.
func (d *draft) behalved() bool { return d.Request.Errand.Agent }

// behalf is the commission: whether it is the rule's, and still stands. The agent has shown its own token by then, so that
// whoever found a code learns nothing from it.
func (e *examiner) behalf() {
	if !e.rule.Agent && !e.behalved() {
		return
	}
	c, now := e.State.Intended, e.now
	l := c.Lease
	e.hold("code and token", !e.behalved(), AgentIncomplete, "rule %s is for agents: it wants a person's code, and the agent's own token", e.rule.ID)
	e.hold("code", e.behalved() && (l.ID == "" || l.ID != e.Request.Intent.Lease || l.Kind != CommissionLease), CodeExpired, "no such commission is known any more")
	e.hold("tenant of the code", l.ID != "" && l.Tenant != e.State.Tenant.ID, CodeForeign, "it was made in tenant %s", l.Tenant)
	e.hold("rule of the code", !e.rule.Agent || l.ID != "" && l.Grant.Rule != e.rule.ID, CodeOfOtherRule, "it is for rule %q; asked was rule %q, for agents: %t", l.Grant.Rule, e.rule.ID, e.rule.Agent)
	e.hold("code used once", l.EndReason == CauseUsedUp, CodeUsed, "it was exchanged at %s", instant(l.EndedAt))
	e.hold("person not revoked", c.Account.is(Revoked), AccountRevoked, "account %s is revoked", c.Account.ID)
	e.hold("person not suspended", c.Account.is(Suspended), AccountSuspended, "account %s is suspended", c.Account.ID)
	late := l.ID != "" && !now.Before(l.End) && l.Ceiling == CauseCeiling && (l.EndedAt.IsZero() || l.EndReason == CauseCeiling)
	e.hold("code in time", late, CodeExpired, "it was good until %s", instant(l.End))
	over := c.Refuses(now)
	if over == "" {
		over = c.above().stands(now)
	}
	e.hold("person's session", over != "", CodeOver, "the session %s of account %s, or the code, is over: %s %s", l.Parent, l.Account, over, l.EndReason)
}

// bound is what a commission binds an agent to, beyond its grant: the grant itself, one app, one resource, and roles that
// the person has.
func (e *examiner) bound() {
	if !e.behalved() {
		return
	}
	g, x := e.State.Intended.Lease.Grant, e.Request.Errand
	e.hold("grant of the code", x.Grant != g.Of, GrantRefused, "it is for grant %q; asked was %q", g.Of, brief(x.Grant))
	e.hold("app of the code", !slices.Equal(x.Audience, g.Audience), AppNotGranted, "it is for %v; asked was %v", g.Audience, x.Audience)
	e.hold("resource of the code", len(x.Resources) != 1 || !within(g.Resources, x.Resources[0]), ResourceNotGranted, "it is for %v; asked was %v", g.Resources, x.Resources)
	e.hold("roles of the person", len(e.grant.Roles) > 0 && len(e.grant.rolesOf(e.State.Intended.above())) == 0, RoleMissing, "grant %s is for %v, and account %s has none of them", e.grant.ID, e.grant.Roles, e.State.Intended.Account.ID)
}

// endWithPerson is when an agent's lease has to end: as its person said, and with her session.
func (e *examiner) endWithPerson(end time.Time, cause Cause) (time.Time, Cause) {
	if !e.behalved() {
		return end, cause
	}
	c := e.State.Intended
	if said := c.Lease.Start.Add(c.Lease.Grant.For); said.Before(end) {
		end, cause = said, CauseCeiling
	}
	if session := c.above().Lease.End; session.Before(end) { // I6
		end, cause = session, CauseParentEnded
	}
	return end, cause
}

// depute is the happy path of an exchange on behalf of a person: her commission is used up, and a lease of hers begins
// below her session, by which the agent acts. The agent's account has no lease by it.
func (d *draft) depute(outcome Outcome, agent Account) Decision {
	decision := d.decision(outcome, "")
	agent.Name, agent.LastLogin, agent.Revision = d.Request.Errand.Rule, d.now, agent.Revision+1
	lease := d.agentLease(agent)
	decision.Account, decision.Lease = agent, lease
	change := &decision.Change
	change.Decisions[0].Account = agent.ID
	change.Accounts, change.Leases = []Account{agent}, []Lease{lease}
	for _, app := range lease.Grant.Audience {
		change.Entries = append(change.Entries, Entry{Lease: lease.ID, App: app, At: d.now})
	}
	if outcome == Created {
		change.Links = []Link{d.newLink(agent.ID)}
	}
	d.Request.Actor.ID = string(agent.ID)
	asked := d.loginEvent(decision, agent.ID)
	asked.Personal.Detail, asked.Changes = d.Request.Errand.Purpose, append(d.Request.Errand.lines(), d.whose()...)
	began := d.event(Event{
		Kind: EventAgent, Tenant: lease.Tenant, Account: lease.Account, Connection: lease.Connection, App: d.Request.App, Outcome: "began", Lease: lease.ref(), Decision: asked.Decision,
		Changes:  append(d.Request.Errand.lines(), "agent "+string(agent.ID)),
		Personal: Personal{Requester: d.Request.Requester, Detail: lease.Grant.Resources[0]},
	})
	change.Events = []Event{asked, began}
	used := ending{ids: d.ids, used: &d.events, now: d.now, actor: d.Request.Actor, requester: d.Request.Requester}
	used.leases(change, d.State.IntendedListeners, []Lease{d.State.Intended.Lease}, nil, CauseUsedUp)
	return decision
}

// agentLease is a lease like a workload's, of the person's account and below her session.
func (d *draft) agentLease(agent Account) Lease {
	c := d.State.Intended
	session := c.above().Lease
	l := d.workloadLease(agent)
	l.Kind, l.Account, l.Connection, l.Domain, l.Parent, l.Subject, l.Authn = AgentLease, session.Account, session.Connection, session.Domain, session.ID, "", session.Authn
	l.Agent, l.Generations = Acting{agent, d.State.Connection}.names(), c.generations()
	l.Grant.Roles = d.State.Tenant.Policy.Grant(d.Request.Errand.Grant).rolesOf(c.above())
	return l
}

// whose says on whose behalf an exchange is, in the audit.
func (d *draft) whose() []string {
	if id := d.State.Intended.Account.ID; id != "" && d.behalved() {
		return []string{"for account " + string(id)}
	}
	return nil
}
