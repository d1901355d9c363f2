package saml_test

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"io"
	"maps"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"leasehold/idp"
	"leasehold/idp/saml"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

func TestXMLThatTwoReadersCouldReadDifferentlyIsRefused(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	tamper := func(before, after string) samltest.Answer {
		return samltest.Answer{Tamper: swap(t, before, after)}
	}
	front := func(s string) samltest.Answer { return tamper("<samlp:Response", s+"<samlp:Response") }
	const malformed, large = provision.DocumentMalformed, provision.MessageTooLarge
	judgeAll(t, provider, p, []hostile{
		{"a document type", malformed, front(`<!DOCTYPE x>`)},
		{"an entity", malformed, front(`<!DOCTYPE x [<!ENTITY who "the-chief">]>`)},
		{"an external entity", malformed, front(`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>`)},
		{"default attributes by document type", malformed, front(`<!DOCTYPE x [<!ATTLIST samlp:Response ID CDATA "x">]>`)},
		{"an undeclared entity", malformed, tamper(">alice-0001<", ">&who;<")},
		{"a comment in a name", malformed, tamper(">alice-0001<", ">alice<!-- -->-0001<")},
		{"a comment in the audience", malformed, tamper("/metadata</saml:Audience>", "/metadata<!---->.evil</saml:Audience>")},
		{"a comment outside the root", malformed, front("<!-- -->")},
		{"CDATA", malformed, tamper(">alice-0001<", "><![CDATA[alice-0001]]><")},
		{"a processing instruction", malformed, tamper(">alice-0001<", "><?x y?>alice-0001<")},
		{"a style sheet", malformed, front(`<?xml-stylesheet href="x"?>`)},
		{"a second XML declaration", malformed, front(`<?xml version="1.0"?>`)},
		{"an XML declaration after a blank", malformed, tamper(`<?xml`, "\n<?xml")},
		{"XML 1.1", malformed, tamper(`version="1.0"`, `version="1.1"`)},
		{"another encoding by name", malformed, tamper(`UTF-8`, `ISO-8859-1`)},
		{"UTF-7 by name", malformed, tamper(`UTF-8`, `UTF-7`)},
		{"UTF-16", malformed, samltest.Answer{Tamper: func(doc string) string { return "\xff\xfe" + strings.Join(strings.Split(doc, ""), "\x00") }}},
		{"bytes that are not UTF-8", malformed, tamper(">alice-0001<", ">alice\xff<")},
		{"NUL", malformed, tamper(">alice-0001<", ">alice\x00<")},
		{"a control character by number", malformed, tamper(">alice-0001<", ">alice&#1;<")},
		{"a byte order mark", malformed, samltest.Answer{Tamper: func(doc string) string { return "\ufeff" + doc }}},
		{"text before the root", malformed, front("x")},
		{"text after the root", malformed, samltest.Answer{Tamper: func(doc string) string { return doc + "x" }}},
		{"a root before the root", malformed, front("<x/>")},
		{"a second root", malformed, samltest.Answer{Tamper: func(doc string) string { return doc + "<x/>" }}},
		{"no end", malformed, tamper("</samlp:Response>", "")},
		{"an end too many", malformed, samltest.Answer{Tamper: func(doc string) string { return doc + "</x>" }}},
		{"ends that cross", malformed, tamper("</saml:Assertion></samlp:Response>", "</samlp:Response></saml:Assertion>")},
		{"an end by another prefix", malformed, tamper("</saml:Assertion>", "</samlp:Assertion>")},
		{"an undeclared prefix", malformed, tamper("<saml:Subject>", "<x:y/><saml:Subject>")},
		{"an undeclared prefix of an attribute", malformed, tamper("<saml:Subject>", `<saml:Subject x:y="">`)},
		{"a prefix out of its scope", malformed, tamper("<saml:Subject>", `<y xmlns:x="urn:x"/><x:z/><saml:Subject>`)},
		{"a name with two colons", malformed, tamper("<saml:Subject>", "<saml:a:b/><saml:Subject>")},
		{"a name that begins with a colon", malformed, tamper("<saml:Subject>", "<:a/><saml:Subject>")},
		{"a name that begins with two", malformed, tamper("<saml:Subject>", "<::a/><saml:Subject>")},
		{"a name that ends with a colon", malformed, tamper("<saml:Subject>", "<saml:/><saml:Subject>")},
		{"an attribute with two colons", malformed, tamper("<saml:Subject>", `<saml:Subject saml:a:b="">`)},
		{"an attribute that begins with a colon", malformed, tamper("<saml:Subject>", `<saml:Subject :a="">`)},
		{"an attribute twice", malformed, tamper(`Version="2.0"`, `Version="2.0" Version="2.0"`)},
		{"an attribute twice by two prefixes", malformed, tamper("<saml:Subject>", `<saml:Subject xmlns:a="urn:x" xmlns:b="urn:x" a:y="" b:y="">`)},
		{"a declaration twice", malformed, tamper("<saml:Subject>", `<saml:Subject xmlns:a="urn:x" xmlns:a="urn:y">`)},
		{"an attribute without quotes", malformed, tamper(`Version="2.0"`, `Version=2.0`)},
		{"an attribute without a value", malformed, tamper(`Version="2.0"`, `Version="2.0" x`)},
		{"the prefix xml bound anew", malformed, tamper("<saml:Subject>", `<saml:Subject xmlns:xml="urn:x">`)},
		{"the prefix xmlns bound", malformed, tamper("<saml:Subject>", `<saml:Subject xmlns:xmlns="urn:x">`)},
		{"a prefix like a reserved one", malformed, tamper("<saml:Subject>", `<saml:Subject xmlns:XmlX="urn:x">`)},
		{"a prefix bound to a reserved namespace", malformed, tamper("<saml:Subject>", `<saml:Subject xmlns:a="http://www.w3.org/2000/xmlns/">`)},
		{"an element of the prefix xmlns", malformed, tamper("<saml:Subject>", `<xmlns:a/><saml:Subject>`)},
		{"a relative namespace", malformed, tamper("<samlp:Response", `<samlp:Response xmlns:a="relative"`)},
		{"a prefix unbound", malformed, tamper("<saml:Subject>", `<saml:Subject xmlns:a="">`)},
		{"one ID twice", malformed, tamper("<samlp:Status>", `<samlp:Extensions><x ID="a"/><y Id="a"/></samlp:Extensions><samlp:Status>`)},
		{"an ID of xml", malformed, tamper("<samlp:Status>", `<samlp:Extensions><x xml:id="a"/></samlp:Extensions><samlp:Status>`)},
		{"another root", malformed, samltest.Answer{Tamper: func(doc string) string { return strings.ReplaceAll(doc, "samlp:Response", "samlp:ArtifactResponse") }}},
		{"a root of another namespace", malformed, tamper(`xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"`, `xmlns:samlp="urn:oasis:names:tc:SAML:1.0:protocol"`)},
		{"a namespace rebound within", malformed, tamper("<samlp:Status>", `<samlp:Status xmlns:samlp="urn:x">`)},
		{"an empty document", malformed, samltest.Answer{Tamper: func(string) string { return "" }}},
		{"a deflated document, as in an address", malformed, samltest.Answer{Tamper: deflated}},
		{"blanks only", malformed, samltest.Answer{Tamper: func(string) string { return " \n" }}},
		{"31 levels", large, tamper("<samlp:Status>", "<samlp:Extensions>"+strings.Repeat("<x>", 29)+strings.Repeat("</x>", 29)+"</samlp:Extensions><samlp:Status>")},
		{"17 attributes", large, tamper("<samlp:Status>", `<samlp:Extensions><x a="" b="" c="" d="" e="" f="" g="" h="" i="" j="" k="" l="" m="" n="" o="" p="" q=""/></samlp:Extensions><samlp:Status>`)},
		{"20,001 tokens", large, tamper("<samlp:Status>", "<samlp:Extensions>"+strings.Repeat("<x/>", 10_000)+"</samlp:Extensions><samlp:Status>")},
		{"more than 1 MiB", large, samltest.Answer{Tamper: func(doc string) string { return doc + strings.Repeat(" ", 1<<20) }}},
	})
}

