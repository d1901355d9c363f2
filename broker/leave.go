package broker

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/url"
	"time"

	"leasehold/idp"
	"leasehold/provision"
)

// The kinds of log-outs under way.
const (
	kindOffer   = "offer/"
	kindLeaving = "leaving/"
)

// askLimit is how long a person who logs out waits to hear whether the identity provider can be asked, too.
const askLimit = 3 * time.Second

// Offering does an end of the session that a cookie points at, and returns the name of the offer to end the identity provider's
// own session, too; "" where that cannot be. Nothing upstream keeps the session here: the offer is made after its end.
func (b *Broker) Offering(ctx context.Context, token string, o provision.Origin, end func() error) (string, error) {
	var session provision.UpstreamSession
	var lease provision.Lease
	var unknown error = provision.ErrNotFound
	if id := b.readToken(token, o.String()); id != "" {
		session, _, lease, unknown = b.upstream(ctx, id)
	}
	if err := end(); err != nil {
		return "", err
	}
	if unknown != nil {
		if !errors.Is(unknown, provision.ErrNotFound) {
			b.log("offer a log-out upstream", unknown)
		}
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	_, leaver, err := b.leaver(ctx, lease.Connection)
	if err != nil || !leaver.OffersLogout(ctx) {
		return "", nil
	}
	session.Refresh = ""
	id := draw() + draw()
	l := idp.Leaving{Connection: lease.Connection, Session: session, Expires: b.Now().Add(attemptLife)}
	if err := b.store(ctx, kindOffer, id, [32]byte{}, l.Expires, l); err != nil {
		b.log("offer a log-out upstream", err)
		return "", nil
	}
	return id, nil
}

// leaver is what logs people out at a connection's identity provider, or ErrNotFound.
func (b *Broker) leaver(ctx context.Context, id provision.ConnectionID) (provision.Connection, idp.Leaver, error) {
	c, provider, err := b.speaker(ctx, id)
	if err != nil {
		return c, nil, err
	}
	leaver, ok := provider.(idp.Leaver)
	if !ok {
		return c, nil, provision.ErrNotFound
	}
	return c, leaver, nil
}

// Leave takes an offer, once, and says where the browser goes. The answer is that browser's alone.
func (b *Broker) Leave(ctx context.Context, offer, browser string) (Reply, error) {
	p, err := b.Attempts.Take(ctx, kindOffer+offer)
	if err != nil {
		return Reply{}, err
	}
	var l idp.Leaving
	if err := b.openJSON(ctx, p, &l); err != nil {
		return Reply{}, err
	}
	c, leaver, err := b.leaver(ctx, l.Connection)
	if err != nil {
		return Reply{}, err
	}
	l.ID, l.Browser = idp.AttemptID(draw()+draw()), sha256.Sum256([]byte(browser))
	reply, err := leaver.BeginLogout(ctx, &l)
	if err != nil {
		return Reply{}, b.unheard(c, err)
	}
	l.Session = provision.UpstreamSession{}
	return reply, b.store(ctx, kindLeaving, string(l.ID), l.Browser, l.Expires, l)
}

// Left takes the answer to a log-out of ours, which may come without the browser's cookie, and returns the log-out's
// name. Only an answer that is verified counts.
func (b *Broker) Left(ctx context.Context, id provision.ConnectionID, m LogoutMessage) (AttemptID, error) {
	c, leaver, err := b.leaver(ctx, id)
	if err != nil {
		return "", err
	}
	form := m.Form
	if m.Binding == idp.Redirect {
		if form, err = url.ParseQuery(m.Query); err != nil {
			return "", b.unheard(c, idp.Reject(provision.DocumentMalformed, "query: %w", err))
		}
	}
	p, l, err := b.leaving(ctx, AttemptID(form.Get("RelayState")))
	if errors.Is(err, provision.ErrNotFound) || err == nil && l.Connection != id {
		return "", b.unheard(c, idp.Reject(provision.AttemptUnknown, "answer to no log-out that is under way"))
	}
	if err != nil {
		return "", err
	}
	if err := leaver.VerifyLogout(ctx, l, m); err != nil {
		return l.ID, b.unheard(c, err)
	}
	l.Confirmed = true
	sealed, err := b.sealJSON(ctx, p.ID, l)
	if err == nil {
		err = b.Attempts.Swap(ctx, p, sealed)
	}
	return l.ID, err
}

// Gone is the browser that left, back again: whether the identity provider says that its session ended. It is told once.
func (b *Broker) Gone(ctx context.Context, id AttemptID, browser string) (bool, error) {
	p, l, err := b.leaving(ctx, id)
	if err != nil {
		return false, err
	}
	hash := sha256.Sum256([]byte(browser))
	if browser == "" || subtle.ConstantTimeCompare(hash[:], l.Browser[:]) != 1 {
		return false, provision.ErrNotFound
	}
	if _, err := b.Attempts.Take(ctx, p.ID); err != nil {
		return false, err
	}
	if l.Confirmed {
		return true, nil
	}
	_, leaver, err := b.leaver(ctx, l.Connection)
	if err != nil {
		return false, err
	}
	return leaver.VerifyLogout(ctx, l, idp.Message{Form: idp.Form{"state": {string(id)}}}) == nil, nil
}

// leaving is a log-out under way, and how it is stored.
func (b *Broker) leaving(ctx context.Context, id AttemptID) (Pending, idp.Leaving, error) {
	p, err := b.Attempts.Get(ctx, kindLeaving+string(id))
	if err != nil {
		return p, idp.Leaving{}, err
	}
	var l idp.Leaving
	if err := b.openJSON(ctx, p, &l); err != nil {
		return p, l, err
	}
	if l.ID != id || !b.Now().Before(l.Expires) {
		return p, l, provision.ErrNotFound
	}
	return p, l, nil
}
