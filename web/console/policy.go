package console

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"

	"leasehold/broker"
	"leasehold/provision"
)

// policyRoutes are the pages about a tenant's policy: it is looked at, tried on live sessions, and then saved.
func (c *Console) policyRoutes() []route {
	return []route{
		{"GET /admin/tenants/{id}/policy", c.policy},
		{"POST /admin/tenants/{id}/policy", c.policyTry},
		{"POST /admin/tenants/{id}/policy/save", c.policySave},
		{"GET /admin/tenants/{id}/policy/{version}", c.policyVersion},
	}
}

// maxVersions is how many versions the page lists, unless it is asked for those below.
const maxVersions = 20

// policyPage is the editor: the form, and the versions that there were.
type policyPage struct {
	policyForm
	Tenant   provision.Tenant
	Writes   bool // whoever looks may save
	Managed  bool // a manifest owns it
	Wrong    []string
	Versions []broker.Version
	Next     string
}

// policy is the editor, with the policy that is in force or, to put it back, a former one.
func (c *Console) policy(v *visit) error {
	rules := c.rules(v)
	from, err := rules.Version(v.r.Context(), number(v.query("from")))
	if err != nil {
		return err
	}
	t, err := rules.Tenant(v.r.Context())
	if err != nil {
		return err
	}
	return c.policyEdit(v, http.StatusOK, formOf(from.Policy, t.Policy.Version), nil)
}

// policyEdit shows the editor with what a form says, and what is wrong with it.
func (c *Console) policyEdit(v *visit, status int, f policyForm, wrong []string) error {
	t, err := c.rules(v).Tenant(v.r.Context())
	if err != nil {
		return err
	}
	page := policyPage{policyForm: f, Tenant: t, Writes: v.m.May("policies.put") == nil, Managed: t.Owner != "" && t.Owner != provision.ByAPI, Wrong: wrong}
	if page.Versions, err = c.rules(v).Versions(v.r.Context(), number(v.query("below")), maxVersions+1); err != nil {
		return err
	}
	if len(page.Versions) > maxVersions {
		page.Versions = page.Versions[:maxVersions]
		page.Next = address(v.policyPath(), "below", strconv.FormatInt(page.Versions[maxVersions-1].Policy.Version, 10))
	}
	return c.show(v, status, "policy", "Policy of "+cmp.Or(t.Name, string(t.ID)), page)
}

// policyTrial is what a policy would do, and the form that saves it.
type policyTrial struct {
	policyForm
	broker.Impact
	Tenant  provision.Tenant
	Changes []string
	Part    bool   // the sessions of an earlier part are not in it
	Refused string // why it cannot be saved by whoever tries
	Told    bool   // less was told before
}

// Newer is the version that saving makes.
func (t policyTrial) Newer() int64 { return t.Seen + 1 }

// Hurts is how many sessions lose something that cannot be given back.
func (t policyTrial) Hurts() int { return t.Ended + t.Reduced }

// More is how many accounts lose something and are not named.
func (t policyTrial) More() int { return t.Accounts - len(t.Affected) }

// policyTry says what a policy would end. Nothing is changed by it.
func (c *Console) policyTry(v *visit) error {
	f := readPolicy(v)
	if v.form("edit") != "" {
		return c.policyEdit(v, http.StatusOK, f, nil)
	}
	p, wrong, err := c.policyOf(v, f)
	if err != nil || len(wrong) > 0 {
		return c.policyAgain(v, f, wrong, err)
	}
	if t, err := c.rules(v).Tenant(v.r.Context()); err != nil {
		return err
	} else if t.Policy.Version != f.Seen {
		return c.policyOvertaken(v, f)
	}
	trial, err := c.trial(v, f, p, provision.LeaseID(v.form("after")))
	if err != nil {
		return c.policyAgain(v, f, nil, err)
	}
	return c.show(v, http.StatusOK, "policy-try", "What the policy would do", trial)
}

// trial is what a policy would do to sessions after one, and why it could not be saved.
func (c *Console) trial(v *visit, f policyForm, p provision.Policy, after provision.LeaseID) (trial policyTrial, err error) {
	rules := c.rules(v)
	trial = policyTrial{policyForm: f, Part: after != ""}
	if trial.Tenant, err = rules.Tenant(v.r.Context()); err != nil {
		return trial, err
	}
	if trial.Impact, err = rules.Try(v.r.Context(), p, after); err != nil {
		return trial, err
	}
	trial.Changes = broker.Differences(trial.Tenant.Policy, p)
	if err := rules.Check(v.r.Context(), p); err != nil && !refusesToSave(err, &trial.Refused) {
		return trial, err
	}
	return trial, nil
}

