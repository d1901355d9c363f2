package provision

// Actor is who acts: the first parameter of every administrative verb.
type Actor struct {
	Kind string // one of the Actor constants
	ID   string // an account, "uid:1000", a component's name
	Via  string // "login", "admin.sock", "manifest", "reaper", …
}

// The kinds of actor.
const (
	Person      = "person"
	TenantAdmin = "tenant_admin"
	Partner     = "partner"
	Workload    = "workload"
	Operator    = "operator"
	System      = "system"
)

// Requester is where a request came from. It is personal data.
type Requester struct {
	IP        string
	UserAgent string
	RequestID string
}
