package storetest

import (
	"slices"

	"leasehold/provision"
)

func agents() []check {
	return []check{
		{"a lease by which an agent acts stands with the agent, and is found by it until it ends", agentLeases},
	}
}

func agentLeases(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, hers := w.person("ada", "ada@acme.example")
	agent := w.account("agent@acme.example", provision.Dormant)
	agent.Email = provision.Email{}
	w.write(provision.Change{Accounts: []provision.Account{agent}})
	lease := func(task string) provision.Lease {
		l := w.lease(ada)
		l.Kind, l.Parent, l.Grant.Task = provision.AgentLease, hers.ID, task
		l.Agent = provision.Agent{Account: agent.ID, Connection: okta, AccountGeneration: 1, ConnectionGeneration: 1}
		return l
	}
	one, two := lease("4242"), lease("4243")
	w.write(provision.Change{Leases: []provision.Lease{one, two}})
	stands := func(what string, s provision.Standing) {
		if s.Lease.Agent != one.Agent || s.Agent.Account.ID != agent.ID || s.Agent.Account.State != provision.Dormant || s.Agent.Connection.ID != okta || s.Agent.Connection.Tenant != acme || s.Account.ID != ada.ID {
			t.errorf("%s: the agent is %+v of %+v", what, s.Agent, s.Lease)
		}
	}
	read, err := b.Lease(t.ctx, one.ID)
	t.ok("lease", err)
	stands("a lease", read)
	stands("in a state", w.read(provision.Target{Lease: one.ID}).Former)
	stands("in an intent", w.read(provision.Target{Intent: provision.Intent{Lease: one.ID}}).Intended)
	t.ok("end", a.End(t.ctx, []provision.LeaseID{one.ID}, func(_ provision.LeaseID, s provision.State) provision.Change {
		stands("in an end", s.Former)
		return provision.Change{}
	}))
	if read, err = b.Lease(t.ctx, hers.ID); err != nil || read.Agent.Account.ID != "" || read.Agent.Connection.ID != "" {
		t.errorf("her session has an agent: %+v, %v", read.Agent, err)
	}
	acting := func(what string, id provision.AccountID, want ...provision.LeaseID) {
		var got []provision.LeaseID
		for _, l := range w.on(b).read(provision.Target{Account: id, Quiet: true}).Acting {
			got = append(got, l.ID)
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.errorf("%s: acts by %v, want %v", what, got, want)
		}
	}
	acting("the agent", agent.ID, one.ID, two.ID)
	acting("the person", ada.ID)
	list := func(p provision.Page) []string {
		return walk(t, b.Leases, p, func(l provision.Lease) string { return string(l.ID) })
	}
	if got := list(provision.Page{Tenant: acme, Agent: agent.ID, Task: "4243"}); !slices.Equal(got, []string{string(two.ID)}) {
		t.errorf("of its task are %v", got)
	}
	vanishing(t, w.on(b), agent, one.ID, two.ID)
	t.ok("end", w.end(one.ID))
	acting("after an end", agent.ID, two.ID)
	if got := list(provision.Page{Tenant: acme, Agent: agent.ID}); !slices.Equal(got, []string{string(two.ID)}) {
		t.errorf("after an end it has %v", got)
	}
}

// vanishing wants the state of a lease of the agent's own to have those by which it acts, where its account may vanish with it.
func vanishing(t *probe, w world, agent provision.Account, want ...provision.LeaseID) {
	own, other := w.lease(agent), w.lease(agent)
	own.Kind, other.Kind = provision.WorkloadLease, provision.WorkloadLease
	w.write(provision.Change{Leases: []provision.Lease{own, other}})
	slices.Sort(want)
	has := func(what string, s provision.State, want ...provision.LeaseID) {
		var got []provision.LeaseID
		for _, l := range s.FormerActing {
			got = append(got, l.ID)
		}
		if !slices.Equal(got, want) {
			t.errorf("%s, the account acts by %v, want %v", what, got, want)
		}
	}
	has("where nobody vanishes", w.read(provision.Target{Lease: own.ID}))
	fleeting := tenant(acme)
	fleeting.Policy.Mode, fleeting.Revision = provision.Ephemeral, 2
	w.write(provision.Change{Tenants: []provision.Tenant{fleeting}})
	has("where it may vanish", w.read(provision.Target{Lease: own.ID}), want...)
	t.ok("end", w.store.End(t.ctx, []provision.LeaseID{own.ID, other.ID}, func(_ provision.LeaseID, s provision.State) provision.Change {
		has("at the end of a lease of its own", s, want...)
		return provision.Change{}
	}))
}
