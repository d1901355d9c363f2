package provision

import (
	"context"
	"iter"
	"time"
)

// Part is a part of a copy of a ledger: some of its rows, as they stand in it. Events have their Seq; what is personal in
// them, and every key, stays sealed. What leases remember of their sessions at identity providers is not copied.
type Part struct {
	Change
	Policies []PolicyVersion   `json:",omitempty"`
	Keys     map[string][]byte `json:",omitempty"`
	Known    []Acquaintance    `json:",omitempty"`
	Time     time.Time         `json:",omitzero"` // ledger time, when the copy was made
}

// PolicyVersion is a policy that a tenant has or had.
type PolicyVersion struct {
	Tenant TenantID
	Policy Policy
}

// Acquaintance is an app that was handed a lease of an account, since it was last told that it is gone.
type Acquaintance struct {
	Account AccountID
	App     AppID
}

// PartRows is how many rows a part has at most.
const PartRows = 200

// Copies makes copies of a ledger, and ledgers of copies. Whatever store wrote a copy, any may read it.
type Copies interface {
	// Copy calls each with everything that the ledger holds, as one snapshot, part by part.
	Copy(ctx context.Context, each func(Part) error) error

	// Fill writes a copy into a ledger that holds nothing, whole: after an error nothing of it is there. It is ErrConflict
	// when the ledger holds something.
	Fill(ctx context.Context, parts iter.Seq2[Part, error]) error
}
