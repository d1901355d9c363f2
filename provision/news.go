package provision

// NewsID is the random name of News.
type NewsID string

// News is what processes that share a ledger have to forget because of a change. It is written in the change's own
// commit, so that no process can learn of the one without the other. Changes of one commit may share an ID: their news
// are one then. The zero News tells nobody anything.
type News struct {
	ID     NewsID
	Leases []LeaseID  // what may stand otherwise than it did
	All    bool       // something that is registered changed: everything is to be read again
	Judge  []TenantID // whose rules changed: their live leases have to pass the gate once more
}

// IsZero reports whether n tells nobody anything.
func (n News) IsZero() bool { return len(n.Leases) == 0 && !n.All && len(n.Judge) == 0 }

// Renewal is what one of the processes that share a ledger hears from the others.
type Renewal struct {
	Joined bool // as a new process: nothing that it remembers is good
	Leads  bool // it is the one that does what has to be done once, such as ending leases on time
	News   []News
}
