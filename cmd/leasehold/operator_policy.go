package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"leasehold/broker"
	"leasehold/config"
	"leasehold/provision"
)

// policyOrder is a policy to try or save, or the number of one to put back.
type policyOrder struct {
	Policy  provision.Policy  `json:"policy"`
	Version int64             `json:"version,omitempty"` // to restore
	Seen    int64             `json:"seen,omitempty"`    // the version in force that is replaced
	After   provision.LeaseID `json:"after,omitempty"`   // to try on the sessions after it
}

// versionView is a version of a policy as it is printed. Text is what policy save reads.
type versionView struct {
	Version int64            `json:"version"`
	Current bool             `json:"current"`
	At      time.Time        `json:"at,omitzero"`
	Actor   string           `json:"actor,omitempty"`
	Why     string           `json:"reason,omitempty"`
	Changes []string         `json:"changes"`
	Text    string           `json:"text"`
	Policy  provision.Policy `json:"policy"`
}

func viewVersion(v broker.Version) versionView {
	actor := v.By.Kind
	if v.By.ID != "" {
		actor += " " + v.By.ID
	}
	return versionView{v.Policy.Version, v.Current, v.At, actor, v.Why, append([]string{}, v.Changes...), config.PolicyText(v.Policy), v.Policy}
}

// impactView is what a policy would end, as it is printed.
type impactView struct {
	Against  int64             `json:"against"`
	Changes  []string          `json:"changes"`
	Judged   int               `json:"sessions_judged"`
	Ended    int               `json:"sessions_ended"`
	Sooner   int               `json:"sessions_shortened"`
	Reduced  int               `json:"sessions_losing_roles"`
	Accounts int               `json:"accounts"`
	Affected []affectedView    `json:"affected"`
	Next     provision.LeaseID `json:"next,omitempty"` // the sessions after it were not judged
}

type affectedView struct {
	Account provision.AccountID `json:"account"`
	Email   string              `json:"email"`
	Ended   int                 `json:"sessions_ended"`
	Causes  []provision.Cause   `json:"causes"`
	Sooner  int                 `json:"sessions_shortened"`
	Roles   []string            `json:"roles_lost"`
}

func viewImpact(i broker.Impact, changes []string) impactView {
	v := impactView{i.Against, append([]string{}, changes...), i.Judged, i.Ended, i.Sooner, i.Reduced, i.Accounts, []affectedView{}, i.Next}
	for _, a := range i.Affected {
		v.Affected = append(v.Affected, affectedView{a.Account, a.Email.String(), a.Ended, append([]provision.Cause{}, a.Causes...), a.Sooner, append([]string{}, a.Roles...)})
	}
	return v
}

// rules are the policy of the tenant that a request names, for the operator.
func (o operator) rules(r *http.Request, d broker.Deed) broker.Rules {
	m := broker.Mandate{Actor: d.Actor, Requester: d.Requester, Everywhere: true, Write: true}
	return o.gateway.broker.Rules(m, provision.TenantID(r.PathValue("id")))
}

func (o operator) policies(r *http.Request, d broker.Deed) (any, error) {
	below, _ := strconv.ParseInt(r.FormValue("after"), 10, 64)
	items, err := o.rules(r, d).Versions(r.Context(), below, max(1, pageOf(r).Limit))
	return views(items, err, viewVersion)
}

func (o operator) policy(r *http.Request, d broker.Deed) (any, error) {
	n, err := strconv.ParseInt(r.PathValue("version"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("version %q: %w", r.PathValue("version"), provision.ErrNotFound)
	}
	v, err := o.rules(r, d).Version(r.Context(), n)
	return viewVersion(v), err
}

func (o operator) policyVerb(r *http.Request, d broker.Deed) (any, error) {
	var order policyOrder
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	rules := o.rules(r, d)
	switch r.PathValue("verb") {
	case "try":
		current, err := rules.Version(r.Context(), 0)
		if err != nil {
			return nil, err
		}
		impact, err := rules.Try(r.Context(), order.Policy, order.After)
		return viewImpact(impact, broker.Differences(current.Policy, order.Policy)), err
	case "save":
		v, err := rules.Save(r.Context(), order.Policy, order.Seen, d.Why)
		return viewVersion(v), err
	case "restore":
		v, err := rules.Restore(r.Context(), order.Version, order.Seen, d.Why)
		return viewVersion(v), err
	case "differ":
		from, err := rules.Version(r.Context(), order.Version)
		if err != nil {
			return nil, err
		}
		to, err := rules.Version(r.Context(), order.Seen)
		return impactView{Changes: append([]string{}, broker.Differences(from.Policy, to.Policy)...), Affected: []affectedView{}}, err
	}
	return nil, provision.ErrNotFound
}
