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
