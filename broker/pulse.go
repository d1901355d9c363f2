package broker

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// pulse is when each thing that is done again and again was last done to its end, well or not.
type pulse struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// reaping is what a lease's end and a revocation's rows wait for.
const reaping = "reap"

// silence is how long nothing may be heard of a task: the reaper has little to do at a time, the others may have to ask
// many identity providers, or go through many leases.
func silence(what string) time.Duration {
	if what == reaping {
		return 30 * time.Second
	}
	return eraseEvery + 10*time.Minute
}

func (p *pulse) beat(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = map[string]time.Time{}
	}
	p.last[what] = time.Now()
}

// Stuck names what Run does again and again and has not been done for too long, in words for an operator.
func (b *Broker) Stuck() []string {
	b.pulse.mu.Lock()
	defer b.pulse.mu.Unlock()
	var stuck []string
	for what, at := range b.pulse.last {
		if quiet := time.Since(at); quiet > silence(what) {
			stuck = append(stuck, fmt.Sprintf("%s has not come to its end for %s", what, quiet.Round(time.Second)))
		}
	}
	slices.Sort(stuck)
	return stuck
}
