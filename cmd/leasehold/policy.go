package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"leasehold/config"
	"leasehold/provision"
	"leasehold/web/api"
)

type policyCommands struct {
	Show     showPolicy    `cmd:"" help:"Print a policy, as save and try read it."`
	Versions listPolicies  `cmd:"" help:"List the versions that there were, the newest first."`
	Diff     diffPolicies  `cmd:"" help:"Say what differs between two versions."`
	Try      tryPolicy     `cmd:"" help:"Say what a policy would end now. Nothing is changed."`
	Save     savePolicy    `cmd:"" help:"Put a policy in force. What it ends is said first, and then --yes is wanted."`
	Restore  restorePolicy `cmd:"" help:"Put a former version in force again, as save does."`
}

// ofTenant names the tenant whose policy it is.
type ofTenant struct {
	Tenant string `arg:"" help:"The tenant's id."`
}

func (t ofTenant) path(more string) string { return one{t.Tenant}.path("tenants") + "/policy" + more }

// version asks for a version; 0: the one in force.
func (t ofTenant) version(n int64) question {
	if n == 0 {
		return get(t.path(""), nil)
	}
	q := get(t.path("/versions/"+strconv.FormatInt(n, 10)), nil)
	q.about = fmt.Sprintf("tenant %s, or version %d of its policy", t.Tenant, n)
	return q
}

type (
	versionInAPI = api.PolicyView
	impactView   = api.Impact
)

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

func viewVersion(v versionInAPI) (versionView, error) {
	p, err := v.Read()
	if err == nil && v.Workloads != nil {
		err = json.Unmarshal(v.Workloads, &p)
	}
	p.Version = v.Version
	actor := ""
	if v.Actor != nil {
		actor = strings.TrimSpace(v.Actor.Kind + " " + v.Actor.ID)
	}
	return versionView{v.Version, v.Current, v.At, actor, v.Why, append([]string{}, v.Changes...), config.PolicyText(p), p}, err
}

// ask asks for one version.
func (t ofTenant) ask(s *surroundings, q question) (versionView, error) {
	var v versionInAPI
	if err := s.ask(q, &v); err != nil {
		return versionView{}, err
	}
	return viewVersion(v)
}

type showPolicy struct {
	ofTenant
	Version int64 `help:"That version; 0: the one in force." placeholder:"N"`
}

// Run prints the policy.
func (c showPolicy) Run(s *surroundings) error {
	v, err := c.ask(s, c.version(c.Version))
	if err != nil {
		return err
	}
	return s.print(v, func(w io.Writer) { fmt.Fprint(w, v.Text) })
}

type listPolicies struct {
	ofTenant
	After int64 `help:"Begin below this version." placeholder:"N"`
	Limit int   `help:"At most so many." default:"100"`
}

// Run lists versions.
func (c listPolicies) Run(s *surroundings) error {
	q := get(c.path("/versions"), url.Values{"after": {fmt.Sprint(c.After)}, "limit": {fmt.Sprint(c.Limit)}})
	found, err := gather[versionInAPI](s, q)
	if err != nil {
		return err
	}
	versions := []versionView{}
	for _, one := range found {
		v, err := viewVersion(one)
		if err != nil {
			return err
		}
		versions = append(versions, v)
	}
	return sheet[versionView]{"VERSION IN-FORCE AT ACTOR REASON CHANGES", func(v versionView) []any {
		when := ""
		if !v.At.IsZero() {
			when = at(v.At)
		}
		return []any{v.Version, v.Current, when, v.Actor, v.Why, len(v.Changes)}
	}, func(v versionView) string { return fmt.Sprint(v.Version) }}.print(s, q, versions)
}

type diffPolicies struct {
	ofTenant
	From int64 `arg:"" help:"A version."`
	To   int64 `arg:"" optional:"" help:"Another one; not there: the one in force."`
}

// Run prints a line a difference.
func (c diffPolicies) Run(s *surroundings) error {
	q := get(c.path("/versions/"+strconv.FormatInt(c.From, 10)+"/differences"), url.Values{"to": {strconv.FormatInt(c.To, 10)}})
	q.about = fmt.Sprintf("tenant %s, or version %d or %d of its policy", c.Tenant, c.From, c.To)
	v := impactView{Affected: []api.Affected{}}
	if err := s.ask(q, &v); err != nil {
		return err
	}
	return s.print(v, func(w io.Writer) {
		for _, line := range v.Changes {
			fmt.Fprintln(w, printable(line))
		}
		if len(v.Changes) == 0 {
			fmt.Fprintln(w, "nothing differs")
		}
	})
}

// policyInput is a file with a policy.
type policyInput struct {
	File string `short:"f" required:"" help:"A file with the policy, as policy show prints it." placeholder:"FILE"`
}

