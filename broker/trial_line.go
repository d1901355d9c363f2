package broker

import (
	"slices"

	"leasehold/provision"
)

// TrialLine is one check of a trial.
type TrialLine struct {
	Name   string
	State  string           // "good", "bad" or "open": it was not looked at, or depends on another that failed
	Reason provision.Reason // of a bad one
	Found  string           // what was expected and what came, where a protocol says so of something beside the first that failed
}

// Lines is what a trial stood up to: the first check that failed, and each that could be looked at without it.
func (t Trial) Lines() []TrialLine {
	list := provision.Checklist(t.Protocol)
	failed := provision.FailedAt(list, t.Reason)
	gate := len(list) - provision.GateChecks()
	lines := make([]TrialLine, len(list))
	for i, c := range list {
		lines[i] = TrialLine{Name: c.Name, State: "good"}
		if failed < 0 {
			continue
		}
		if i == failed {
			lines[i].State, lines[i].Reason = "bad", t.Reason
			continue
		}
		by, seen := c.Judged(t.Looked)
		switch passed := i < failed && !(t.Protocoled && (i >= gate || slices.Contains(c.Reasons, provision.Replayed))); {
		case by.Reason != "":
			lines[i].State, lines[i].Reason, lines[i].Found = "bad", by.Reason, by.Text
		case !seen && (!passed || c.Touched(t.Looked)):
			lines[i].State = "open"
		}
	}
	return lines
}

// forStrangers reports whether Found may be shown to whoever has no office: what the identity provider sent, and how it
// failed. What the gate found may tell the policy, and whose account or domain something is.
func (t Trial) forStrangers() bool {
	switch t.Reason {
	case provision.IdPUnreachable: // it may say how names resolve inside
		return false
	case provision.SubjectMissing, provision.SubjectTransient, provision.EmailMissing, provision.EmailInvalid, provision.DomainPublic, provision.EmailUnverified:
		return true
	}
	return t.Protocoled
}
