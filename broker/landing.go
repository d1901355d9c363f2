package broker

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"

	"leasehold/idp"
	"leasehold/provision"
)

// landed is where an attempt led: kept as long as the attempt would have lived, so that Back, a reload and a response
// posted again from the history lead on instead of into an error.
type landed struct {
	Landing
	Browser [32]byte
}

// remember keeps where an attempt led. The lease is there already: when it cannot be kept, the person lands on the
// account page, which is no reason to refuse her.
func (b *Broker) remember(ctx context.Context, u underway, d provision.Decision) {
	l := landed{Browser: u.Browser, Landing: Landing{Lease: d.Lease.ID, App: u.App, Origin: u.Origin, Path: u.Path, Start: u.Start, Notice: d.Notice}}
	b.log("remember landing", b.store(ctx, kindLanding, string(u.ID), [32]byte{}, u.Expires, l))
}

// Landing is where a spent attempt of this browser led, or ErrNotFound.
func (b *Broker) Landing(ctx context.Context, id idp.AttemptID, browser string) (Landing, error) {
	id, _ = split(id)
	p, err := b.Attempts.Get(ctx, kindLanding+string(id))
	if err != nil {
		return Landing{}, err
	}
	var l landed
	if err := b.openJSON(ctx, p, &l); err != nil {
		return Landing{}, err
	}
	hash := sha256.Sum256([]byte(browser))
	if subtle.ConstantTimeCompare(hash[:], l.Browser[:]) != 1 {
		return Landing{}, provision.ErrNotFound
	}
	return l.Landing, nil
}
