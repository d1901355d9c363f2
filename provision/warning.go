package provision

import (
	"fmt"
	"time"
)

// ConnectionExpiring is that the last certificate of a connection, or its metadata, runs out.
const ConnectionExpiring DeliveryKind = "connection.expiring"

// warnAt are how many days ahead somebody is warned, the most first.
func warnAt() []int { return []int{30, 14, 7, 1} }

// WarnedAt is at which of the days ahead a warning is due: the latest that was reached, 0 for none yet. What has run out
// is warned of like its last day.
func WarnedAt(until, now time.Time) int {
	due := 0
	for _, days := range warnAt() {
		if until.Sub(now) <= time.Duration(days)*24*time.Hour {
			due = days
		}
	}
	return due
}

// HookOf is the name under which a tenant is told: none that an app can have.
func HookOf(t TenantID) AppID { return AppID("tenant/" + string(t)) }

// Warning is what remembers that somebody was warned: once for each threshold of one end.
func Warning(c ConnectionID, until, now time.Time) Spent {
	return Spent{Kind: "warning", Scope: string(c), ID: fmt.Sprintf("%d/%d", until.Unix(), WarnedAt(until, now)), Until: until.Add(30 * 24 * time.Hour)}
}

// WarnOfExpiry writes that what s.Connection is believed by runs out, once for each threshold: one event, and a message to
// its tenant if that asked for such.
func WarnOfExpiry(s State, until time.Time, a Act) (Change, error) {
	c, due := s.Connection, WarnedAt(until, a.Now)
	if c.ID == "" || c.Disabled || c.Removal != "" || due == 0 || len(s.Spent) > 0 {
		return Change{}, nil
	}
	e := a.event(0, Event{
		Kind: EventConnectionExpiring, Tenant: c.Tenant, Connection: c.ID, Outcome: fmt.Sprintf("%d_days", due),
		Changes: []string{"until: " + until.UTC().Format(time.RFC3339)},
	})
	change := Change{Events: []Event{e}, Spent: []Spent{Warning(c.ID, until, a.Now)}}
	if s.Tenant.Hook.URL != "" && s.Tenant.Hook.Secret != "" {
		d := e.delivery(ConnectionExpiring, HookOf(c.Tenant), a.Now)
		d.Connection, d.Expires, d.Days = c.ID, until, due
		change.Deliveries = []Delivery{d}
	}
	return change, nil
}
