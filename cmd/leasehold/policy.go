package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"leasehold/config"
	"leasehold/provision"
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

func (t ofTenant) path(more string) string { return "/tenants/" + url.PathEscape(t.Tenant) + more }

// version asks for a version; 0: the one in force.
func (t ofTenant) version(n int64) question {
	return atHost(http.MethodGet, t.path("/policies/"+strconv.FormatInt(n, 10)), nil, nil)
}

type showPolicy struct {
	ofTenant
	Version int64 `help:"That version; 0: the one in force." placeholder:"N"`
}

// Run prints the policy.
func (c showPolicy) Run(s *surroundings) error {
	return show(s, c.version(c.Version), func(w io.Writer, v versionView) { fmt.Fprint(w, v.Text) })
}

type listPolicies struct {
	ofTenant
	After int64 `help:"Begin below this version." placeholder:"N"`
	Limit int   `help:"At most so many." default:"100"`
}

// Run lists versions.
func (c listPolicies) Run(s *surroundings) error {
	query := url.Values{"after": {fmt.Sprint(c.After)}, "limit": {fmt.Sprint(c.Limit)}}
	return listAtHost(s, c.path("/policies"), query, sheet[versionView]{"VERSION IN-FORCE AT ACTOR REASON CHANGES", func(v versionView) []any {
		when := ""
		if !v.At.IsZero() {
			when = at(v.At)
		}
		return []any{v.Version, v.Current, when, v.Actor, v.Why, len(v.Changes)}
	}, func(v versionView) string { return fmt.Sprint(v.Version) }})
}

type diffPolicies struct {
	ofTenant
	From int64 `arg:"" help:"A version."`
	To   int64 `arg:"" optional:"" help:"Another one; not there: the one in force."`
}

// Run prints a line a difference.
func (c diffPolicies) Run(s *surroundings) error {
	return show(s, atHost(http.MethodPost, c.path("/policy/differ"), nil, policyOrder{Version: c.From, Seen: c.To}), func(w io.Writer, v impactView) {
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
	if s.json {
		return s.printJSON(v)
	}
	printImpact(s.stdout, v)
	return nil
}

// try judges all live sessions, part by part, and says on stderr how far it is.
func (t ofTenant) try(s *surroundings, p provision.Policy) (impactView, error) {
	a, err := s.admin()
	if err != nil {
		return impactView{}, err
	}
	var sum impactView
	if err := a.ask(atHost(http.MethodPost, t.path("/policy/try"), nil, policyOrder{Policy: p}), &sum); err != nil {
		return sum, err
	}
	for sum.Next != "" {
		fmt.Fprintf(s.stderr, "%d sessions judged, and there are more\n", sum.Judged)
		var part impactView
		if err := a.ask(atHost(http.MethodPost, t.path("/policy/try"), nil, policyOrder{Policy: p, After: sum.Next}), &part); err != nil {
			return sum, err
		}
		sum.add(part)
	}
	return sum, nil
}

// add adds another part. An account with sessions in both parts is counted in both.
func (v *impactView) add(part impactView) {
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
	return show(s, atHost(http.MethodPost, c.path("/policy/save"), c.query(), policyOrder{Policy: p, Seen: c.Seen}), printSaved)
}

func printSaved(w io.Writer, v versionView) { fmt.Fprintf(w, "version %d is in force\n", v.Version) }

type restorePolicy struct {
	ofTenant
	confirmed
	Version int64 `arg:"" help:"The version to put back."`
	Seen    int64 `required:"" help:"The version in force that it replaces." placeholder:"N"`
}

// Run puts the version back.
func (c restorePolicy) Run(s *surroundings) error {
	a, err := s.admin()
	if err != nil {
		return err
	}
	var former versionView
	if err := a.ask(c.version(c.Version), &former); err != nil {
		return err
	}
	if err := c.after(s, c.ofTenant, former.Policy); err != nil {
		return err
	}
	return show(s, atHost(http.MethodPost, c.path("/policy/restore"), c.query(), policyOrder{Version: c.Version, Seen: c.Seen}), printSaved)
}
