package idp

import (
	"context"
	"time"
)

// Token is what an issuer says of a workload, after every check of its protocol.
type Token struct {
	Claims  map[string]string // texts, numbers and truth values, by name; those of a claim that is an object, by OUTER.INNER
	ID      string            // its own name (jti), good for one use; "": it has none
	Issued  time.Time
	Expires time.Time
}

// Introducer is a Provider of workloads: it logs nobody in, and reads the tokens that its issuer signed.
type Introducer interface {
	// ReadToken judges a token by every rule of its protocol. A refusal is a *Rejected; any other error means that nobody
	// could tell.
	ReadToken(ctx context.Context, raw string) (Token, error)
}
