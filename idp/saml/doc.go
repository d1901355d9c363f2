// Package saml is a SAML 2.0 service provider for one connection: it sends a person to an identity provider (Web Browser
// SSO, SAML Profiles 4.1) and judges what comes back.
//
// A response is read cheapest first, and nothing is believed that is not signed:
//
//	form.go        size, form fields, base64, UTF-8
//	scan.go        one pass over the tokens: limits, namespaces, unique IDs; it makes the tree
//	message.go     one Response, one Assertion, signatures in their places
//	signature.go   which signatures are accepted at all
//	encrypted.go   which encryption is accepted at all, where the connection reads encrypted assertions
//	decrypt.go     the decryption; what comes of it is scanned like a document of its own
//	trust.go       the signature itself; what it covers is parsed anew, and only that is read on
//	rules.go       who, for whom, in answer to what, and when
//	confirm.go     the bearer's right to the assertion
//	facts.go       what is said about the subject
//
// What github.com/crewjam/saml offers for judging responses is not used: it panics on hostile input and leaves half of
// these checks out. Its types make our AuthnRequests.
package saml
