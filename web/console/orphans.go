package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// orphanPage is what nobody looks after: accounts that nobody uses, that nobody can come to any more, or whose domain is
// not the tenant's; and rules for workloads for which nobody answers.
type orphanPage struct {
	Tenant string
	Days   int
	Sets   []orphanSet
	Rules  []broker.Charge
	Keeps  []retention
	Erased []provision.Event
	Runs   []provision.Event // of the retention, the last ones
}

// orphanSet is one kind of them: the first few, and where all are.
type orphanSet struct {
	Title, Text string
	Accounts    []provision.Account
	More        string // address of the whole list; "": that is all
}

// retention is how long a tenant keeps accounts without a lease.
type retention struct {
	Tenant provision.TenantID
	For    time.Duration
}

// fewOrphans is how many of a kind the report shows.
const fewOrphans = 10

// maxWalked bounds the claims, connections and tenants that a page looks through.
const maxWalked = 2000

// maxTrust bounds the rules whose owners are looked for.
const maxTrust = 100

// orphans is the report.
func (c *Console) orphans(v *visit) error {
	page := orphanPage{Tenant: v.query("tenant"), Days: v.days("days", 90)}
	days := strconv.Itoa(page.Days)
	err := c.orphan(v, &page, orphanSet{
		Title: "Not used for " + days + " days", Text: "No session now, and no login since. A retention erases them in time; so can you.", More: allOf(v.tenant(), "unused", days),
	}, provision.AccountQuery{Tenant: v.tenant(), Unused: v.now().AddDate(0, 0, -page.Days)})
	if err != nil {
		return err
	}
	err = c.orphan(v, &page, orphanSet{
		Title: "Sign-in gone with its connection", Text: "Somebody has logged in, by a connection that was deleted. Link another sign-in, or delete the account.", More: allOf(v.tenant(), "stranded", "1"),
	}, provision.AccountQuery{Tenant: v.tenant(), Stranded: true})
	if err != nil {
		return err
	}
	for _, part := range []func(*visit, *orphanPage) error{c.strandedAt, c.ofLapsedDomains, c.kept} {
		if err := part(v, &page); err != nil {
			return err
		}
	}
	return c.show(v, http.StatusOK, "orphans", "Orphans", page)
}

// orphan adds the accounts that a query finds, if any; set has the address of the whole list.
func (c *Console) orphan(v *visit, page *orphanPage, set orphanSet, q provision.AccountQuery) error {
	q.Limit = fewOrphans
	found, err := v.desk.FindAccounts(v.r.Context(), v.m, q)
	if err != nil || len(found.Items) == 0 {
		return err
	}
	if found.Next == "" {
		set.More = ""
	}
	set.Accounts = found.Items
	page.Sets = append(page.Sets, set)
	return nil
}

// allOf is the address of the list of accounts, cut to one thing and a tenant.
func allOf(t provision.TenantID, name, value string) string {
	if t == "" {
		return address("/admin/accounts", name, value)
	}
	return address("/admin/accounts", name, value, "tenant", string(t))
}

// walk looks through a list, so far as a page does.
func walk[T any](v *visit, list func(context.Context, broker.Mandate, provision.Page) (broker.Part[T], error), each func(T) error) error {
	p := provision.Page{Tenant: v.tenant(), Limit: broker.MaxPart}
	for seen := 0; seen < maxWalked; seen += p.Limit {
		found, err := list(v.r.Context(), v.m, p)
		if err != nil {
			return err
		}
		for _, item := range found.Items {
			if err := each(item); err != nil {
				return err
			}
		}
		if p.After = found.Next; p.After == "" {
			return nil
		}
	}
	return nil
}

// strandedAt adds accounts whose sign-ins are at connections that let nobody in.
func (c *Console) strandedAt(v *visit, page *orphanPage) error {
	return walk(v, v.desk.Connections, func(x provision.Connection) error {
		if !x.Disabled && x.Removal == "" {
			return nil
		}
		ids, err := v.desk.Stranded(v.r.Context(), v.m, x.ID, fewOrphans)
		if err != nil || len(ids) == 0 {
			return err
		}
		set := orphanSet{Title: "Sign-in at " + string(x.ID) + ", which is switched off", Text: "Nobody comes by this connection. The first of those who did:"}
		for _, id := range ids {
			found, err := v.desk.Account(v.r.Context(), v.m, id)
			if errors.Is(err, provision.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			set.Accounts = append(set.Accounts, found.Account)
		}
		page.Sets = append(page.Sets, set)
		return nil
	})
}

// ofLapsedDomains adds accounts of domains that are no tenant's any more.
func (c *Console) ofLapsedDomains(v *visit, page *orphanPage) error {
	return walk(v, v.desk.Domains, func(x provision.Claim) error {
		if x.State != provision.ClaimLapsed {
			return nil
		}
		return c.orphan(v, page, orphanSet{
			Title: "Domain " + x.Domain.String() + " has lapsed", Text: "Logins of this domain are refused until its proof is there again.", More: allOf(x.Tenant, "domain", x.Domain.String()),
		}, provision.AccountQuery{Tenant: x.Tenant, Domain: x.Domain})
	})
}

// kept adds how long tenants keep what nobody uses, and what was erased of late because of it.
func (c *Console) kept(v *visit, page *orphanPage) error {
	looked := 0
	err := walk(v, v.desk.Tenants, func(t provision.Tenant) error {
		if n := len(t.Policy.Trust); n > 0 && looked+n <= maxTrust {
			looked += n
			rules, err := v.desk.TrustRules(v.r.Context(), v.m, t.ID)
			if err != nil {
				return err
			}
			page.Rules = append(page.Rules, slices.DeleteFunc(rules, func(c broker.Charge) bool { return !c.Held() })...)
		}
		if len(page.Keeps) < fewOrphans {
			page.Keeps = append(page.Keeps, retention{t.ID, t.Retention})
		}
		return nil
	})
	if err != nil {
		return err
	}
	events, err := v.desk.FindEvents(v.r.Context(), v.m, provision.EventQuery{Tenant: v.tenant(), Kind: provision.EventAccountState, Limit: 200}, "")
	for _, e := range events.Items {
		if e.Actor.Via == "retention" && len(page.Erased) < fewOrphans {
			page.Erased = append(page.Erased, e)
		}
	}
	if err != nil {
		return err
	}
	runs, err := v.desk.FindEvents(v.r.Context(), v.m, provision.EventQuery{Tenant: v.tenant(), Kind: provision.EventRetention, Limit: fewOrphans}, "")
	page.Runs = runs.Items
	return err
}
