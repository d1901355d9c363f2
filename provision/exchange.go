package provision

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Errand is what a workload wants a lease for. A token says who asks; an errand says what for.
type Errand struct {
	Rule      string
	Grant     string
	Audience  []AppID  // none: all apps of the grant
	Resources []string // none: all resources of the grant
	Purpose   string
	Task      string
	Agent     bool `json:",omitempty"` // on behalf of whoever commissioned it
	Direct    bool // for an app off the path, which is shown a signed token
}

// EndedTask is the kind of a spent thing that stands for a task that ended: nothing begins in it any more.
const EndedTask = "ended-task"

// Examination is one check of an exchange, and what came of it.
type Examination struct {
	Of     string // "token", "target", "context" or "time"
	Check  string // what was looked at
	Reason Reason // why it fails; "" when it holds
	Detail string // what was wanted and what came
}

// Examine holds an exchange against everything that it has to pass, in the order in which Decide refuses: each check
// says for itself whether it holds, so that whoever asks why learns all of it.
func Examine(s State, r Request, now time.Time) []Examination {
	d := draft{State: s.strange(r.Pseudonym), Request: r, now: now}
	e := examiner{draft: d, rule: s.Tenant.Policy.Rule(r.Errand.Rule)}
	if slices.Contains(e.rule.Grants, r.Errand.Grant) {
		e.grant = s.Tenant.Policy.Grant(r.Errand.Grant)
	}
	for _, part := range []struct {
		of      string
		examine func()
	}{{"token", e.token}, {"target", e.target}, {"context", e.context}, {"time", e.time}} {
		e.of = part.of
		part.examine()
	}
	return e.all
}

// examiner gathers examinations.
type examiner struct {
	draft
	rule  TrustRule
	grant GrantRule
	of    string // which part is looked at
	all   []Examination
}

// hold notes a check; it fails for reason when bad.
func (e *examiner) hold(check string, bad bool, reason Reason, format string, args ...any) {
	x := Examination{Of: e.of, Check: check}
	if bad {
		x.Reason, x.Detail = reason, fmt.Sprintf(format, args...)
	}
	e.all = append(e.all, x)
}

// token is who asks, and by whose word.
func (e *examiner) token() {
	s, f := e.State, e.Request.Facts
	e.hold("single use", replayed(s), Replayed, "used up already: %s", spentNames(s.Spent))
	known := s.Tenant.ID != "" && s.Connection.ID != "" && s.Connection.ID == f.Connection && s.Tenant.ID == s.Connection.Tenant && s.Connection.Protocol == Workloads
	e.hold("tenant", !known, TenantUnknown, "connection %q is no trusted issuer of a tenant", f.Connection)
	e.hold("tenant in force", s.Tenant.Suspended, TenantSuspended, "tenant %s is suspended", s.Tenant.ID)
	e.hold("contract", contractEnded(s.Tenant, e.now), ContractEnded, "the contract ended at %s", instant(s.Tenant.ContractEnd))
	e.hold("issuer in force", s.Connection.Disabled, ConnectionDisabled, "connection %s is disabled", s.Connection.ID)
	e.hold("issuer confirmed", s.Connection.Held, ConnectionHeld, "connection %s is held", s.Connection.ID)
	e.hold("rule", e.rule.ID == "" || e.rule.Connection != f.Connection, RuleUnknown, "no rule %q trusts connection %s", brief(e.Request.Errand.Rule), f.Connection)
	e.hold("rule not disabled", e.rule.Disabled, RuleHeld, "rule %s is disabled", e.rule.ID)
	e.claims()
	e.hold("owner of the rule", !e.rule.Answered(s.EmailHolder), RuleHeld,
		"the account that answers for rule %s is not in force: %s", e.rule.ID, e.rule.Owner)
	e.hold("subject", f.Subject == "" || f.Subject != e.rule.SubjectOf(f.Claims), SubjectMissing, "wanted the claims %s", strings.Join(e.rule.Subject, ", "))
	e.account()
	e.behalf()
	e.renewal()
}

// claims are those that the rule names, each a check of its own.
func (e *examiner) claims() {
	for _, name := range sortedKeys(e.rule.Match) {
		only := TrustRule{Match: map[string][]string{name: e.rule.Match[name]}}
		_, reason := only.Refuses(e.Request.Facts.Claims)
		e.hold("claim "+name, reason != "", reason, "wanted %s; came %q", strings.Join(e.rule.Match[name], " or "), brief(e.Request.Facts.Claims[name]))
	}
	if len(e.rule.Match) == 0 {
		e.hold("claims", true, RuleUnknown, "rule %q wants no claim", e.rule.ID)
	}
}

