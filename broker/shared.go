package broker

import (
	"context"
	"time"
)

// Shared counts over all replicas. Each replica counts for itself as well, and asks only for what its own count allows.
type Shared interface {
	// Allow takes one of the n that key may have per time, and reports whether there was one left. An error, which comes
	// soon, says that nobody can tell: whoever asks goes by the count of its own.
	Allow(ctx context.Context, key string, n int, per time.Duration) (bool, error)
}