// deflated is a document as HTTP-Redirect has it. What is posted is never unpacked, whatever it would grow to.
func deflated(doc string) string {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return doc
	}
	_, _ = io.WriteString(w, doc+strings.Repeat(" ", 4<<20))
	_ = w.Close()
	return packed.String()
}

func TestThirtyLevelsAndSixteenAttributesPass(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	a, address := begin(t, p)
	edit := swap(t, "<samlp:Status>", `<samlp:Extensions>`+strings.Repeat("<x>", 28)+strings.Repeat("</x>", 28)+
		`<x a="" b="" c="" d="" e="" f="" g="" h="" i="" j="" k="" l="" m="" n="" o="" p=""/></samlp:Extensions><samlp:Status>`)
	if _, err := p.Verify(context.Background(), a, provider.Respond(t, address, samltest.Answer{Person: alice(), Edit: edit})); err != nil {
		t.Error(err)
	}
}

func TestGiantsCostNextToNothing(t *testing.T) {
	p := serviceProvider(t, samltest.New(t), nil)
	for name, c := range map[string]struct {
		doc  string
		most time.Duration // of CPU; within 1 MiB a test must also bear the race detector, but not a square
	}{
		"40 MB":                         {strings.Repeat(" ", 40<<20), 50 * time.Millisecond},
		"500,000 levels":                {strings.Repeat("<a>", 500_000), 50 * time.Millisecond},
		"as deep as 1 MiB goes":         {strings.Repeat("<a>", 300_000), time.Second},
		"as wide as 1 MiB goes":         {"<a>" + strings.Repeat("<a/>", 250_000), time.Second},
		"an element of one attribute":   {`<a b="` + strings.Repeat("x", 1<<19) + `"/>`, time.Second},
		"an element of 100,000 of them": {"<a " + strings.Repeat(`a="" `, 100_000) + "/>", time.Second},
		"a name of 512 KiB":             {"<" + strings.Repeat("a", 1<<19) + "/>", time.Second},
		"entities":                      {strings.Repeat("&amp;", 200_000), time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			spent, grown := costOfRefusing(t, p, c.doc)
			if spent > c.most {
				t.Errorf("refusing it took %s of CPU", spent)
			}
			if grown > 64<<20 {
				t.Errorf("refusing it took %d MiB", grown>>20)
			}
		})
	}
}