// account is who the subject is here. An account with an e-mail address is a person's, and no workload gets in by it.
func (e *examiner) account() {
	a := e.State.Account
	e.hold("account not revoked", a.is(Revoked), AccountRevoked, "account %s is revoked", a.ID)
	e.hold("account not suspended", a.is(Suspended), AccountSuspended, "account %s is suspended", a.ID)
	abroad := a.ID != "" && a.Tenant != e.State.Tenant.ID
	e.hold("account of the tenant", abroad, TenantUnknown, "account %s is one of tenant %s", a.ID, a.Tenant)
	e.hold("account of a workload", a.State.Living() && !a.Email.IsZero(), LinkRefused, "account %s is a person's", a.ID)
	e.hold("account approved", a.State.Living() && a.State != Active && a.State != Dormant && !a.is(Revoked) && !a.is(Suspended), ApprovalPending, "account %s is %s", a.ID, a.State)
}

// target is what is asked for.
func (e *examiner) target() {
	x := e.Request.Errand
	e.hold("grant", e.grant.ID == "", GrantRefused, "rule %s gives %s; asked was %q", e.rule.ID, strings.Join(e.rule.Grants, ", "), brief(x.Grant))
	var foreign []string
	for _, app := range x.Audience {
		if !slices.Contains(e.grant.Apps, app) {
			foreign = append(foreign, string(app))
		}
	}
	e.hold("apps", len(foreign) > 0 || len(e.grant.Apps) == 0, AppNotGranted, "grant %s is for %v; asked was %s", e.grant.ID, e.grant.Apps, brief(strings.Join(foreign, ", ")))
	e.apps()
	var outside []string
	for _, resource := range x.Resources {
		if !within(e.grant.Resources, resource) {
			outside = append(outside, resource)
		}
	}
	e.hold("resources", len(outside) > 0, ResourceNotGranted, "grant %s is for %s; asked was %s", e.grant.ID, strings.Join(e.grant.Resources, ", "), brief(strings.Join(outside, ", ")))
	e.bound()
}

// apps are those that the lease would be for. Each of them has to be there, take such a token, and admit the tenant.
func (e *examiner) apps() {
	x, wanted := e.Request.Errand, e.Request.Errand.Audience
	if len(wanted) == 0 {
		wanted = e.grant.Apps
	}
	var deaf, closed []string
	for _, id := range wanted {
		var app App
		if i := slices.IndexFunc(e.State.Apps, func(a App) bool { return a.ID == id }); i >= 0 {
			app = e.State.Apps[i]
		}
		if !app.Takes(x.Direct) || e.behalved() && !app.TakesAgents(x.Direct) {
			deaf = append(deaf, string(id))
		}
		if !app.Admits(e.State.Tenant.ID) {
			closed = append(closed, string(id))
		}
	}
	e.hold("app takes it", len(deaf) > 0, AppNotGranted, "no such token is taken by %s: see workloads and off_path, and headers for agents", brief(strings.Join(deaf, ", ")))
	e.hold("tenant of the app", len(closed) > 0, TenantNotOfApp, "tenant %s is not admitted by %s", e.State.Tenant.ID, brief(strings.Join(closed, ", ")))
	e.hold("one app", x.Direct && len(wanted) != 1, AppNotGranted, "a signed token is for one app")
	e.hold("counted uses", x.Direct && e.grant.Uses > 0, GrantRefused, "grant %s is good for %d checks, and no check counts a signed token", e.grant.ID, e.grant.Uses)
}

// within reports whether a resource that is asked for is one of a grant's: one of its patterns, or an address that one
// means, or below it.
func within(granted []string, asked string) bool {
	if slices.Contains(granted, asked) {
		return true
	}
	if strings.Contains(asked, "*") || !isResource(asked) {
		return false
	}
	scheme, rest, _ := strings.Cut(asked, "://")
	host, _, _ := strings.Cut(rest, "/")
	origin := scheme + "://" + host
	return Grant{Resources: granted}.Covers(origin, strings.TrimPrefix(asked, origin))
}