// refusesToSave notes why a policy cannot be saved, in words for whoever tried; false when that is another error.
func refusesToSave(err error, why *string) bool {
	var lockout *broker.LockoutError
	switch {
	case errors.As(err, &lockout):
		*why = "You would shut yourself out: " + lockout.Error() + "."
	case errors.Is(err, provision.ErrDenied):
		*why = "You may look at the policy, and not change it."
	case errors.Is(err, provision.ErrConflict):
		*why = "A manifest owns this policy. Change it there, and apply the manifest."
	}
	return *why != ""
}

// policySave puts the policy in force that was tried. When it would end more by now than was told, that is told first.
func (c *Console) policySave(v *visit) error {
	f := readPolicy(v)
	p, wrong, err := c.policyOf(v, f)
	if err != nil || len(wrong) > 0 {
		return c.policyAgain(v, f, wrong, err)
	}
	trial, err := c.trial(v, f, p, "")
	if err != nil {
		return c.policyAgain(v, f, nil, err)
	}
	if told := number(v.form("told")); trial.Refused == "" && int64(trial.Hurts()) > told {
		trial.Told = v.form("told") != ""
		return c.show(v, http.StatusConflict, "policy-try", "What the policy would do", trial)
	}
	saved, err := c.rules(v).Save(v.r.Context(), p, f.Seen, v.form("reason"))
	if err != nil {
		return c.policyAgain(v, f, nil, err)
	}
	return v.done(v.policyPath(), inForce(saved.Policy.Version))
}

// policyTakesHold ends what is said of a version that was saved.
const policyTakesHold = " is in force; live sessions are judged by it within seconds"

// inForce says that a version was saved.
func inForce(version int64) string {
	return "Version " + strconv.FormatInt(version, 10) + policyTakesHold
}

// policyAgain shows the editor again with what was wrong. What is no fault of the form is not the editor's.
func (c *Console) policyAgain(v *visit, f policyForm, wrong []string, err error) error {
	var faulty *broker.PolicyError
	var why string
	switch {
	case err == nil:
	case errors.As(err, &faulty):
		wrong = faulty.Faults
	case errors.Is(err, provision.ErrNotFound), errors.Is(err, provision.ErrDenied):
		return err
	default:
		if t, unknown := c.rules(v).Tenant(v.r.Context()); unknown == nil && t.Policy.Version != f.Seen {
			return c.policyOvertaken(v, f)
		}
		if !refusesToSave(err, &why) {
			return err
		}
		return c.policyEdit(v, http.StatusConflict, f, []string{why})
	}
	return c.policyEdit(v, http.StatusUnprocessableEntity, f, wrong)
}

// policyOvertaken shows the editor again after somebody else saved a version: the next try is against that one.
func (c *Console) policyOvertaken(v *visit, f policyForm) error {
	current, err := c.rules(v).Version(v.r.Context(), 0)
	if err != nil {
		return err
	}
	f.Seen = current.Policy.Version
	wrong := append([]string{"Somebody has saved version " + strconv.FormatInt(f.Seen, 10) + " meanwhile, and nothing of yours was saved. It changed:"}, current.Changes...)
	return c.policyEdit(v, http.StatusConflict, f, wrong)
}

// versionPage is one version, compared with the one that is in force.
type versionPage struct {
	broker.Version
	Tenant  provision.Tenant
	Form    policyForm
	Differs []string // from it to the one in force
	Writes  bool
}

// policyVersion is the page of one version.
func (c *Console) policyVersion(v *visit) error {
	n := number(v.r.PathValue("version"))
	if n <= 0 {
		return provision.ErrNotFound
	}
	found, err := c.rules(v).Version(v.r.Context(), n)
	if err != nil {
		return err
	}
	t, err := c.rules(v).Tenant(v.r.Context())
	if err != nil {
		return err
	}
	page := versionPage{found, t, formOf(found.Policy, t.Policy.Version), broker.Differences(found.Policy, t.Policy), v.m.May("policies.put") == nil}
	return c.show(v, http.StatusOK, "policy-version", "Version "+strconv.FormatInt(n, 10)+" of the policy of "+cmp.Or(t.Name, string(t.ID)), page)
}

// rules are the policy of the tenant that the address names.
func (c *Console) rules(v *visit) broker.Rules {
	return c.Broker.Rules(v.m, provision.TenantID(v.id()))
}

func (v *visit) policyPath() string { return "/admin/tenants/" + v.id() + "/policy" }

// number is text as a number, 0 when it is none.
func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}
