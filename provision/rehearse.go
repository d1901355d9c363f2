package provision

import "time"

// Rehearse is Decide for a login that is only tried, by a connection that may be disabled and with the invitation of a
// setup that has not enabled it yet. It says what would be decided, and its change makes nothing: what was used up stays
// used up, one event says what was tried, and a setup notes what its connection was good for.
func Rehearse(s State, r Request, ids IDs, now time.Time) Decision {
	d := Decide(rehearsed(s, now), r, ids, now)
	allowed := d.Allowed()
	made := d.Change
	d.Lease, d.Notice, d.Change = Lease{}, "", Change{}
	for _, x := range made.Spent {
		if !invited(x) { // nobody came in by it
			d.Change.Spent = append(d.Change.Spent, x)
		}
	}
	d.Change.Events = []Event{tried(made.Events, s.Account)}
	if x := s.Setup; allowed && s.setupStands(now) && x.ID == r.Setup && x.Connection == s.Connection.ID {
		email, _ := ParseEmail(r.Facts.Email) // Decide has read it
		x.Tested, x.TestedAt, x.Domain, x.Revision = s.Connection.Revision, now, email.Domain(), x.Revision+1
		d.Change.Setups = []Setup{x}
	}
	return d
}

// rehearsed is s as if its connection were enabled.
func rehearsed(s State, now time.Time) State {
	s.Connection.Disabled = false
	if s.Setup.Enabled.IsZero() {
		s.Setup.Enabled = now
	}
	return s
}

// tried is the event of a login that was only tried: that of the decision, without what was not made.
func tried(events []Event, known Account) Event {
	e := events[0]
	for _, other := range events {
		if other.Kind == EventLogin {
			e = other
		}
	}
	e.Kind, e.Lease, e.Decision.ID, e.Account = EventTest, LeaseRef{}, "", known.ID
	return e
}
