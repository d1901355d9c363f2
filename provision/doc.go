// Package provision is the core of Leasehold: its nouns, the one gate every access passes ([Decide]), the arithmetic
// of leases, and the ports a store implements. It is pure: no clock, no randomness, no network, no disk.
//
// A Tenant proves that it owns a Domain (a Claim). A Connection is one identity provider of one tenant. What the
// provider says about one subject, after every protocol check, is an Assertion. Decide looks at a State and a Request
// and answers with a Decision: an Account is created, linked or resumed and a Lease begins, or a Reason says why not.
// No live lease, no access.
//
// Every change of state is a [Change]: all that one commit writes, its audit events among it. A store applies a Change
// whole or not at all, and never makes one up.
package provision
