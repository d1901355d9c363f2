package broker

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"leasehold/provision"
)

const (
	streamAge  = 5 * time.Minute  // how old, or how far ahead, the time in a stream's token may be
	lookBack   = 10 * time.Minute // how long ago a stream may have been left to be taken up again
	streamPage = 500              // ends that are told in one go
)

// StreamToken is the bearer token by which an app asks for its event stream: APP.UNIX.MAC, where MAC is the unpadded
// base64url of HMAC-SHA256(secret, "events:APP.UNIX").
func StreamToken(app provision.AppID, secret []byte, at time.Time) string {
	text := string(app) + "." + strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("events:" + text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Listener is the app whose token this is. A token that is not good, or of an app that did not ask to be told, is
// ErrNotFound.
func (b *Broker) Listener(ctx context.Context, token string) (provision.AppID, error) {
	name, rest, _ := strings.Cut(token, ".")
	stamp, _, _ := strings.Cut(rest, ".")
	unix, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || b.Now().Sub(time.Unix(unix, 0)).Abs() > streamAge {
		return "", provision.ErrNotFound
	}
	for _, app := range b.index.all() {
		if string(app.ID) != name || app.Notify.Secret == "" {
			continue
		}
		secrets, err := b.hookSecrets(ctx, app)
		if err != nil {
			return "", err
		}
		for _, secret := range secrets {
			if hmac.Equal([]byte(token), []byte(StreamToken(app.ID, secret, time.Unix(unix, 0)))) {
				return app.ID, nil
			}
		}
	}
	return "", provision.ErrNotFound
}

// Resume is where a stream goes on that was left at an event. It is not whole when nobody can tell what happened since:
// it was left too long ago, or never begun. Then it begins now.
func (b *Broker) Resume(ctx context.Context, left string) (cursor int64, whole bool, err error) {
	_, last, err := b.Outbox.Deliveries(ctx, provision.DeliveryFilter{Limit: 1})
	if err != nil {
		return 0, false, err
	}
	number, name, _ := strings.Cut(left, "-")
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil || seq <= 0 || seq > last {
		return last, false, nil
	}
	e, err := b.eventAt(ctx, seq)
	if err != nil {
		return 0, false, err
	}
	if e.ID == "" || string(e.ID) != name || b.Ledger.Now().Sub(e.Time) > lookBack {
		return last, false, nil
	}
	return seq, true, nil
}

// Place is where a stream is, as Resume takes it: the number of an event and its name, because in a ledger that was
// restored from a backup another event may have the number.
func (b *Broker) Place(ctx context.Context, cursor int64) (string, error) {
	e, err := b.eventAt(ctx, cursor)
	return PlaceOf(cursor, e.ID), err
}

// PlaceOf is the place of an event.
func PlaceOf(seq int64, event provision.EventID) string {
	return strconv.FormatInt(seq, 10) + "-" + string(event)
}

// eventAt is the event with a number, or none.
func (b *Broker) eventAt(ctx context.Context, seq int64) (provision.Event, error) {
	events, err := b.Ledger.Events(ctx, provision.EventFilter{After: seq - 1, Limit: 1})
	if err != nil || len(events) == 0 || events[0].Seq != seq {
		return provision.Event{}, err
	}
	return events[0], nil
}

// EndsSince lists the ends of leases that were handed to an app after an event, and the event to go on from. It is
// ErrNotFound for an app that does not ask any more.
func (b *Broker) EndsSince(ctx context.Context, app provision.AppID, after int64) (ends []provision.Delivery, cursor int64, err error) {
	if !slices.ContainsFunc(b.index.all(), func(a provision.App) bool { return a.ID == app && a.Notify.Secret != "" }) {
		return nil, after, provision.ErrNotFound
	}
	found, last, err := b.Outbox.Deliveries(ctx, provision.DeliveryFilter{App: app, After: after, Limit: streamPage})
	if err != nil {
		return nil, after, err
	}
	for _, d := range found {
		if d.Kind == provision.SessionEnded {
			ends = append(ends, d)
		}
	}
	if len(found) == streamPage {
		return ends, found[streamPage-1].Seq, nil
	}
	return ends, max(after, last), nil
}
