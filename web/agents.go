package web

import (
	"net/http"
	"strings"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// commission begins an agent that acts for the person, and shows its code, once.
func (s *server) commission(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := s.mayBegin(r); err != nil {
		return err
	}
	value, err := token(r, v)
	if err != nil {
		return err
	}
	form := r.PostForm
	want := provision.Commissioning{Rule: form.Get("rule"), Resource: strings.TrimSpace(form.Get("resource")), For: minutesOf(form.Get("minutes"))}
	made, err := s.Gate.Commission(r.Context(), value, v.Origin, want, v.From)
	switch {
	case err == nil:
		return s.show(w, v, http.StatusOK, "agent", "A code for your agent", commissioned{made})
	case denial(err) == "" || s.answer(denial(err)).Status == http.StatusUnauthorized:
		return err
	}
	return s.showAccount(w, r, v, err)
}

// commissioned is what the page of a code shows.
type commissioned struct{ broker.Commissioned }

// Until is when the agent stops at the latest, if its code is used.
func (c commissioned) Until() time.Time { return c.Lease.Start.Add(c.Lease.Grant.For) }

// Resource is where it may act.
func (c commissioned) Resource() string { return c.Lease.Grant.Resources[0] }

// agency is what the account page shows of agents.
type agency struct {
	Rules []agentRule       // by which the person may begin one
	Live  []provision.Lease // agents, and codes that wait
	tried
}

// agentRule is one of them, with what its grants say.
type agentRule struct {
	ID        string
	Resources []string
	Minutes   int // at most
}

// agencyOf is what somebody sees of agents on the page about herself.
func agencyOf(me broker.Me) agency {
	var a agency
	policy := me.Standing.Tenant.Policy
	for _, r := range me.Standing.AgentRules() {
		rule := agentRule{ID: r.ID}
		for _, id := range r.Grants {
			g := policy.Grant(id)
			rule.Resources = append(rule.Resources, g.Resources...)
			rule.Minutes = max(rule.Minutes, minutes(g.TTL()))
		}
		a.Rules = append(a.Rules, rule)
	}
	for _, l := range me.Leases {
		if l.Kind == provision.AgentLease || l.Kind == provision.CommissionLease {
			a.Live = append(a.Live, l)
		}
	}
	return a
}

// Any reports whether there is anything to say about agents.
func (a agency) Any() bool { return len(a.Rules)+len(a.Live) > 0 }

// Acts reports whether a lease is an agent's, and no code that waits.
func (a agency) Acts(l provision.Lease) bool { return l.Kind == provision.AgentLease }

// Most is the longest that any agent is given, in minutes.
func (a agency) Most() int {
	most := 1
	for _, r := range a.Rules {
		most = max(most, r.Minutes)
	}
	return most
}

// Minutes is what the form begins with.
func (a agency) Minutes() string {
	return a.minutes(min(5, a.Most()))
}
