package api

import (
	"context"
	"fmt"

	"leasehold/broker"
	"leasehold/provision"
)

// RuleBody is a trust rule, in the words of the manifest.
type RuleBody struct {
	Connection string              `json:"connection" maxLength:"63" doc:"The trusted issuer: a connection of the tenant with protocol workload"`
	Match      map[string][]string `json:"match" doc:"What each of these claims has to be: exact, or * within one segment. An absent one refuses"`
	Subject    []string            `json:"subject" minItems:"1" maxItems:"20" doc:"The claims that a workload is known by"`
	Grants     []string            `json:"grants" minItems:"1" maxItems:"100" doc:"What may be asked for"`
	Owner      string              `json:"owner" maxLength:"320" doc:"E-mail address of the account that answers for it"`
	TokenAge   string              `json:"token_age,omitempty" doc:"How old a token may be; not there: 10m"`
	Agent      bool                `json:"agent,omitempty" doc:"It is for agents, which act for whoever started them and never by themselves"`
}

// Rule is a trust rule as it is answered. Its revision is the policy's version.
type Rule struct {
	ID     string `json:"id"`
	Tenant string `json:"tenant"`
	RuleBody
	Disabled bool   `json:"disabled"`
	Held     bool   `json:"held" doc:"Nobody gets in by it: who answers for it is not in force"`
	Account  string `json:"owner_account,omitempty" doc:"Who answers for it; not there: nobody has the address, or who asks may not read accounts"`
	State    string `json:"owner_state,omitempty" doc:"How that account stands, for whoever may read accounts"`
	By       string `json:"owned_by" enum:"manifest,api"`
	Version  int64  `json:"policy_version"`
}

// viewRule is how rules are shown: with the account of who answers for them to whoever may read accounts.
func viewRule(m broker.Mandate) func(broker.Charge) Rule {
	return func(c broker.Charge) Rule {
		r := ruleOf(c)
		if m.May("accounts.read") == nil {
			r.Account, r.State = string(c.Owner.ID), string(c.Owner.State)
		}
		return r
	}
}

func ruleOf(c broker.Charge) Rule {
	return Rule{
		ID: c.ID, Tenant: string(c.Tenant), Disabled: c.Disabled, Held: c.Held(), By: string(c.By), Version: c.Version,
		RuleBody: RuleBody{Connection: string(c.Connection), Match: c.Match, Subject: c.Subject, Grants: c.TrustRule.Grants, Owner: c.TrustRule.Owner.String(), TokenAge: lasts(c.TokenAge), Agent: c.Agent},
	}
}

// rule is the trust rule that a body describes.
func (b RuleBody) rule(id string) (provision.TrustRule, error) {
	r := provision.TrustRule{ID: id, Connection: provision.ConnectionID(b.Connection), Match: b.Match, Subject: b.Subject, Grants: b.Grants, Agent: b.Agent}
	var err error
	if r.Owner, err = provision.ParseEmail(b.Owner); err != nil {
		return r, fmt.Errorf("owner: %w: %w", err, broker.ErrInvalid)
	}
	r.TokenAge, err = duration("token_age", b.TokenAge)
	return r, err
}

// RuleIn names a trust rule.
type RuleIn struct {
	TenantIn
	Rule string `path:"rule" maxLength:"63"`
}

// RulePut is a trust rule as it is to be.
type RulePut struct {
	RuleIn
	MatchIn
	Body struct {
		RuleBody
		Reason string `json:"reason,omitempty" maxLength:"1000"`
	}
}

// RuleVerb is a verb on a trust rule.
type RuleVerb struct {
	RuleIn
	ReasonIn
}

