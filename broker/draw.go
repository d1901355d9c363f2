package broker

import (
	"crypto/rand"
	"fmt"
	"strings"

	"leasehold/provision"
)

// draw is random text of 130 bits in lower-case base32.
func draw() string { return strings.ToLower(rand.Text()) }

// ids draws the names that one decision may need.
func (b *Broker) ids() (provision.IDs, error) {
	return b.idsFor(provision.AccountID("acc_" + draw()))
}

// idsFor is ids with an account's name that is known already.
func (b *Broker) idsFor(account provision.AccountID) (provision.IDs, error) {
	lease, event := draw(), draw()
	key, err := b.Keys.newAccountKey(account)
	if err != nil {
		return provision.IDs{}, err
	}
	return provision.IDs{
		Account:  account,
		Lease:    func(t provision.TenantID) provision.LeaseID { return provision.NewLeaseID(t, lease) },
		Decision: provision.DecisionID("dec_" + draw()),
		Event:    func(n int) provision.EventID { return provision.EventID(fmt.Sprintf("evt_%s_%d", event, n)) },
		Key:      key,
	}, nil
}
