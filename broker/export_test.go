package broker

import "context"

// WaitForLanes waits until nothing that Deliver began is under way.
func (b *Broker) WaitForLanes() { b.lanes.tasks.Wait() }

// ForgetUnasked is what Run does each minute.
func (b *Broker) ForgetUnasked(ctx context.Context) error { return b.forgetUnasked(ctx) }
