package provision

import (
	"slices"
	"strings"
	"time"
)

// App is what is protected: its origins, what it is told about a person, and who may enter.
type App struct {
	ID         AppID
	Origins    []Origin
	Headers    string        // header profile: "leasehold" (the default) or "remote-user"
	User       string        // profile remote-user: "id" (the default), "email" or "name"
	Tenants    []TenantID    // who may enter; none: nobody
	Roles      []string      // one of them is required; none: no role is
	Public     []string      // exact paths, or a prefix that ends in "/*": let through without a session, for GET and HEAD
	MaxSession time.Duration // after entering, this app alone asks for a new login; 0: no such limit
	Workloads  bool          // its check takes handles of workloads, as bearer tokens
	OffPath    bool          // no check stands before it: workloads show it signed tokens
	Notify     Notify
	Removal    Removal `json:",omitempty"` // Removed: a name and a revision, and nobody's
	Owner      Owner
	Revision   int64
}

// Admits reports whether people of t may enter a.
func (a App) Admits(t TenantID) bool { return slices.Contains(a.Tenants, t) }

// Takes reports whether a takes tokens of workloads: signed ones, or handles.
func (a App) Takes(signed bool) bool { return a.OffPath && signed || a.Workloads && !signed }

// TakesAgents reports whether a takes tokens of agents, signed ones or handles: it is told who acts, and not of the person alone.
func (a App) TakesAgents(signed bool) bool {
	return a.Takes(signed) && (signed || a.Headers != "remote-user")
}

// MistakesWorkloads reports whether a would be told of a workload in a word that may be a person's name.
func (a App) MistakesWorkloads() bool {
	return a.Workloads && a.Headers == "remote-user" && a.User != "id"
}

// IsPublic reports whether path of a is let through without a session. The path is compared as it stands: no cleaning,
// no decoding, so what the check judged is what the app gets.
func (a App) IsPublic(path string) bool {
	return slices.ContainsFunc(a.Public, func(public string) bool {
		folder, wild := strings.CutSuffix(public, "/*")
		if wild {
			return strings.HasPrefix(path, folder+"/")
		}
		return path == public
	})
}
