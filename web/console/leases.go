package console

import (
	"net/http"

	"leasehold/broker"
	"leasehold/provision"
)

// leaseRow is a lease, and whose it is.
type leaseRow struct {
	provision.Lease
	Holder provision.Account
}

// leaseList is the list of leases.
type leaseList struct {
	part[leaseRow]
	Tenant string
	Ended  bool
}

// leases is the list of leases.
func (c *Console) leases(v *visit) error {
	p := v.page()
	p.Ended = v.query("ended") != ""
	found, err := v.desk.Leases(v.r.Context(), v.m, p)
	if err != nil {
		return err
	}
	holders := map[provision.AccountID]provision.Account{}
	var items []leaseRow
	for _, l := range found.Items {
		if _, known := holders[l.Account]; !known {
			x, err := v.desk.Account(v.r.Context(), v.m, l.Account)
			if err != nil {
				return err
			}
			holders[l.Account] = x.Account
		}
		items = append(items, leaseRow{l, holders[l.Account]})
	}
	return c.show(v, http.StatusOK, "leases", "Leases", leaseList{
		part: cut(v, broker.Part[leaseRow]{Items: items, Next: found.Next}, "after"), Tenant: string(p.Tenant), Ended: p.Ended,
	})
}

// lease is the page of one lease.
func (c *Console) lease(v *visit) error {
	s, err := v.desk.Lease(v.r.Context(), v.m, provision.LeaseID(v.id()))
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "lease", "Lease", s)
}

func (c *Console) endOf(v *visit) (provision.Standing, question, error) {
	s, err := v.desk.Lease(v.r.Context(), v.m, provision.LeaseID(v.id()))
	return s, question{
		Title: "End this session", Of: title(s.Account), Text: []string{"It ends now, in every app, with everything that hangs on it. The next login begins a new one."},
		Button: "End this session", Danger: true, Why: true, Back: "/admin/accounts/" + string(s.Account.ID),
	}, err
}

// askEnd asks before a lease is ended.
func (c *Console) askEnd(v *visit) error {
	_, q, err := c.endOf(v)
	if err != nil {
		return err
	}
	return c.ask(v, q)
}

// doEnd ends a lease.
func (c *Console) doEnd(v *visit) error {
	s, q, err := c.endOf(v)
	if err != nil {
		return err
	}
	if ok, err := c.answered(v, q); !ok {
		return err
	}
	return c.settled(v, q, v.desk.EndLease(v.r.Context(), v.order(), s.Lease.ID))
}
