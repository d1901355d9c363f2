package main

import (
	"context"
	"os"
	"runtime/debug"
	gauges "runtime/metrics"
	"time"
)

// garbageRoom is how much garbage may gather before it is collected, in bytes, however little lives: a gateway with few
// leases would otherwise collect all the time, at a cost that every check pays.
const garbageRoom = 64 << 20

// collectCalmly keeps the collector's pace by what lives: every so often, until ctx is over. An operator who set GOGC
// has decided.
func (g *gateway) collectCalmly(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		debug.SetGCPercent(garbagePercent(liveHeap()))
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// garbagePercent is the GOGC at which so much may gather, or twice what lives, when that is more: each collection looks
// at all that lives, and many leases should not make a check dearer. Below what a gateway needs at rest, nothing is to
// be gained.
func garbagePercent(live uint64) int {
	return int(max(200, garbageRoom*100/max(live, 8<<20)))
}

// liveHeap is what the last collection left.
func liveHeap() uint64 {
	sample := []gauges.Sample{{Name: "/gc/heap/live:bytes"}}
	gauges.Read(sample)
	if sample[0].Value.Kind() != gauges.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
