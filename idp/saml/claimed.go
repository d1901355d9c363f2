package saml

import (
	"slices"
	"strings"

	"github.com/beevik/etree"

	"leasehold/provision"
)

// claimed is everything that a verified assertion says about its subject, in the order in which it says it.
func claimed(assertion, subject *etree.Element) []provision.Claimed {
	var all []provision.Claimed
	for _, e := range children(subject, nsAssertion, "NameID") {
		format, _ := attribute(e, "Format")
		name, _ := text(e) // what cannot be read has no value
		all = append(all, provision.Claimed{Name: "NameID", Values: []string{name}, Note: brief(format)}.Shown())
	}
	for _, statement := range children(assertion, nsAssertion, "AttributeStatement") {
		for _, e := range children(statement, nsAssertion, "Attribute") {
			c := provision.Claimed{}
			c.Name, _ = attribute(e, "Name")
			for _, value := range children(e, nsAssertion, "AttributeValue") {
				said, _ := text(value)
				c.Values = append(c.Values, strings.TrimSpace(said))
			}
			all = append(all, c.Shown())
		}
	}
	return slices.Clip(all[:min(len(all), provision.MaxClaimed)])
}
