package broker

import "leasehold/provision"

// TrialLine is one check of a trial.
type TrialLine struct {
	Name   string
	State  string           // "good", "bad" or "open": it was not looked at
	Reason provision.Reason // of a bad one
}

// Lines is what a trial stood up to, in the order in which it was looked at.
func (t Trial) Lines() []TrialLine {
	list := provision.Checklist(t.Protocol)
	failed := provision.FailedAt(list, t.Reason)
	lines := make([]TrialLine, len(list))
	for i, c := range list {
		lines[i] = TrialLine{Name: c.Name, State: "good"}
		switch {
		case failed >= 0 && i == failed:
			lines[i].State, lines[i].Reason = "bad", t.Reason
		case failed >= 0 && i > failed:
			lines[i].State = "open"
		}
	}
	return lines
}
