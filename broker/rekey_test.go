package broker_test

import (
	"testing"

	"leasehold/broker"
	"leasehold/provision"
)

// TestPeopleAreNotKnownByAnotherSubjectAtOnce: whoever may write the other claim would come in as them.
func TestPeopleAreNotKnownByAnotherSubjectAtOnce(t *testing.T) {
	t.Parallel()
	for at, x := range map[int]struct {
		subject, other string
		login          func(*house) (provision.Lease, error)
	}{
		1: {"nameid", "attribute:uid", func(h *house) (provision.Lease, error) { return h.loginBySAML("a", adaBySAML()) }},
		2: {"sub", "claim:upn", func(h *house) (provision.Lease, error) { return h.loginByOIDC("b", broker.Wish{}) }},
	} {
		h := newHouse(t, withOIDC)
		c := &h.wanted.Tenants[0].Connections[at].Connection
		for _, subject := range []string{x.other, x.subject} { // nobody has come by it yet
			c.Subject = subject
			h.register(h.wanted)
		}
		l, err := x.login(h)
		must(t, err)
		c.Subject = x.other
		h.wantNothing(h.wanted, broker.Plan{}, "connection "+string(c.ID)+": subject: people are known by "+x.subject+" already, as account "+string(l.Account))
		c.Subject = x.subject
		h.register(h.wanted)
	}
}
