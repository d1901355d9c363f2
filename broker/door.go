package broker

import (
	"time"

	"leasehold/provision"
)

// door is an app as checks meet it: with those whom it admits as a set, for some apps admit thousands of tenants.
type door struct {
	provision.App
	admitted map[provision.TenantID]bool
}

func newDoor(a provision.App) *door {
	d := &door{App: a, admitted: make(map[provision.TenantID]bool, len(a.Tenants))}
	for _, t := range a.Tenants {
		d.admitted[t] = true
	}
	return d
}

// Admits is App.Admits, in the same time for an app of many tenants.
func (d *door) Admits(t provision.TenantID) bool { return d.admitted[t] }

// refuses is why d keeps out whoever has a lease that gives access, or "".
func (d *door) refuses(s *provision.Standing, now time.Time) provision.Reason {
	switch {
	case !d.Admits(s.Tenant.ID):
		return provision.TenantNotOfApp
	case !hasRole(d, s, now):
		return provision.RoleMissing
	case d.MaxSession > 0 && !now.Before(s.Entered(d.ID).Add(d.MaxSession)):
		return provision.SessionMissing // this app alone wants a new login
	}
	return ""
}
