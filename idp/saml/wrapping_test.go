package saml_test

import (
	"testing"

	"github.com/beevik/etree"

	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

// Signature wrapping: a signed element is there and verifies, and another one is read (Somorovsky et al., "On Breaking
// SAML", 2012). None of these may say that Mallory is the chief.

// wrap takes a signed document apart: the Response, its Assertion, and a copy of that which says something else and has
// an ID of its own, without a signature.
func wrap(t *testing.T, build func(response, assertion, evil *etree.Element)) func(string) string {
	return func(text string) string {
		t.Helper()
		doc := etree.NewDocument()
		if err := doc.ReadFromString(text); err != nil {
			t.Fatal(err)
		}
		response := doc.Root()
		assertion := response.SelectElement("Assertion")
		build(response, assertion, forged(assertion))
		out, err := doc.WriteToString()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func forged(assertion *etree.Element) *etree.Element {
	evil := assertion.Copy()
	evil.CreateAttr("ID", "_evil")
	evil.FindElement(".//NameID").SetText("the-chief")
	if signature := evil.SelectElement("Signature"); signature != nil {
		evil.RemoveChild(signature)
	}
	return evil
}

func TestWrappedSignaturesSayNothing(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	signature := func(e *etree.Element) *etree.Element { return e.SelectElement("Signature") }
	object := func(e *etree.Element) *etree.Element { return signature(e).CreateElement("ds:Object") }
	extensions := func(response *etree.Element) *etree.Element {
		e := etree.NewElement("samlp:Extensions")
		response.InsertChildAt(1, e)
		return e
	}
	type build = func(response, assertion, evil *etree.Element)
	both := func(b build) samltest.Answer { return samltest.Answer{Signed: samltest.Both, Tamper: wrap(t, b)} }
	sealed := func(b build) samltest.Answer { return samltest.Answer{Signed: samltest.Response, Tamper: wrap(t, b)} }
	inner := func(b build) samltest.Answer { return samltest.Answer{Tamper: wrap(t, b)} }

	evilResponse := func(response *etree.Element) *etree.Element {
		original := response.Copy()
		response.CreateAttr("ID", "_evil-response")
		response.FindElement(".//NameID").SetText("the-chief")
		original.RemoveChild(signature(original))
		return original
	}
	judgeAll(t, provider, p, []hostile{
		{"1: the signed response within its signature", provision.DocumentMalformed, sealed(func(response, _, _ *etree.Element) {
			signature(response).AddChild(evilResponse(response))
		})},
		{"2: the signed response before its signature", provision.DocumentMalformed, sealed(func(response, _, _ *etree.Element) {
			response.InsertChildAt(0, evilResponse(response))
		})},
		{"3: another assertion before the signed one", provision.DocumentMalformed, inner(func(response, assertion, evil *etree.Element) {
			response.InsertChildAt(assertion.Index(), evil)
		})},
		{"3: another assertion after the signed one", provision.DocumentMalformed, inner(func(response, _, evil *etree.Element) {
			response.AddChild(evil)
		})},
		{"3: another assertion in a response that is signed", provision.DocumentMalformed, both(func(response, _, evil *etree.Element) {
			response.AddChild(evil)
		})},
		{"4: the signed assertion within another", provision.DocumentMalformed, inner(func(response, assertion, evil *etree.Element) {
			response.AddChild(evil)
			evil.AddChild(assertion)
		})},
		{"5: another assertion with the signature, the signed one after it", provision.DocumentMalformed, inner(func(response, assertion, evil *etree.Element) {
			evil.InsertChildAt(1, signature(assertion))
			response.InsertChildAt(assertion.Index(), evil)
		})},
		{"6: another assertion with the signature, the signed one within that", provision.DocumentMalformed, inner(func(response, assertion, evil *etree.Element) {
			carrier := signature(assertion)
			evil.InsertChildAt(1, carrier)
			response.AddChild(evil)
			carrier.AddChild(assertion)
		})},
		{"7: an assertion of the same ID among the extensions", provision.DocumentMalformed, inner(func(response, assertion, evil *etree.Element) {
			evil.CreateAttr("ID", assertion.SelectAttrValue("ID", ""))
			extensions(response).AddChild(evil)
		})},
		{"7: an assertion among the extensions", provision.DocumentMalformed, inner(func(response, _, evil *etree.Element) {
			extensions(response).AddChild(evil)
		})},
		{"8: another assertion with the signature, the signed one in an Object", provision.DocumentMalformed, inner(func(response, assertion, evil *etree.Element) {
			evil.InsertChildAt(1, signature(assertion))
			response.AddChild(evil)
			object(evil).AddChild(assertion)
		})},
		{"9: another assertion as a child of the signed one", provision.DocumentMalformed, inner(func(_, assertion, evil *etree.Element) {
			assertion.AddChild(evil)
		})},
		{"10: an assertion as advice", provision.DocumentMalformed, inner(func(_, assertion, evil *etree.Element) {
			assertion.CreateElement("saml:Advice").AddChild(evil)
		})},
		{"an assertion in the status detail", provision.DocumentMalformed, inner(func(response, _, evil *etree.Element) {
			response.SelectElement("Status").CreateElement("samlp:StatusDetail").AddChild(evil)
		})},
		{"an assertion in an Object of the signature", provision.DocumentMalformed, inner(func(_, assertion, evil *etree.Element) {
			object(assertion).AddChild(evil)
		})},
		{"anything else in an Object of the signature", provision.SignatureInvalid, inner(func(_, assertion, _ *etree.Element) {
			object(assertion).SetText("hello")
		})},
		{"another subject in the signature", provision.SignatureInvalid, inner(func(_, assertion, evil *etree.Element) {
			signature(assertion).AddChild(evil.SelectElement("Subject"))
		})},
		{"an assertion of a namespace that looks like the right one", provision.DocumentMalformed, inner(func(response, _, evil *etree.Element) {
			evil.CreateAttr("xmlns:saml", "urn:oasis:names:tc:SAML:2.0:assertion ")
			extensions(response).AddChild(evil)
		})},
		{"the same, beside the right one", provision.DocumentMalformed, inner(func(response, _, evil *etree.Element) {
			evil.CreateAttr("xmlns:saml", "urn:oasis:names:tc:SAML:2.0:assertion ")
			response.AddChild(evil)
		})},
		{"the signature of the assertion on an evil response", provision.SignatureInvalid, inner(func(response, assertion, _ *etree.Element) {
			response.InsertChildAt(1, signature(assertion))
			assertion.FindElement(".//NameID").SetText("the-chief")
		})},
		{"the signature of the response on an evil assertion", provision.SignatureInvalid, sealed(func(response, assertion, _ *etree.Element) {
			assertion.InsertChildAt(1, signature(response))
			assertion.FindElement(".//NameID").SetText("the-chief")
		})},
		{"only the evil assertion, with the signature of the good one", provision.SignatureInvalid, inner(func(response, assertion, evil *etree.Element) {
			evil.InsertChildAt(1, signature(assertion))
			response.RemoveChild(assertion)
			response.AddChild(evil)
		})},
		{"the same, under the ID of the good one", provision.SignatureInvalid, inner(func(response, assertion, evil *etree.Element) {
			evil.CreateAttr("ID", assertion.SelectAttrValue("ID", ""))
			evil.InsertChildAt(1, signature(assertion))
			response.RemoveChild(assertion)
			response.AddChild(evil)
		})},
		{"a signature far from what it signs", provision.SignatureInvalid, inner(func(response, assertion, _ *etree.Element) {
			extensions(response).AddChild(signature(assertion))
		})},
		{"a signed response with an assertion whose signature is another's", provision.SignatureInvalid, samltest.Answer{Signed: samltest.Assertion, Tamper: func(doc string) string {
			doc = wrap(t, func(_, assertion, _ *etree.Element) { assertion.FindElement(".//NameID").SetText("the-chief") })(doc)
			return provider.Sign(t, doc, "Response", samltest.Answer{})
		}}},
		{"an ID in a namespace", provision.DocumentMalformed, inner(func(response, assertion, _ *etree.Element) {
			response.CreateAttr("samlp:ID", assertion.SelectAttrValue("ID", ""))
		})},
		{"the ID in small letters", provision.DocumentMalformed, inner(func(response, assertion, _ *etree.Element) {
			response.CreateAttr("id", assertion.SelectAttrValue("ID", ""))
		})},
	})
}