// RuleDelete deletes a trust rule.
type RuleDelete struct {
	RuleIn
	Key    string `header:"Idempotency-Key"`
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"1000" doc:"Why; kept in the audit"`
}

func (a *API) rules() {
	does(a, operation{"GET /tenants/{tenant}/rules", "rules.read", "List the trust rules of workloads, with who answers for each"}, a.ListRules)
	does(a, operation{"GET /tenants/{tenant}/rules/{rule}", "rules.read", "Show a trust rule"}, a.GetRule)
	does(a, operation{"PUT /tenants/{tenant}/rules/{rule}", "rules.put", "Make or change a trust rule; live leases are judged by it at once"}, a.PutRule)
	does(a, operation{"DELETE /tenants/{tenant}/rules/{rule}", "rules.delete", "Delete a trust rule; what came by it ends"}, a.DeleteRule)
	does(a, operation{"POST /tenants/{tenant}/rules/{rule}/disable", "rules.disable", "Let nobody in by a trust rule, also one that manifests own; what came by it ends"}, a.DisableRule)
	does(a, operation{"POST /tenants/{tenant}/rules/{rule}/enable", "rules.enable", "Let workloads in by it again"}, a.EnableRule)
}

func oneRule(m broker.Mandate) func(broker.Charge, error) (*One[Rule], error) {
	return func(c broker.Charge, err error) (*One[Rule], error) {
		return &One[Rule]{tag(c.Version), viewRule(m)(c)}, err
	}
}

// ListRules lists the trust rules of a tenant: all of them.
func (a *API) ListRules(ctx context.Context, m broker.Mandate, in *TenantIn) (*List[Rule], error) {
	found, err := a.Desk.TrustRules(ctx, m, provision.TenantID(in.Tenant))
	if err != nil {
		return nil, err
	}
	return listed(a, listing{m, "", PageIn{}}, broker.Part[broker.Charge]{Items: found}, viewRule(m)), nil
}

// GetRule is a trust rule.
func (a *API) GetRule(ctx context.Context, m broker.Mandate, in *RuleIn) (*One[Rule], error) {
	return oneRule(m)(a.Desk.TrustRule(ctx, m, provision.TenantID(in.Tenant), in.Rule))
}

// PutRule makes or changes a trust rule.
func (a *API) PutRule(ctx context.Context, m broker.Mandate, in *RulePut) (*One[Rule], error) {
	seen, err := a.seenOf(ctx, m, "rules.put", in.TenantIn, in.MatchIn)
	if err != nil {
		return nil, err
	}
	r, err := in.Body.rule(in.Rule)
	if err != nil {
		return nil, err
	}
	return oneRule(m)(a.Desk.PutTrustRule(ctx, order(ctx, m, in.Body.Reason), provision.TenantID(in.Tenant), r, seen))
}

// seenOf is the revision that somebody saw who may change something of a tenant.
func (a *API) seenOf(ctx context.Context, m broker.Mandate, r broker.Right, t TenantIn, in MatchIn) (int64, error) {
	err := m.May(r)
	if err == nil {
		_, err = a.Desk.Reach(ctx, m, provision.TenantID(t.Tenant))
	}
	if err != nil {
		return 0, err
	}
	return in.seen()
}

// DeleteRule deletes a trust rule.
func (a *API) DeleteRule(ctx context.Context, m broker.Mandate, in *RuleDelete) (*None, error) {
	return &None{}, a.Desk.DeleteTrustRule(ctx, order(ctx, m, in.Reason), provision.TenantID(in.Tenant), in.Rule)
}

// DisableRule lets nobody in by a trust rule.
func (a *API) DisableRule(ctx context.Context, m broker.Mandate, in *RuleVerb) (*One[Rule], error) {
	return oneRule(m)(a.Desk.SwitchTrustRule(ctx, order(ctx, m, in.Body.Reason), provision.TenantID(in.Tenant), in.Rule, false))
}

// EnableRule lets workloads in by a trust rule again.
func (a *API) EnableRule(ctx context.Context, m broker.Mandate, in *RuleVerb) (*One[Rule], error) {
	return oneRule(m)(a.Desk.SwitchTrustRule(ctx, order(ctx, m, in.Body.Reason), provision.TenantID(in.Tenant), in.Rule, true))
}
