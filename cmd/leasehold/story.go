package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"leasehold/broker"
	"leasehold/cmd/leasehold/internal/demo"
	"leasehold/provision"
)

// played is how a step of the story went.
type played struct {
	Step int    `json:"step"`
	OK   bool   `json:"ok"`
	Name string `json:"name"`
	Line string `json:"line"` // what was seen, or what went wrong
	MS   int64  `json:"ms"`
}

// String is the step as a line.
func (p played) String() string {
	if !p.OK {
		return fmt.Sprintf("%d  FAILED  %s: %s", p.Step, p.Name, p.Line)
	}
	return fmt.Sprintf("%d  ok  %s (%s, %d ms)", p.Step, p.Name, p.Line, p.MS)
}

// play plays the whole story of a lease, a line a step, and fails at the first step that goes another way.
func (st *stage) play(ctx context.Context, s *surroundings) error {
	alice, again, mallory := newVisitor(st.port), newVisitor(st.port), newVisitor(st.port)
	var account string
	steps := []struct {
		name string
		do   func() (string, error)
	}{
		{"nobody gets in without a lease", func() (string, error) { return st.refused(ctx, alice) }},
		{"Alice logs in by SAML and is in the app", func() (line string, err error) {
			account, line, err = st.enters(ctx, alice, "alice")
			return line, err
		}},
		{"the same person again is the same account", func() (string, error) {
			id, line, err := st.enters(ctx, again, "alice")
			if err == nil && id != account {
				err = fmt.Errorf("a second account: %s beside %s", id, account)
			}
			return line, err
		}},
		{"a lookalike domain is refused", func() (string, error) { return st.turnedAway(ctx, mallory, "mallory") }},
		{"revoked, the next request is refused", func() (string, error) { return st.revokes(ctx, account, alice, again) }},
		{"all of it is in the audit", func() (string, error) { return st.told(ctx, account) }},
	}
	for i, step := range steps {
		began := time.Now()
		line, err := step.do()
		p := played{i + 1, err == nil, step.name, line, time.Since(began).Milliseconds()}
		if err != nil {
			p.Line = err.Error()
		}
		if s.json {
			_ = json.NewEncoder(s.stdout).Encode(p) // nobody listens if it fails
		} else {
			fmt.Fprintln(s.stdout, p)
		}
		if err != nil {
			return errSaid
		}
	}
	return nil
}

// logIn goes to the app and through everything that comes in between.
func (st *stage) logIn(ctx context.Context, v *visitor, login string) (page, error) {
	p, err := v.get(ctx, st.url("app")+"/deep?a=1&b=2")
	if err != nil {
		return p, err
	}
	action, form, err := p.form("email")
	if err != nil {
		return p, err
	}
	form.Set("email", "somebody@"+demo.Domain)
	if p, err = v.post(ctx, action, form); err != nil {
		return p, err
	}
	if action, form, err = p.form("password"); err != nil {
		return p, err
	}
	form.Set("login", login)
	form.Set("password", "demo")
	if p, err = v.post(ctx, action, form); err != nil {
		return p, err
	}
	if action, form, err = p.form("SAMLResponse"); err != nil {
		return p, err
	}
	return v.post(ctx, action, form)
}

func (st *stage) refused(ctx context.Context, v *visitor) (string, error) {
	p, err := v.get(ctx, st.url("app")+"/")
	if err != nil {
		return "", err
	}
	if !strings.Contains(p.body, `name="email"`) || !strings.HasPrefix(p.url, st.url("sso")) {
		return "", fmt.Errorf("came to %s with status %d instead of the login page", p.url, p.status)
	}
	return "sent to the login page", nil
}

func (st *stage) enters(ctx context.Context, v *visitor, login string) (account, line string, err error) {
	p, err := st.logIn(ctx, v, login)
	if err != nil {
		return "", "", err
	}
	found := regexp.MustCompile(`X-Leasehold-User</td><td>(acc_[a-z0-9]+)<`).FindStringSubmatch(p.body)
	if p.status != http.StatusOK || found == nil || p.url != st.url("app")+"/deep?a=1&b=2" {
		return "", "", fmt.Errorf("came to %s with status %d instead of the app", p.url, p.status)
	}
	return found[1], "account " + found[1] + ", 200 with headers", nil
}

func (st *stage) turnedAway(ctx context.Context, v *visitor, login string) (string, error) {
	p, err := st.logIn(ctx, v, login)
	if err != nil {
		return "", err
	}
	if p.status != http.StatusForbidden {
		return "", fmt.Errorf("came to %s with status %d instead of a refusal", p.url, p.status)
	}
	accounts, err := st.gateway.store.Accounts(ctx, provision.Page{})
	if err != nil {
		return "", err
	}
	if len(accounts) != 1 {
		return "", fmt.Errorf("%d accounts instead of one", len(accounts))
	}
	return "nothing was created", nil
}

func (st *stage) revokes(ctx context.Context, account string, browsers ...*visitor) (string, error) {
	deed := broker.Deed{Actor: provision.Actor{Kind: provision.Operator, Via: "demo"}, Why: "the story wants it"}
	began := time.Now()
	if _, err := st.gateway.broker.Account(ctx, deed, provision.AccountID(account), provision.RevokeAccount); err != nil {
		return "", err
	}
	took := time.Since(began)
	for _, v := range browsers {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, st.url("app")+"/api", nil)
		if err != nil {
			return "", err
		}
		request.Header.Set("Accept", "application/json")
		response, err := v.http.Do(request)
		if err != nil {
			return "", err
		}
		response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized {
			return "", fmt.Errorf("status %d instead of 401", response.StatusCode)
		}
	}
	return fmt.Sprintf("revoke took %s, then 401 at both browsers", took.Round(100*time.Microsecond)), nil
}

// told looks for what happened in the audit.
func (st *stage) told(ctx context.Context, account string) (string, error) {
	events, err := st.gateway.broker.Events(ctx, provision.EventFilter{})
	if err != nil {
		return "", err
	}
	count := map[string]int{}
	for _, e := range events {
		count[strings.Join([]string{e.Kind, e.Outcome, e.Reason}, " ")]++
	}
	for what, times := range map[string]int{
		"login created ": 1, "login resumed ": 1, "login denied " + string(provision.DomainUnknown): 1,
		"lease.ended  " + string(provision.CauseAdmin): 2, "account.state revoked " + string(provision.CauseAdmin): 1,
		"domain.claim verified ": 1,
	} {
		if count[what] != times {
			return "", fmt.Errorf("%d events %q instead of %d: %v", count[what], what, times, count)
		}
	}
	return fmt.Sprintf("%d events", len(events)), nil
}
