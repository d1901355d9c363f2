package provision

import "time"

// Owner says who may change an object: each has exactly one.
type Owner string

// The owners of an object. The other side's change is refused as ErrConflict ("managed_by_manifest").
const (
	ByManifest Owner = "manifest"
	ByAPI      Owner = "api"
)

// Generation counts the revocations of an object. A lease carries the generations it began under and is live only
// while all of them are unchanged, so one write ends everything below an object at once.
type Generation int64

// Tenant is an organisation that brings its own people.
type Tenant struct {
	ID          TenantID
	Name        string
	Contact     string        // shown to people who are refused: whom to ask
	ContractEnd time.Time     // the first instant that is no longer covered; zero: no end
	Retention   time.Duration // decisions, and accounts without a lease, are erased after it
	Suspended   bool          // nobody gets in, and nobody stays in
	Hook        Notify        `json:",omitzero"` // where warnings are sent
	Removal     Removal
	Policy      Policy
	Generation  Generation
	Voided      Generation // how often logins under way were voided, because one of its domains was revoked
	Owner       Owner
	Revision    int64 // rises with every change
}
