package broker

import "leasehold/provision"

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
