package broker

import (
	"time"

	"leasehold/provision"
)

// Expiry is until when the identity provider of a connection can be believed: its newest certificate, or the metadata
// that it stands in.
type Expiry struct {
	Connection provision.ConnectionID
	Tenant     provision.TenantID
	Revision   int64 // of the connection that was read
	At         time.Time
}
