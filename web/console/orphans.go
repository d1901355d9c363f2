package console

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"leasehold/provision"
)

// orphanPage is what nobody looks after: accounts that nobody uses, that nobody can come to any more, or whose domain is
// not the tenant's.
type orphanPage struct {
	Tenant string
	Days   int
	Sets   []orphanSet
	Keeps  []retention
	Erased []provision.Event
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
	q.Limit = fewOrphans + 1
	found, err := v.reach.Accounts(v.r.Context(), q)
	if err != nil || len(found) == 0 {
		return err
	}
	if len(found) <= fewOrphans {
		set.More = ""
	}
	set.Accounts = found[:min(len(found), fewOrphans)]
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
func walk[T any](v *visit, list func(provision.Page) ([]T, error), cursor func(T) string, each func(T) error) error {
	p := provision.Page{Tenant: v.tenant(), Limit: 500}
	for seen := 0; seen < maxWalked; seen += p.Limit {
		items, err := list(p)
		if err != nil {
			return err
		}
		for _, item := range items {
			if err := each(item); err != nil {
				return err
			}
			p.After = cursor(item)
		}
		if len(items) == 0 {
			return nil
		}
	}
	return nil
}

// eachConnection looks through the connections.
func (v *visit) eachConnection(each func(provision.Connection) error) error {
	list := func(p provision.Page) ([]provision.Connection, error) { return v.reach.Connections(v.r.Context(), p) }
	return walk(v, list, func(x provision.Connection) string { return string(x.ID) }, each)
}

// eachClaim looks through the claims.
func (v *visit) eachClaim(each func(provision.Claim) error) error {
	list := func(p provision.Page) ([]provision.Claim, error) { return v.reach.Claims(v.r.Context(), p) }
	return walk(v, list, func(x provision.Claim) string { return x.Domain.String() + "/" + string(x.Tenant) }, each)
}

// strandedAt adds accounts whose sign-ins are at connections that let nobody in.
func (c *Console) strandedAt(v *visit, page *orphanPage) error {
	return v.eachConnection(func(x provision.Connection) error {
		if !x.Disabled && x.Removal == "" {
			return nil
		}
		ids, err := v.reach.Stranded(v.r.Context(), x.ID, fewOrphans)
		if err != nil || len(ids) == 0 {
			return err
		}
		set := orphanSet{Title: "Sign-in at " + string(x.ID) + ", which is switched off", Text: "Nobody comes by this connection. The first of those who did:"}
		for _, id := range ids {
			found, err := v.reach.Account(v.r.Context(), id)
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
	return v.eachClaim(func(x provision.Claim) error {
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
	list := func(p provision.Page) ([]provision.Tenant, error) { return v.reach.Tenants(v.r.Context(), p) }
	err := walk(v, list, func(t provision.Tenant) string { return string(t.ID) }, func(t provision.Tenant) error {
		if len(page.Keeps) < fewOrphans {
			page.Keeps = append(page.Keeps, retention{t.ID, t.Retention})
		}
		return nil
	})
	if err != nil {
		return err
	}
	events, err := v.reach.Events(v.r.Context(), provision.EventQuery{Tenant: v.tenant(), Kind: provision.EventAccountState, Limit: 200})
	for _, e := range events {
		if e.Actor.Via == "retention" && len(page.Erased) < fewOrphans {
			page.Erased = append(page.Erased, e)
		}
	}
	return err
}
