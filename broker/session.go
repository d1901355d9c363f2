package broker

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"time"

	"leasehold/provision"
)

// Session is the live session that a cookie of an origin points at. A session that gives no access is a DeniedError; a
// ledger that cannot answer is ErrUnavailable, and no reason to touch a cookie (I14).
func (b *Broker) Session(ctx context.Context, token string, o provision.Origin) (provision.Standing, error) {
	if token == "" {
		return provision.Standing{}, &provision.DeniedError{Reason: provision.SessionMissing}
	}
	id, err := b.pointsAt(ctx, token, o.String())
	if err != nil {
		return provision.Standing{}, err
	}
	if id == "" {
		return provision.Standing{}, &provision.DeniedError{Reason: provision.SessionMalformed}
	}
	s, err := b.Ledger.Lease(ctx, id)
	if errors.Is(err, provision.ErrNotFound) {
		return s, &provision.DeniedError{Reason: provision.LeaseEnded}
	}
	if err != nil {
		return s, err
	}
	if at := b.index.lastUse(id); at.After(s.Lease.Seen) { // a use that is not written yet counts
		s.Lease.Seen = at
	}
	now := b.Ledger.Now()
	if reason := s.Refuses(now); reason != "" {
		return provision.Standing{}, &provision.DeniedError{Reason: reason}
	}
	s.Elevations = s.Elevating(now)
	return s, nil
}

// handover is what a one-time code stands for: a lease, handed to one browser at one app.
type handover struct {
	Lease  provision.LeaseID
	App    provision.AppID
	Origin provision.Origin
	Path   string
	Start  string // hex SHA-256 of the start cookie at the app's origin
	Until  time.Time
}

// Enter hands the SSO host's session to an app: it returns a code that the browser carries to the app's origin. It is
// refused as the app's check would refuse.
func (b *Broker) Enter(ctx context.Context, token string, wanted provision.Origin, path, start string, from provision.Requester) (string, error) {
	s, err := b.Session(ctx, token, b.URL)
	if err != nil {
		return "", err
	}
	return b.enter(ctx, s, wanted, path, start)
}

func (b *Broker) enter(ctx context.Context, s provision.Standing, wanted provision.Origin, path, start string) (string, error) {
	refuse := func(reason provision.Reason) (string, error) {
		return "", &provision.DeniedError{Reason: reason, Tenant: s.Tenant.ID, Contact: s.Tenant.Contact}
	}
	app, err := b.door(ctx, wanted.String(), b.fresh())
	switch {
	case errors.Is(err, provision.ErrNotFound):
		return refuse(provision.AppUnknown)
	case err != nil:
		return "", err
	case !app.Admits(s.Tenant.ID):
		return refuse(provision.TenantNotOfApp)
	case !hasRole(app, &s, b.Ledger.Now()):
		return refuse(provision.RoleMissing)
	case app.MaxSession > 0 && !s.Entered(app.ID).IsZero() && !b.Ledger.Now().Before(s.Entered(app.ID).Add(app.MaxSession)):
		return refuse(provision.AuthTooOld) // this app wants a new login
	}
	code := draw() + draw()
	sum := sha256.Sum256([]byte(code))
	h := handover{Lease: s.Lease.ID, App: app.ID, Origin: wanted, Path: path, Start: start, Until: b.Now().Add(codeLife)}
	return code, b.store(ctx, kindCode, string(sum[:]), [32]byte{}, h.Until, h)
}

// Redeem takes a code at the app's origin, once, and answers with the value of the app's cookie and the path that was
// wanted. A code is spent by whoever brings it, so that nothing is left of one that went astray. One that was made for
// another browser, another origin, or for a lease that has ended is ErrNotFound.
func (b *Broker) Redeem(ctx context.Context, code, start string, o provision.Origin) (token, path string, err error) {
	sum := sha256.Sum256([]byte(code))
	p, err := b.Attempts.Take(ctx, kindCode+string(sum[:]))
	if err != nil {
		return "", "", err
	}
	var h handover
	if err := b.openJSON(ctx, p, &h); err != nil {
		return "", "", err
	}
	if !b.Now().Before(h.Until) { // whoever writes to the store prolongs nothing
		return "", "", provision.ErrNotFound
	}
	if h.Origin != o || start == "" || subtle.ConstantTimeCompare([]byte(h.Start), []byte(start)) != 1 {
		return "", "", provision.ErrNotFound
	}
	if err := b.entered(ctx, h); err != nil {
		return "", "", err
	}
	return b.Token(h.Lease, o), h.Path, nil
}

// entered records that the lease was handed to the app, if it is live. Only an app that wants a new login after a while
// asks when that was: for it, every process has to know before the first request comes.
func (b *Broker) entered(ctx context.Context, h handover) error {
	done, err := b.commit(ctx, provision.Target{Lease: h.Lease, Quiet: true}, func(s provision.State) (provision.Change, error) {
		now := b.Ledger.Now()
		if s.Former.Refuses(now) != "" {
			return provision.Change{}, provision.ErrNotFound
		}
		if !s.Former.Entered(h.App).IsZero() {
			return provision.Change{}, nil
		}
		return provision.Change{Entries: []provision.Entry{{Lease: h.Lease, App: h.App, At: now}}}, nil
	})
	if app, unknown := b.index.app(h.Origin.String()); err == nil && (unknown != nil || app.MaxSession > 0) {
		b.settled(ctx, done.News)
	}
	return err
}
