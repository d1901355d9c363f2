package provision_test

import (
	"fmt"
	"slices"
	"time"

	"leasehold/provision"
)

// decisionFaults lists what breaks the laws that hold for every decision on every state. Tables, fuzzing and the model
// share it.
func decisionFaults(s scene, d provision.Decision) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	must := func(law string, holds bool) {
		if !holds {
			fault("%s: %s %q", law, d.Outcome, d.Reason)
		}
	}
	c := d.Change

	if len(c.Decisions) != 1 {
		fault("%d decision rows", len(c.Decisions))
	} else {
		row := c.Decisions[0]
		must("the row is not the decision", row.ID == d.ID && row.Outcome == d.Outcome && row.Reason == d.Reason && row.Tenant == s.State.Tenant.ID && row.At.Equal(s.Now) && row.PolicyVersion == s.State.Tenant.Policy.Version)
	}
	if logins := eventsOf(c, provision.EventLogin); len(logins) != 1 {
		fault("%d login events", len(logins))
	} else {
		e := logins[0]
		must("the login event is not the decision", e.Outcome == string(d.Outcome) && e.Reason == string(d.Reason) && e.Decision.ID == d.ID && e.Tenant == d.Tenant && e.Lease.ID == d.Lease.ID)
	}
	must("a login changes what is registered", c.Installation == 0 && len(c.Tenants)+len(c.Connections)+len(c.Claims)+len(c.Apps)+len(c.Revocations)+len(c.Entries) == 0)
	for _, spent := range s.Request.Spend {
		used := func(x provision.Spent) bool {
			return x.Kind == spent.Kind && x.Scope == spent.Scope && x.ID == spent.ID
		}
		must("what was brought is not spent once", slices.ContainsFunc(c.Spent, used) != slices.ContainsFunc(s.State.Spent, used))
	}
	faults = append(faults, changeFaults(accountsOf(s.State), leasesOf(s.State), c, s.Now)...)

	switch d.Outcome {
	case provision.Denied:
		must("a denial has no reason", slices.Contains(provision.Reasons(), d.Reason))
		must("a denial lets in", !d.Allowed() && d.Lease.ID == "")
		must("a denial changes something", len(c.Accounts)+len(c.Links)+len(c.Unlinks)+len(c.Leases) == 0 && len(c.Events) == 1)
	case provision.PendingApproval:
		must("waiting lets in", !d.Allowed() && d.Lease.ID == "" && len(c.Leases)+len(c.Unlinks) == 0 && len(c.Events) == 1)
		must("waiting is no pending account with a link", len(c.Accounts) == 1 && c.Accounts[0].State == provision.Pending && len(c.Links) == 1 && c.Links[0].Account == c.Accounts[0].ID)
		faults = append(faults, entryFaults(s, d)...)
	case provision.Created, provision.Linked, provision.Resumed:
		must("nobody is let in", d.Allowed())
		faults = append(faults, entryFaults(s, d)...)
		faults = append(faults, leaseFaults(s, d)...)
	default:
		fault("outcome %q", d.Outcome)
	}
	return faults
}

