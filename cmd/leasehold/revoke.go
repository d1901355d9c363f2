package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"leasehold/provision"
	"leasehold/web/api"
)

// revokeCommand ends access.
type revokeCommand struct {
	Lease      string `xor:"what" help:"This lease, and what is below it." placeholder:"ID"`
	Account    string `xor:"what" help:"All leases of an account, which is revoked for good." placeholder:"ID"`
	Connection string `xor:"what" help:"Everything that came by a connection." placeholder:"ID"`
	Tenant     string `xor:"what" help:"Everything of a tenant." placeholder:"ID"`
	Domain     string `xor:"what" help:"Everything of an e-mail domain." placeholder:"NAME"`
	reasoned
	Once string `help:"A name for this revocation: asked for again under it, after an answer was lost, it is done once, and the answer is the same." placeholder:"NAME"`
	Wait bool   `help:"Return only when every row below is written too; access has ended before that."`
}

// Run revokes. When it returns, no check that begins lets anything of it in.
func (c revokeCommand) Run(s *surroundings) error {
	if c.Lease+c.Account+c.Connection+c.Tenant+c.Domain == "" {
		return usageError{errors.New("name what to revoke: --lease, --account, --connection, --tenant or --domain")}
	}
	q := revokeOrder{
		Lease: provision.LeaseID(c.Lease), Account: provision.AccountID(c.Account), Connection: provision.ConnectionID(c.Connection),
		Tenant: provision.TenantID(c.Tenant), Domain: c.Domain, Reason: c.Reason, Once: c.Once,
	}.question()
	a, err := s.reach(q)
	if err != nil {
		return err
	}
	var done revoked
	if err := a.ask(q, &done); err != nil {
		return err
	}
	if c.Wait && done.Revocation != "" {
		if err := a.settled(done.Revocation); err != nil {
			return err
		}
	}
	return s.print(done, func(w io.Writer) { printRevoked(w, done) })
}

// revoked is a revocation whose rows may still be settling; without one there is nothing to settle.
type revoked = api.Revoked

// revokeOrder names what to revoke: exactly one of the first five.
type revokeOrder struct {
	Lease      provision.LeaseID
	Account    provision.AccountID
	Connection provision.ConnectionID
	Tenant     provision.TenantID
	Domain     string
	Reason     string
	Once       string // a name: asked for again under it, it is done once
}

// question is what is asked of the API for it.
func (o revokeOrder) question() question {
	var order api.RevocationOrder
	order.Body.Connection, order.Body.Tenant, order.Body.Domain, order.Body.Reason = string(o.Connection), string(o.Tenant), o.Domain, o.Reason
	q := post("/revocations", order.Body)
	switch {
	case o.Lease != "":
		q = post(one{string(o.Lease)}.path("leases")+"/end", saying{o.Reason})
	case o.Account != "":
		q = post(one{string(o.Account)}.path("accounts")+"/revoke", saying{o.Reason})
	case o.Connection != "":
		q.about = "connection " + string(o.Connection)
	case o.Tenant != "":
		q.about = "tenant " + string(o.Tenant)
	default:
		q.about = "domain " + o.Domain
	}
	if q.once = o.Once; len(o.Once) > 64 || strings.ContainsFunc(o.Once, func(c rune) bool { return c <= ' ' || c > '~' }) {
		sum := sha256.Sum256([]byte(o.Once)) // a key of the API is shorter, and plainer
		q.once = hex.EncodeToString(sum[:])
	}
	return q
}

// settled waits until nothing is left of a revocation.
func (a admin) settled(id string) error {
	for {
		var r api.Revocation
		if err := a.ask(get("/revocations/"+url.PathEscape(id), nil), &r); err != nil || !r.Settled.IsZero() {
			return err
		}
		select {
		case <-a.say.ctx.Done():
			return a.say.ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func printRevoked(w io.Writer, r revoked) {
	if r.Revocation == "" {
		fmt.Fprintln(w, "done")
		return
	}
	fmt.Fprintf(w, "done; access has ended, and its rows settle as %s\n", r.Revocation)
}
