// Package idp is the contract between a login and the protocols that speak to identity providers: an Attempt, a
// Provider, and how a refusal by a protocol is said.
package idp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"leasehold/provision"
)

// Provider speaks one connection's protocol. It is safe for many logins at once.
type Provider interface {
	// Begin fills in what the attempt must remember and returns the address that the browser is sent to. The attempt's
	// ID goes along as RelayState or state.
	Begin(ctx context.Context, a *Attempt) (string, error)

	// Verify judges the answer to an attempt by every rule of the protocol. A refusal is a *Rejected; any other error
	// means that nobody could tell. Beside a refusal of what a verified answer says, a trial gets its Claims and its Survey.
	Verify(ctx context.Context, a Attempt, answer Form) (provision.Assertion, error)
}

// Inspector is a Provider that judges a message that somebody pasted, so that an administrator learns what is wrong with
// it. No login may be made of what it says. asOf is the moment as of which it was judged; zero: now.
type Inspector interface {
	Inspect(pasted string) (said provision.Assertion, asOf time.Time, err error)
}

// Describer is a Provider that has metadata to publish (SAML Metadata 2.4.4).
type Describer interface {
	Metadata() ([]byte, error)
}

// Form is what a browser brought back: the fields of a posted form or of a query, as they came, duplicates kept.
type Form = url.Values

// Rejected is a refusal by a protocol.
type Rejected struct {
	Check provision.Reason // the contract's reason
	Err   error            // what was expected and what came: for the audit, never for a browser
}

// Looked is what came of holding a message against rules that refuse with these reasons, for a Survey.
func Looked(err error, reasons ...provision.Reason) provision.Looked {
	l := provision.Looked{Reasons: reasons}
	var no *Rejected
	switch {
	case errors.As(err, &no):
		l.Reason, l.Text = no.Check, no.Err.Error()
	case err != nil:
		l.Reason, l.Text = provision.DocumentMalformed, err.Error()
	}
	return l
}

// Reject makes a Rejected whose error reads like fmt.Errorf.
func Reject(check provision.Reason, format string, args ...any) *Rejected {
	return &Rejected{check, fmt.Errorf(format, args...)}
}

func (r *Rejected) Error() string { return fmt.Sprintf("%s: %v", r.Check, r.Err) }

// Unwrap is Err.
func (r *Rejected) Unwrap() error { return r.Err }
