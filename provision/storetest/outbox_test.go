package storetest_test

import (
	"context"

	"leasehold/provision"
	"leasehold/provision/memory"
)

// untold loses what apps are to be told.
type untold struct{ *memory.Store }

func (s untold) Amend(ctx context.Context, t provision.Target, amend amend) (provision.Change, error) {
	return s.Store.Amend(ctx, t, func(now provision.State) (provision.Change, error) {
		c, err := amend(now)
		c.Deliveries = nil
		return c, err
	})
}

// lavish gives what is taken to the next one, too.
type lavish struct{ *memory.Store }

func (s lavish) Take(ctx context.Context, x provision.Taking) ([]provision.Delivery, error) {
	until := x.Until
	x.Until = x.Now
	taken, err := s.Store.Take(ctx, x)
	for i := range taken {
		taken[i].Next = until
	}
	return taken, err
}

// pushy takes what waits behind another one.
type pushy struct{ *memory.Store }

func (s pushy) Take(ctx context.Context, x provision.Taking) ([]provision.Delivery, error) {
	taken, err := s.Store.Take(ctx, x)
	waiting, _, _ := s.Store.Deliveries(ctx, provision.DeliveryFilter{App: x.App, State: provision.DeliveryPending})
	for _, d := range waiting {
		if len(taken) < x.Limit && d.Taker == "" && !d.Due.After(x.Now) {
			d.Taker, d.Next, d.Tries = x.Taker, x.Until, 1
			taken = append(taken, d)
		}
	}
	return taken, err
}

// deafToVoids goes on telling that somebody is gone who came back.
type deafToVoids struct{ *memory.Store }

func (s deafToVoids) Amend(ctx context.Context, t provision.Target, amend amend) (provision.Change, error) {
	return s.Store.Amend(ctx, t, func(now provision.State) (provision.Change, error) {
		c, err := amend(now)
		c.Voids = nil
		return c, err
	})
}

// anybody lets anybody settle.
type anybody struct{ *memory.Store }

func (s *anybody) Settle(ctx context.Context, told []provision.Delivery) error {
	_, err := s.Store.Amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) {
		return provision.Change{Deliveries: told}, nil
	})
	return err
}