func (f policyInput) read() (provision.Policy, error) {
	p, faults := config.LoadPolicy(f.File, judge(provision.Origin{}, time.Time{}))
	if len(faults) > 0 {
		return p, faults
	}
	return p, nil
}

type tryPolicy struct {
	ofTenant
	policyInput
}

// Run prints what the policy would end.
func (c tryPolicy) Run(s *surroundings) error {
	p, err := c.read()
	if err != nil {
		return err
	}
	v, err := c.try(s, p)
	if err != nil {
		return err
	}
	return s.print(v, func(w io.Writer) { printImpact(w, v) })
}

// try judges all live sessions, part by part, and says on stderr how far it is.
func (t ofTenant) try(s *surroundings, p provision.Policy) (sum impactView, err error) {
	var order api.PolicyTry
	order.Body.Policy = api.PolicyOf(p)
	for {
		var part impactView
		if err := s.ask(post(t.path("/try"), order.Body), &part); err != nil {
			return sum, err
		}
		if order.Body.After == "" {
			sum = part
		} else {
			add(&sum, part)
		}
		if order.Body.After = part.Next; part.Next == "" {
			return sum, nil
		}
		fmt.Fprintf(s.stderr, "%d sessions judged, and there are more\n", sum.Judged)
	}
}

// add adds another part. An account with sessions in both parts is counted in both.
func add(v *impactView, part impactView) {
	v.Judged, v.Ended, v.Sooner, v.Reduced = v.Judged+part.Judged, v.Ended+part.Ended, v.Sooner+part.Sooner, v.Reduced+part.Reduced
	v.Accounts, v.Affected, v.Next = v.Accounts+part.Accounts, slices.Concat(v.Affected, part.Affected), part.Next
}

func printImpact(w io.Writer, v impactView) {
	for _, line := range v.Changes {
		fmt.Fprintln(w, printable(line))
	}
	fmt.Fprintf(w, "of %d live sessions it would end %d, shorten %d, and take roles from %d\n", v.Judged, v.Ended, v.Sooner, v.Reduced)
	for _, a := range v.Affected {
		fmt.Fprintf(w, "  %s %s: ends %d, shortens %d, takes roles [%s]\n", a.Account, printable(a.Email), a.Ended, a.Sooner, printable(joined(a.Roles)))
	}
	if rest := v.Accounts - len(v.Affected); rest > 0 {
		fmt.Fprintf(w, "  and %d more accounts\n", rest)
	}
}

// confirmed is whether somebody has said that sessions may end.
type confirmed struct {
	because
	Yes bool `help:"Also when it ends sessions, or takes roles from them."`
}

// after says what p would end; it is an error when that is something, and nobody said that it may.
func (c confirmed) after(s *surroundings, t ofTenant, p provision.Policy) error {
	v, err := t.try(s, p)
	if err != nil {
		return err
	}
	printImpact(s.stderr, v)
	if v.Ended+v.Reduced > 0 && !c.Yes {
		return errors.New("nothing was saved; say --yes when these may end")
	}
	return nil
}

type savePolicy struct {
	ofTenant
	policyInput
	confirmed
	Seen int64 `required:"" help:"The version in force that it replaces; another one is not overwritten." placeholder:"N"`
}

// Run saves the policy.
func (c savePolicy) Run(s *surroundings) error {
	p, err := c.read()
	if err != nil {
		return err
	}
	if err := c.after(s, c.ofTenant, p); err != nil {
		return err
	}
	return c.save(s, c.ofTenant, p, c.Seen)
}

// save puts a policy in force in the place of version seen.
func (c confirmed) save(s *surroundings, t ofTenant, p provision.Policy, seen int64) error {
	var order api.PolicyPut
	order.Body.Policy, order.Body.Reason = api.PolicyOf(p), c.Reason
	q := put(t.path(""), order.Body)
	q.match = strconv.FormatInt(seen, 10)
	v, err := t.ask(s, q)
	if err != nil {
		return err
	}
	return s.print(v, func(w io.Writer) { fmt.Fprintf(w, "version %d is in force\n", v.Version) })
}

type restorePolicy struct {
	ofTenant
	confirmed
	Version int64 `arg:"" help:"The version to put back."`
	Seen    int64 `required:"" help:"The version in force that it replaces." placeholder:"N"`
}

// Run puts the version back.
func (c restorePolicy) Run(s *surroundings) error {
	former, err := c.ask(s, c.version(c.Version))
	if err != nil {
		return err
	}
	if err := c.after(s, c.ofTenant, former.Policy); err != nil {
		return err
	}
	return c.save(s, c.ofTenant, former.Policy, c.Seen)
}