// context is what was said, and in which circumstances.
func (e *examiner) context() {
	x := e.Request.Errand
	e.hold("purpose", e.grant.NeedsPurpose && x.Purpose == "", PurposeMissing, "grant %s wants a purpose", e.grant.ID)
	e.hold("task", e.grant.NeedsTask && x.Task == "", TaskMissing, "grant %s wants a task", e.grant.ID)
	e.hold("task goes on", slices.ContainsFunc(e.State.Spent, func(x Spent) bool { return x.Kind == EndedTask }), TaskEnded, "task %q has ended", brief(x.Task))
	e.hold("address", !e.addressed(), AddressRefused, "grant %s is given to %v; it came from %q", e.grant.ID, e.grant.Addresses, e.Request.Requester.IP)
	held := e.held()
	e.hold("leases at once", e.grant.Concurrent > 0 && held >= e.grant.Concurrent, TooManyLeases, "%d of %d leases of grant %s are live", held, e.grant.Concurrent, e.grant.ID)
}

// held counts the leases of the grant that are live: of the workload, or of the person that an agent acts for. One that is
// renewed is none of them.
func (e *examiner) held() (n int) {
	kind, leases := WorkloadLease, e.State.Leases
	if e.behalved() {
		kind, leases = AgentLease, e.State.IntendedLeases
	}
	for _, l := range leases {
		if l.Kind == kind && l.Grant.Of == e.grant.ID && e.now.Before(l.Until()) && (e.Request.Occasion != OnRenewal || l.ID != e.Request.Replaces) {
			n++
		}
	}
	return n
}

