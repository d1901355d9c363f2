package main

import (
	"context"
	"flag"
	"fmt"
	"net/url"

	"github.com/rogpeppe/go-internal/testscript"
)

// elevate asks for a role in somebody's browser, on the page of roles for a while.
func (d *desk) elevate(ts *testscript.TestScript, neg bool, args []string) {
	flags := flag.NewFlagSet("elevate", flag.ContinueOnError)
	minutes, ticket := flags.String("minutes", "10", ""), flags.String("ticket", "", "")
	ts.Check(flags.Parse(args))
	d.onRoles(ts, neg, flags.Arg(0), "/elevate", url.Values{"role": {flags.Arg(1)}, "why": {flags.Arg(2)}, "minutes": {*minutes}, "ticket": {*ticket}})
}

// judge says approve, deny or withdraw in somebody's browser.
func (d *desk) judge(ts *testscript.TestScript, neg bool, args []string) {
	d.onRoles(ts, neg, args[0], "/elevate/judge", url.Values{"answer": {args[1]}, "request": {args[2]}})
}

// giveBack ends a lease in somebody's browser.
func (d *desk) giveBack(ts *testscript.TestScript, neg bool, args []string) {
	d.onRoles(ts, neg, args[0], "/end", url.Values{"lease": {args[1]}})
}

// onRoles posts a form of the SSO host and prints what the browser reads then.
func (d *desk) onRoles(ts *testscript.TestScript, neg bool, subject, path string, form url.Values) {
	p, err := d.visitors[subject].post(context.Background(), "http://sso.localhost:"+d.port+path, form)
	ts.Check(err)
	_, _ = fmt.Fprintf(ts.Stdout(), "%d at %s\n%s\n", p.status, p.url, p.words())
	if neg != (p.status >= 400) {
		ts.Fatalf("came to %s with status %d:\n%s", p.url, p.status, p.words())
	}
}