// entryFaults lists what breaks the laws about who may come in at all, were it only to wait.
func entryFaults(s scene, d provision.Decision) (faults []string) {
	must := func(law string, holds bool) {
		if !holds {
			faults = append(faults, fmt.Sprintf("%s: %s", law, d.Outcome))
		}
	}
	st, f := s.State, s.Request.Facts
	address, err := provision.ParseEmail(f.Email)
	must("in with a spent message", len(st.Spent) == 0)
	must("in without a tenant", st.Tenant.ID != "" && !st.Tenant.Suspended && (st.Tenant.ContractEnd.IsZero() || s.Now.Before(st.Tenant.ContractEnd)))
	must("in by a foreign or closed connection", st.Connection.ID == f.Connection && st.Connection.Tenant == st.Tenant.ID && !st.Connection.Disabled && !st.Connection.Held)
	must("in without a lasting subject", f.Subject != "" && !f.Transient)
	must("in without a verified address", err == nil && f.EmailVerified)
	must("in by a domain of somebody else", st.Claim.Tenant == st.Tenant.ID && st.Claim.Domain == address.Domain() && !st.Claim.Domain.IsZero())
	must("in by a domain that is not proved", st.Claim.State == provision.ClaimVerified || (st.Claim.State == provision.ClaimFailing && (d.Outcome == provision.Resumed || d.Outcome == provision.Linked)))
	must("in by a domain that is not the connection's", slices.Contains(st.Connection.Domains, address.Domain()))
	must("in with groups that nobody knows", !f.GroupsOverage)
	must("in by an authentication that is too weak", len(st.Tenant.Policy.ACR) == 0 || slices.Contains(st.Tenant.Policy.ACR, s.Request.Authn.ACR))
	if age := st.Tenant.Policy.MaxAuthAge; age > 0 {
		must("in by an authentication that is too old", !s.Request.Authn.At.IsZero() && s.Now.Sub(s.Request.Authn.At) <= age)
	}
	for _, kept := range []provision.AccountState{provision.Revoked, provision.Suspended} {
		must("in although "+string(kept), st.Account.State != kept && (st.Account.State != provision.Deleted || st.Account.Before != kept))
	}
	byTomb := st.Link.Account == "" && slices.ContainsFunc(st.Links, func(l provision.Link) bool { return l.Subject == "" && l.Pseudonym == s.Request.Pseudonym })
	switch d.Outcome {
	case provision.Resumed:
		must("resumed by what a deleted connection left", !byTomb)
		must("resumed somebody else", d.Account.ID == st.Account.ID && (st.Account.State == provision.Active || st.Account.State == provision.Dormant))
		must("resumed with a new link", len(d.Change.Links) == len(d.Change.Unlinks))
	case provision.Linked:
		must("linked to somebody else", d.Account.ID == s.Request.Intent.Account && d.Account.ID == st.Intended.Account.ID && st.Intended.Lease.ID == s.Request.Intent.Lease)
		must("linked out of a dead session", st.Intended.Refuses(s.Now) == "")
		must("linked on another occasion", s.Request.Occasion == provision.OnLink)
		must("linked another address", d.Account.Email == address)
	default:
		must("made somebody on another occasion", s.Request.Occasion == provision.OnLogin)
		must("made somebody whose address is held", st.EmailHolder.ID == "")
		must("made somebody who is there", byTomb || !st.Account.State.Living())
		must("made somebody by a rule that forbids it", st.Tenant.Policy.Mode != provision.Provisioned && (st.Tenant.Policy.Create == provision.CreateAllow) == (d.Outcome == provision.Created) && (st.Tenant.Policy.Create == provision.CreateApprove) == (d.Outcome == provision.PendingApproval))
		must("made somebody without a key or an address", len(d.Account.Key) > 0 && d.Account.Email == address && d.Account.Generation > 0)
	}
	return faults
}

// leaseFaults lists what breaks the laws of a lease that begins.
func leaseFaults(s scene, d provision.Decision) (faults []string) {
	must := func(law string, holds bool) {
		if !holds {
			faults = append(faults, fmt.Sprintf("%s: %+v", law, d.Lease))
		}
	}
	l, policy := d.Lease, s.State.Tenant.Policy
	maxSession := policy.MaxSession
	if maxSession == 0 {
		maxSession = provision.DefaultMaxSession
	}
	must("the lease is not of this moment", l.Start.Equal(s.Now) && l.Seen.Equal(s.Now) && l.EndedAt.IsZero() && l.End.After(s.Now))
	must("the lease outlives the policy", !l.End.After(s.Now.Add(maxSession)))
	must("the lease outlives the session upstream", s.Request.Authn.SessionEnd.IsZero() || !l.End.After(s.Request.Authn.SessionEnd))
	must("the lease outlives the contract", s.State.Tenant.ContractEnd.IsZero() || !l.End.After(s.State.Tenant.ContractEnd))
	must("the lease never idles", l.Idle > 0)
	must("the lease crosses tenants", l.Tenant == s.State.Tenant.ID && l.ID.Tenant() == l.Tenant && d.Account.Tenant == l.Tenant && s.State.Connection.Tenant == l.Tenant && s.State.Claim.Tenant == l.Tenant) // I11
	must("the lease has another account or connection", l.Account == d.Account.ID && l.Connection == s.State.Connection.ID && l.Domain == s.State.Claim.Domain && l.Subject == s.Request.Facts.Subject)
	for _, role := range l.Grant.Roles {
		must("a role above the ceiling", slices.Contains(policy.Roles.Ceiling, role) || (len(policy.Roles.Ceiling) == 0 && slices.Contains(policy.Roles.Default, role))) // I12
	}
	written := slices.ContainsFunc(d.Change.Leases, func(x provision.Lease) bool { return x.ID == l.ID && x.EndedAt.IsZero() })
	active := slices.ContainsFunc(d.Change.Accounts, func(a provision.Account) bool { return a.ID == l.Account && a.State == provision.Active })
	must("the lease or its account is not written", written && active && d.Account.State == provision.Active)
	standing := standingOf(s.State, d.Account, l)
	must("the lease gives no access", standing.Refuses(s.Now) == "")
	must("the lease gives access at its end", standing.Refuses(l.End) != "")
	return faults
}

