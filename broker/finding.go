package broker

import (
	"fmt"
	"strings"

	"leasehold/provision"
)

// Finding is what one look for a claim's proof asked and got.
type Finding struct {
	Claim  provision.Claim // as it is after the look
	Name   string          // that was asked for TXT records
	Wanted string          // the value that proves the claim
	Found  []string        // the values that stand there
	Answer provision.Answer
	Err    error // why nobody could tell; nil: somebody could
}

// String says it in words, for an administrator. What the zone holds is quoted, and cut to what fits a page.
func (f Finding) String() string {
	d := f.Claim.Domain
	var said string
	switch f.Answer {
	case provision.Attested:
		return fmt.Sprintf("%s is attested by the operator: nobody is asked. The claim is %s.", d, f.Claim.State)
	case provision.Proved:
		said = fmt.Sprintf("%s holds the record.", f.Name)
	case provision.Absent:
		said = fmt.Sprintf("%s has %s. Wanted: a TXT record %q.", f.Name, quoted(f.Found), f.Wanted)
	case provision.Wildcard:
		said = fmt.Sprintf("%s holds the record, but so does every other name below %s. A wildcard proves nothing: publish the record at this one name.", f.Name, d)
	case provision.Foreign:
		said = fmt.Sprintf("%s holds the record, but another tenant owns %s. It keeps the domain as long as its own proof stands, and for a grace period after.", f.Name, d)
	default:
		said = fmt.Sprintf("Nobody could tell what stands at %s, so nothing changes: %v.", f.Name, f.Err)
	}
	return fmt.Sprintf("%s The claim of %s on %s is %s.", said, f.Claim.Tenant, d, f.Claim.State)
}

func quoted(values []string) string {
	const most, longest = 10, 100
	var shown []string
	for _, v := range values[:min(len(values), most)] {
		shown = append(shown, fmt.Sprintf("%.*q", longest, v))
	}
	switch {
	case len(values) == 0:
		return "no TXT record"
	case len(values) > most:
		shown = append(shown, fmt.Sprintf("and %d more", len(values)-most))
	}
	return "other TXT records: " + strings.Join(shown, ", ")
}
