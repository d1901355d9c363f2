package provision

// Actor is who acts: the first parameter of every administrative verb.
type Actor struct {
	Kind string // one of the Actor constants
	ID   string // an account, "uid:1000", a component's name
	Via  string // "login", "admin.sock", "manifest", "reaper", …
}

// Ways of administrators that decide who is behind a token: a session of theirs, and the socket of the host, where nobody is.
const (
	ViaConsole = "console"
	ViaSocket  = "admin.sock"
)

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