// changeFaults lists what breaks the laws of every change of accounts and leases (I5, I7, I11), given what they were.
func changeFaults(accounts map[provision.AccountID]provision.Account, leases map[provision.LeaseID]provision.Lease, c provision.Change, now time.Time) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	stateEvents, leaseEvents, seen := map[provision.AccountID]int{}, map[provision.LeaseID]int{}, map[provision.EventID]bool{}
	for _, e := range c.Events {
		if e.ID == "" || seen[e.ID] || !e.Time.Equal(now) || e.Actor.Kind == "" || e.Seq != 0 {
			fault("event without a name, time or actor of its own: %+v", e)
		}
		seen[e.ID] = true
		switch {
		case e.Kind == provision.EventLeaseEnded:
			leaseEvents[e.Lease.ID]++
		case e.Kind == provision.EventAccountState, (e.Kind == provision.EventLogin || e.Kind == provision.EventExchange) && e.Outcome != string(provision.Denied):
			stateEvents[e.Account]++
		}
	}
	for _, a := range c.Accounts {
		old := accounts[a.ID]
		moved := old.State != a.State || old.Before != a.Before
		began := slices.ContainsFunc(c.Leases, func(l provision.Lease) bool { return l.Worker() == a.ID && l.EndedAt.IsZero() })
		if n := stateEvents[a.ID]; n > 1 || (moved && n != 1) || (!moved && !began && n != 0) {
			fault("account %s went from %q to %q with %d events", a.ID, old.State, a.State, n)
		}
		if delete(stateEvents, a.ID); old.ID != "" && (a.Tenant != old.Tenant || a.Generation < old.Generation || a.Revision <= old.Revision) {
			fault("account %s changed its tenant, or its generation or revision went back", a.ID)
		}
		if a.State == provision.Deleted && (a.Key != nil || !a.Email.IsZero() || a.Name != "" || a.Groups != nil || a.Notice != "" || !a.LastLogin.IsZero()) {
			fault("tombstone %s holds personal data", a.ID)
		}
	}
	for _, l := range c.Leases {
		forgotten := slices.ContainsFunc(c.Upstreams, func(u provision.Upstream) bool { return u.Lease == l.ID && u.IsZero() })
		if forgotten != !l.EndedAt.IsZero() {
			fault("lease %s: ended at %s, what it remembers of its identity provider is forgotten: %v", l.ID, l.EndedAt, forgotten)
		}
	}
	for id, n := range stateEvents {
		fault("%d events of account %s, whose row is not written", n, id)
	}
	for _, l := range c.Leases {
		old, existed := leases[l.ID]
		ended := !l.EndedAt.IsZero() && old.EndedAt.IsZero()
		if n := leaseEvents[l.ID]; (ended && n != 1) || (!ended && n != 0) {
			fault("lease %s ended: %v, with %d events", l.ID, ended, n)
		}
		if delete(leaseEvents, l.ID); ended && (l.EndReason == "" || l.EndedBy.Kind == "" || l.Subject != "" || !l.EndedAt.Equal(now)) {
			fault("lease %s ended without a cause, by nobody, or keeps its subject", l.ID)
		}
		if existed && (l.End.After(old.End) || l.Start != old.Start || l.Tenant != old.Tenant || l.Account != old.Account || (!old.EndedAt.IsZero() && l.EndedAt != old.EndedAt)) {
			fault("lease %s ends later, moved, or ended twice", l.ID)
		}
	}
	for id, n := range leaseEvents {
		fault("%d events of lease %s, whose row is not written", n, id)
	}
	return faults
}

// accountsOf are the accounts that a state shows.
func accountsOf(s provision.State) map[provision.AccountID]provision.Account {
	accounts := map[provision.AccountID]provision.Account{}
	for _, a := range []provision.Account{s.Account, s.Former.Account, s.Intended.Account, s.EmailHolder} {
		if a.ID != "" {
			accounts[a.ID] = a
		}
	}
	return accounts
}

// leasesOf are the leases that a state shows.
func leasesOf(s provision.State) map[provision.LeaseID]provision.Lease {
	leases := map[provision.LeaseID]provision.Lease{}
	for _, l := range slices.Concat(s.Leases, s.FormerLeases, s.IntendedLeases) {
		leases[l.ID] = l
	}
	return leases
}