// addressed reports whether the request comes from where the grant is given to.
func (e *examiner) addressed() bool {
	if len(e.grant.Addresses) == 0 {
		return true
	}
	addr, err := netip.ParseAddr(e.Request.Requester.IP)
	return err == nil && slices.ContainsFunc(e.grant.Addresses, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

// time is whether it may be now.
func (e *examiner) time() {
	age := e.rule.TokenAge
	if age <= 0 {
		age = DefaultTokenAge
	}
	at := e.Request.Authn.At
	e.hold("age of the token", olderThan(at, min(age, MaxTokenAge)+tokenSkew, e.Request.Received), TokenStale, "issued at %s; the limit is %s", instant(at), age)
	hours, err := ParseHours(e.grant.Hours)
	open := hours.Until(e.now)
	e.hold("hours", err != nil || open.IsZero(), OutsideHours, "grant %s is given %s; it is %s", e.grant.ID, e.grant.Hours, instant(e.now))
	end, _ := e.end()
	e.hold("something is left", !e.now.Before(end), SessionOver, "the token ends at %s", instant(e.Request.Authn.SessionEnd))
}

// tokenSkew is what the issuer's clock and ours may differ by.
const tokenSkew = time.Minute

// end is when the lease has to end: the earliest of what the grant lasts, its hours, the token and the contract.
func (e *examiner) end() (time.Time, Cause) {
	end, cause := e.now.Add(e.grant.TTL()), CauseCeiling
	hours, _ := ParseHours(e.grant.Hours)
	for _, other := range []time.Time{hours.Until(e.now), e.Request.Authn.SessionEnd} {
		if other.Before(end) {
			end = other
		}
	}
	if contract := e.State.Tenant.ContractEnd; !contract.IsZero() && contract.Before(end) {
		end, cause = contract, CauseContractEnded
	}
	return e.endWithPerson(end, cause)
}

// exchange judges a workload's wish for a lease. The first examination that fails is the reason.
func (d *draft) exchange() Decision {
	for _, x := range Examine(d.State, d.Request, d.now) {
		if x.Reason != "" {
			decision := d.deny(x.Reason)
			decision.Check = x.Check
			decision.Change.Events[0].Check, decision.Change.Events[0].Personal.Detail = x.Check, x.Check+": "+x.Detail
			decision.Change.Events[0].Changes = d.whose()
			return decision
		}
	}
	if d.Request.Occasion == OnRenewal {
		return d.renew()
	}
	take := d.employ
	if d.behalved() {
		take = d.depute
	}
	if d.State.Account.State.Living() {
		return take(Resumed, d.State.Account)
	}
	return take(Created, d.newAccount(Dormant))
}

// employ is the one happy path of an exchange: the account is active, a lease begins, and the apps that it is for know it.
func (d *draft) employ(outcome Outcome, account Account) Decision {
	decision := d.decision(outcome, "")
	voids := account.State == Dormant && outcome == Resumed
	account.Name = d.Request.Errand.Rule
	account.State, account.LastLogin, account.Revision = Active, d.now, account.Revision+1
	lease := d.workloadLease(account)
	decision.Account, decision.Lease = account, lease
	change := &decision.Change
	change.Decisions[0].Account = account.ID
	change.Accounts, change.Leases = []Account{account}, []Lease{lease}
	for _, app := range lease.Grant.Audience {
		change.Entries = append(change.Entries, Entry{Lease: lease.ID, App: app, At: d.now})
	}
	if voids {
		change.Voids = []AccountID{account.ID}
	}
	if outcome == Created {
		change.Links = []Link{d.newLink(account.ID)}
	}
	event := d.loginEvent(decision, account.ID)
	event.Personal.Detail = d.Request.Errand.Purpose
	event.Changes = d.Request.Errand.lines()
	change.Events = []Event{event}
	return decision
}

// lines are an errand in the audit.
func (x Errand) lines() []string {
	lines := []string{"rule " + x.Rule, "grant " + x.Grant}
	if x.Task != "" {
		lines = append(lines, "task "+x.Task)
	}
	return lines
}

// workloadLease is the lease that an errand is given: what was asked for, and without that what the grant has.
func (d *draft) workloadLease(account Account) Lease {
	t, x, r := d.State.Tenant, d.Request.Errand, d.Request
	e := examiner{draft: *d, rule: t.Policy.Rule(x.Rule), grant: t.Policy.Grant(x.Grant)}
	end, cause, term := e.ends()
	standing := Standing{Installation: d.State.Installation, Tenant: t, Connection: d.State.Connection, Account: account}
	grant := Grant{
		Roles: t.Policy.Roles.Within(e.grant.Roles), Scopes: []string{e.grant.ID}, Audience: slices.Clone(x.Audience), Resources: slices.Clone(x.Resources),
		Purpose: x.Purpose, Task: x.Task, Rule: e.rule.ID, Of: e.grant.ID, Terms: e.rule.Terms(), Uses: e.grant.Uses,
	}
	if len(grant.Audience) == 0 {
		grant.Audience = slices.Clone(e.grant.Apps)
	}
	if len(grant.Resources) == 0 {
		grant.Resources = slices.Clone(e.grant.Resources)
	}
	return Lease{
		ID: d.ids.Lease(t.ID), Kind: WorkloadLease, Tenant: t.ID, Account: account.ID, Connection: d.State.Connection.ID, Subject: r.Facts.Subject,
		Authn: Authn{At: r.Authn.At, SessionEnd: r.Authn.SessionEnd}, Grant: grant, Start: d.now, End: end, Term: term, Ceiling: cause, Seen: d.now, Generations: standing.generations(),
	}
}

// regateWorkload judges a live lease of a workload under the rules as they are now: its rule and its grant have to be
// there, give what it has, and want of the workload what they wanted when it began.
func regateWorkload(s Standing, now time.Time) (Lease, Cause) {
	l, policy := s.Lease, s.Tenant.Policy
	rule, grant := policy.Rule(l.Grant.Rule), policy.Grant(l.Grant.Of)
	beyond := func(has, given []string) bool {
		return slices.ContainsFunc(has, func(x string) bool { return !slices.Contains(given, x) })
	}
	outside := func(app AppID) bool { return !slices.Contains(grant.Apps, app) }
	hours, err := ParseHours(grant.Hours)
	until := hours.Until(now)
	switch {
	case rule.ID == "", rule.Disabled, grant.ID == "", rule.Agent != (l.Kind == AgentLease), rule.Terms() != l.Grant.Terms, !slices.Contains(rule.Grants, grant.ID),
		beyond(l.Grant.Roles, grant.Roles), slices.ContainsFunc(l.Grant.Audience, outside), len(l.Grant.Audience) == 0,
		len(grant.Resources) > 0 && len(l.Grant.Resources) == 0,
		err != nil, until.IsZero(), grant.NeedsPurpose && l.Grant.Purpose == "", grant.NeedsTask && l.Grant.Task == "",
		grant.Uses > 0 && (l.Grant.Uses == 0 || l.Grant.Uses > grant.Uses),
		slices.ContainsFunc(l.Grant.Resources, func(r string) bool { return len(grant.Resources) > 0 && !within(grant.Resources, r) }):
		return l, CausePolicyTightened
	}
	whole := grant.Whole()
	if l.Kind == AgentLease { // which is not renewed
		whole = grant.TTL()
	}
	l = l.within(l.Start.Add(whole), grant.TTL(), until)
	if end := s.Tenant.ContractEnd; !end.IsZero() && end.Before(l.End) {
		l.End, l.Ceiling = end, CauseContractEnded
	}
	if l.Kind == AgentLease {
		return s.withinParent(l, now)
	}
	switch {
	case !now.Before(l.End):
		return l, l.Ceiling
	case !now.Before(l.Until()):
		return l, CauseCeiling
	}
	return l, ""
}
