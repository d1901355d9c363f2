package broker

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"leasehold/provision"
)

// onceFor is how long it is remembered that a deed was done.
const onceFor = 24 * time.Hour

// ErrOtherRequest is a request under a name that its sender gave to another one before.
var ErrOtherRequest = errors.New("another request had that name")

// marks are what is used up by a deed that is done once: its name, and of a request whose sender chose the name, what the
// request was.
func (d Deed) marks(t provision.Target, until time.Time) []provision.Spent {
	if d.Print == "" {
		return []provision.Spent{{Kind: "deed", Scope: t.String(), ID: d.Once, Until: until}}
	}
	scope := "request/" + d.Actor.Kind + "/" + d.Actor.ID
	return []provision.Spent{{Kind: "deed", Scope: scope, ID: d.Once, Until: until}, {Kind: "deed", Scope: scope, ID: d.Once + "/" + d.Print, Until: until}}
}

// said reports whether a deed was done already, by those of its marks that are used up.
func (d Deed) said(spent []provision.Spent) (bool, error) {
	if len(spent) > 0 && d.Print != "" && len(spent) < 2 {
		return false, ErrOtherRequest
	}
	return len(spent) > 0, nil
}

// once makes change one that is made once for a deed with a name. Said again, it changes nothing.
func (b *Broker) once(d Deed, t *provision.Target, change changing) changing {
	if d.Once == "" {
		return change
	}
	marks := d.marks(*t, b.Ledger.Now().Add(onceFor))
	t.Spend = append(t.Spend, marks...)
	return func(s provision.State) (provision.Change, error) {
		if done, err := d.said(s.Spent); done || err != nil {
			return provision.Change{}, err
		}
		c, err := change(s)
		if err == nil {
			c.Spent = append(c.Spent, marks...)
		}
		return c, err
	}
}

// Done reports whether a deed with a name was done already. Nothing is written.
func (b *Broker) Done(ctx context.Context, d Deed) (done bool, err error) {
	if d.Once == "" || d.Print == "" {
		return false, nil
	}
	t := provision.Target{Quiet: true, Spend: d.marks(provision.Target{}, time.Time{})}
	_, fault := b.Ledger.Amend(ctx, t, func(s provision.State) (provision.Change, error) {
		done, err = d.said(s.Spent)
		return provision.Change{}, nil
	})
	return done && fault == nil, errors.Join(fault, err)
}

// revocationID is the name of a revocation: drawn, or for a deed that is done once, always the same.
func (d Deed) revocationID(t provision.Target) provision.RevocationID {
	if d.Once == "" {
		return provision.RevocationID("rev_" + draw())
	}
	name := t.String() + "\x00" + d.Once
	if d.Print != "" {
		name += "\x00" + d.Actor.ID + "\x00" + d.Print
	}
	sum := sha256.Sum256([]byte(name))
	return provision.RevocationID("rev_" + hex.EncodeToString(sum[:16]))
}

// derived is a name for what a deed makes that is done once: nobody can guess it, and asked for again it is the same.
func (b *Broker) derived(d Deed, what string) string {
	mac := hmac.New(sha256.New, b.names)
	for _, part := range []string{"once", what, d.Actor.Kind, d.Actor.ID, d.Once, d.Print} {
		mac.Write([]byte(part + "\x00"))
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil))[:26])
}
