package broker

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
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
	seq, err := strconv.ParseInt(left, 10, 64)
	if err != nil || seq <= 0 || seq > last {
		return last, false, nil
	}
	events, err := b.Ledger.Events(ctx, provision.EventFilter{After: seq - 1, Limit: 1})
	if err != nil {
		return 0, false, err
	}
	if len(events) == 0 || events[0].Seq != seq || b.Ledger.Now().Sub(events[0].Time) > lookBack {
		return last, false, nil
	}
	return seq, true, nil
}

// EndsSince lists the ends of leases that were handed to an app after an event, and the event to go on from.
func (b *Broker) EndsSince(ctx context.Context, app provision.AppID, after int64) (ends []provision.Delivery, cursor int64, err error) {
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
