package api

import (
	"context"

	"leasehold/broker"
	"leasehold/provision"
)

// Impact is what a policy would do to live sessions if it were in force now.
type Impact struct {
	Against  int64      `json:"against" doc:"The version in force, with which it was compared"`
	Changes  []string   `json:"changes" doc:"What it says otherwise, a line each"`
	Judged   int        `json:"sessions_judged"`
	Ended    int        `json:"sessions_ended"`
	Sooner   int        `json:"sessions_shortened"`
	Reduced  int        `json:"sessions_losing_roles"`
	Accounts int        `json:"accounts" doc:"That lose something"`
	Affected []Affected `json:"affected" doc:"The first 200 of them"`
	Next     string     `json:"next,omitempty" doc:"The sessions after this lease were not judged, because that took too long: ask again with it as after"`
}

// Affected is an account that loses something.
type Affected struct {
	Account string   `json:"account,omitempty" doc:"For whoever may read accounts"`
	Email   string   `json:"email,omitempty" doc:"For whoever may read accounts"`
	Ended   int      `json:"sessions_ended"`
	Causes  []string `json:"causes"`
	Sooner  int      `json:"sessions_shortened"`
	Roles   []string `json:"roles_lost"`
}

// viewImpact names the accounts to whoever may read them.
func viewImpact(m broker.Mandate, i broker.Impact, changes []string) Impact {
	v := Impact{i.Against, append([]string{}, changes...), i.Judged, i.Ended, i.Sooner, i.Reduced, i.Accounts, []Affected{}, string(i.Next)}
	for _, a := range i.Affected {
		one := Affected{Ended: a.Ended, Causes: []string{}, Sooner: a.Sooner, Roles: append([]string{}, a.Roles...)}
		if m.May("accounts.read") == nil {
			one.Account, one.Email = string(a.Account), a.Email.String()
		}
		for _, c := range a.Causes {
			one.Causes = append(one.Causes, string(c))
		}
		v.Affected = append(v.Affected, one)
	}
	return v
}

// PolicyTry is a policy to try.
type PolicyTry struct {
	TenantIn
	Body struct {
		Policy
		After string `json:"after,omitempty" maxLength:"100" doc:"Only on the sessions after this lease"`
	}
}

// TryPolicy says what a policy would end now.
func (a *API) TryPolicy(ctx context.Context, m broker.Mandate, in *PolicyTry) (*One[Impact], error) {
	err := m.May("policies.try")
	if err == nil {
		_, err = a.Desk.Reach(ctx, m, provision.TenantID(in.Tenant))
	}
	if err != nil {
		return nil, err
	}
	p, err := in.Body.Read()
	if err != nil {
		return nil, err
	}
	impact, changes, err := a.Desk.Try(ctx, m, provision.TenantID(in.Tenant), p, provision.LeaseID(in.Body.After))
	return &One[Impact]{Body: viewImpact(m, impact, changes)}, err
}

// DifferencesIn names two versions.
type DifferencesIn struct {
	PolicyVersionIn
	To int64 `query:"to" minimum:"0" doc:"The other version; not there: the one in force"`
}

// Differences are what one version says otherwise than another.
type Differences struct {
	From    int64    `json:"from"`
	To      int64    `json:"to"`
	Changes []string `json:"changes" doc:"key: old → new, a line each"`
}

// GetDifferences says what differs between two versions.
func (a *API) GetDifferences(ctx context.Context, m broker.Mandate, in *DifferencesIn) (*One[Differences], error) {
	from, err := a.Desk.Policy(ctx, m, provision.TenantID(in.Tenant), in.Version)
	if err != nil {
		return nil, err
	}
	to, err := a.Desk.Policy(ctx, m, provision.TenantID(in.Tenant), in.To)
	changes := append([]string{}, broker.Differences(from, to)...)
	return &One[Differences]{Body: Differences{from.Version, to.Version, changes}}, err
}
