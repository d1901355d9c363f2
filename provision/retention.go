package provision

import "fmt"

// Erased is what one run of a retention has erased of a tenant.
type Erased struct {
	Accounts int
	Rows     int // decisions, and leases that had ended
	Days     int // whose personal data nobody can read any more
}

// NoteErased notes what a retention came to for s.Tenant. There is nobody to note it for when the tenant is gone.
func NoteErased(s State, e Erased, a Act) Change {
	if s.Tenant.ID == "" {
		return Change{}
	}
	outcome, lines := "nothing", []string(nil)
	for _, part := range []struct {
		what string
		n    int
	}{{"accounts", e.Accounts}, {"decisions and ended leases", e.Rows}, {"days of personal data", e.Days}} {
		if part.n > 0 {
			outcome, lines = "erased", append(lines, fmt.Sprintf("%s: %d", part.what, part.n))
		}
	}
	return Change{Events: []Event{a.event(0, Event{Kind: EventRetention, Tenant: s.Tenant.ID, Outcome: outcome, Changes: lines})}}
}