// costOfRefusing is what refusing a document takes, in CPU and in bytes allocated.
func costOfRefusing(t *testing.T, p *saml.Provider, doc string) (time.Duration, uint64) {
	t.Helper()
	form := formOf(doc)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := cpu(t)
	got, err := p.Verify(context.Background(), idp.Attempt{ID: "attempt-1"}, form)
	spent := cpu(t) - began
	runtime.ReadMemStats(&after)
	if err == nil || got.Facts.Subject != "" {
		t.Fatal("it was let in")
	}
	return spent, after.TotalAlloc - before.TotalAlloc
}

// cpu is what this process has used so far.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

func TestFormsThatAreNoAnswerAreRefused(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	house, honest := whole(t, provider, p)
	a, address := begin(t, p)
	answer := provider.Answer(t, address, alice()).Get("SAMLResponse")
	for name, c := range map[string]struct {
		want provision.Reason
		form map[string][]string
	}{
		"nothing":               {provision.DocumentMalformed, nil},
		"no response":           {provision.DocumentMalformed, map[string][]string{"RelayState": {"attempt-1"}}},
		"an empty response":     {provision.DocumentMalformed, map[string][]string{"SAMLResponse": {""}}},
		"two responses":         {provision.DocumentMalformed, map[string][]string{"SAMLResponse": {answer, answer}}},
		"two RelayStates":       {provision.DocumentMalformed, map[string][]string{"SAMLResponse": {answer}, "RelayState": {"attempt-1", "attempt-1"}}},
		"another RelayState":    {provision.StateMismatch, map[string][]string{"SAMLResponse": {answer}, "RelayState": {"attempt-2"}}},
		"an artifact":           {provision.DocumentMalformed, map[string][]string{"SAMLResponse": {answer}, "SAMLart": {"x"}}},
		"a request":             {provision.DocumentMalformed, map[string][]string{"SAMLResponse": {answer}, "SAMLRequest": {"x"}}},
		"no base64":             {provision.DocumentMalformed, map[string][]string{"SAMLResponse": {"<xml/>"}}},
		"base64 for URLs":       {provision.DocumentMalformed, map[string][]string{"SAMLResponse": {"_-__"}}},
		"base64 without end":    {provision.DocumentMalformed, map[string][]string{"SAMLResponse": {answer[:len(answer)-1] + "A"}}},
		"more after the base64": {provision.DocumentMalformed, map[string][]string{"SAMLResponse": {answer + "===="}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := p.Verify(context.Background(), a, c.form)
			refused(t, got, err, c.want)
			if c.want == provision.StateMismatch {
				return // without its name nobody finds the attempt
			}
			house.Refuses(t, c.want, func(address string) url.Values {
				form, state := url.Values{}, samltest.ReadRequest(t, address).RelayState
				maps.Copy(form, c.form)
				form["RelayState"] = slices.Repeat([]string{state}, max(1, len(c.form["RelayState"])))
				return form
			}, honest)
			house.Admits(t, "the honest login after it", honest)
		})
	}
	lines := answer[:76] + "\r\n" + answer[76:] + "\n"
	if _, err := p.Verify(context.Background(), a, map[string][]string{"SAMLResponse": {lines}}); err != nil {
		t.Errorf("base64 in lines: %v", err)
	}
	doc := docOf(t, map[string][]string{"SAMLResponse": {answer}})
	doc += strings.Repeat(" ", 3-len(doc)%3) + " " // one byte is left over, and four bits that say nothing
	loose := strings.Replace(base64.StdEncoding.EncodeToString([]byte(doc)), "A==", "B==", 1)
	got, err := p.Verify(context.Background(), a, map[string][]string{"SAMLResponse": {strings.Replace(loose, "B==", "A==", 1)}})
	if err != nil {
		t.Fatalf("blanks at the end: %v, %+v", err, got)
	}
	got, err = p.Verify(context.Background(), a, map[string][]string{"SAMLResponse": {loose}})
	refused(t, got, err, provision.DocumentMalformed)
}
