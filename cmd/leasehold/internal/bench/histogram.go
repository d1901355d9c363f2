// Package bench measures a gateway from outside: an open load, what it waited for, and how long a revoked lease was still
// let in. It is what `leasehold bench` and the figures stand on.
package bench

import (
	"math/bits"
	"time"
)

// fine is how finely times are told apart: each doubling in 32 steps, so that none is off by more than 3 %.
const fine = 5

// Histogram counts times in steps that grow with them, and knows the longest exactly. The zero Histogram is empty. It is
// not safe for concurrent use: everybody has one, and they are added up.
type Histogram struct {
	counts  [64 << fine]uint64
	n       uint64
	longest time.Duration
}

func step(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < 1<<fine {
		return int(v)
	}
	shift := bits.Len64(v) - fine - 1
	return (shift+1)<<fine + int(v>>shift)&(1<<fine-1)
}

// upper is the longest time of a step.
func upper(step int) time.Duration {
	if step < 1<<fine {
		return time.Duration(step)
	}
	shift := step>>fine - 1
	return time.Duration((uint64(step&(1<<fine-1)|1<<fine)+1)<<shift - 1)
}

// Add counts a time.
func (h *Histogram) Add(d time.Duration) {
	h.counts[step(d)]++
	h.n++
	h.longest = max(h.longest, d)
}

// Join adds all that another counted.
func (h *Histogram) Join(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.n += other.n
	h.longest = max(h.longest, other.longest)
}

// Count is how many times were counted.
func (h *Histogram) Count() uint64 { return h.n }

// Max is the longest time, 0 of none.
func (h *Histogram) Max() time.Duration { return h.longest }

// Quantile is the time that a part q of all did not exceed, 0 of none.
func (h *Histogram) Quantile(q float64) time.Duration {
	left := uint64(q * float64(h.n))
	for i, n := range h.counts {
		if n > left {
			return min(upper(i), h.longest)
		}
		left -= n
	}
	return h.longest
}
