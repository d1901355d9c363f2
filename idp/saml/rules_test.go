package saml_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"leasehold/idp"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

// edited are cases whose document is changed before it is signed: the provider itself speaks so.
func edited(name string, want provision.Reason, edits ...func(string) string) hostile {
	return hostile{name, want, samltest.Answer{Edit: chain(edits...)}}
}

func TestAnswersThatAreNotForUsNowAreRefused(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	sub := func(before, after string) func(string) string { return swap(t, before, after) }
	drop := func(from, to string) func(string) string {
		return func(doc string) string { return swap(t, between(t, doc, from, to), "")(doc) }
	}
	const (
		success      = "urn:oasis:names:tc:SAML:2.0:status:Success"
		issuer       = "<saml:Issuer>https://idp.acme.test/metadata</saml:Issuer>"
		wrong        = "<saml:Issuer>https://evil.test/metadata</saml:Issuer>"
		audience     = "<saml:Audience>" + base + "metadata</saml:Audience>"
		restriction  = "<saml:AudienceRestriction>" + audience + "</saml:AudienceRestriction>"
		foreign      = "<saml:AudienceRestriction><saml:Audience>https://other.test</saml:Audience></saml:AudienceRestriction>"
		destination  = ` Destination="` + base + `acs"`
		recipient    = ` Recipient="` + base + `acs"`
		bearer       = ` Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"`
		confirmation = "<saml:SubjectConfirmation" + bearer + ">"
	)
	sealed := func(name string, want provision.Reason, edit func(string) string) hostile {
		return hostile{name, want, samltest.Answer{Signed: samltest.Response, Edit: edit}}
	}
	judgeAll(t, provider, p, []hostile{
		edited("a failure", provision.IdPStatus, sub(success, "urn:oasis:names:tc:SAML:2.0:status:Responder")),
		edited("a failure without an assertion", provision.IdPStatus, sub(success, "urn:oasis:names:tc:SAML:2.0:status:Requester"),
			drop("<saml:Assertion ", "</saml:Assertion>")).unsigned(),
		edited("success within a failure", provision.IdPStatus, sub(`<samlp:StatusCode Value="`+success+`"/>`,
			`<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"><samlp:StatusCode Value="`+success+`"/></samlp:StatusCode>`)),
		edited("no status", provision.DocumentMalformed, drop("<samlp:Status>", "</samlp:Status>")),
		edited("two status codes", provision.DocumentMalformed, sub("<samlp:Status>", `<samlp:Status><samlp:StatusCode Value="`+success+`"/>`)),
		edited("an encrypted assertion", provision.EncryptedRefused, sub("<saml:Assertion ", "<saml:EncryptedAssertion/><saml:Assertion ")),
		edited("only an encrypted assertion", provision.EncryptedRefused, drop("<saml:Assertion ", "</saml:Assertion>"), sub("</samlp:Response>", "<saml:EncryptedAssertion/></samlp:Response>")).unsigned(),
		edited("no assertion", provision.DocumentMalformed, drop("<saml:Assertion ", "</saml:Assertion>")).unsigned(),

		edited("another version", provision.DocumentMalformed, sub(`Version="2.0"`, `Version="1.1"`)),
		edited("another version of the assertion", provision.DocumentMalformed, func(doc string) string { return sub(between(t, doc, `ID="_a-`, `2.0"`), `ID="_a" Version="2.1"`)(doc) }),
		edited("an ID that is none", provision.DocumentMalformed, sub(` ID="_r-`, ` ID="0`)),
		edited("no ID", provision.DocumentMalformed, func(doc string) string { return sub(" "+between(t, doc, `ID="_r-`, `"`), "")(doc) }),
		edited("an endless ID", provision.DocumentMalformed, sub(` ID="_r-`, fmt.Sprintf(` ID="_r-%0128d`, 1))),

		edited("another issuer of the assertion", provision.IssuerMismatch, sub(issuer+"<saml:Subject>", wrong+"<saml:Subject>")),
		edited("another issuer of the response", provision.IssuerMismatch, sub(issuer, wrong)),
		edited("an issuer with a blank", provision.IssuerMismatch, sub(issuer+"<saml:Subject>", "<saml:Issuer> https://idp.acme.test/metadata</saml:Issuer><saml:Subject>")),
		edited("no issuer of the assertion", provision.DocumentMalformed, sub(issuer+"<saml:Subject>", "<saml:Subject>")),
		edited("two issuers of the assertion", provision.DocumentMalformed, sub(issuer+"<saml:Subject>", issuer+wrong+"<saml:Subject>")),
		sealed("no issuer of a signed response", provision.IssuerMismatch, sub(issuer, "")),

		edited("another destination", provision.DestinationMismatch, sub(destination, ` Destination="https://evil.test/acs"`)),
		edited("a relative destination", provision.DestinationMismatch, sub(destination, ` Destination="/idp/acme-saml/acs"`)),
		edited("an empty destination", provision.DestinationMismatch, sub(destination, ` Destination=""`)),
		sealed("no destination of a signed response", provision.DestinationMismatch, sub(destination, "")),

		edited("an answer to another request", provision.InResponseToMismatch, func(doc string) string {
			return sub(between(t, doc, ` InResponseTo="`, `"`), ` InResponseTo="_x"`)(doc)
		}),
		edited("an answer to nothing", provision.Unsolicited, func(doc string) string { return sub(between(t, doc, ` InResponseTo="`, `"`), "")(doc) }),
		edited("a confirmation for another request", provision.InResponseToMismatch, lastAnswer(t, ` InResponseTo="_x"`)),
		edited("a confirmation for no request", provision.InResponseToMismatch, lastAnswer(t, "")),

		edited("another recipient", provision.RecipientMismatch, sub(recipient, ` Recipient="https://evil.test/acs"`)),
		edited("a recipient that begins as ours", provision.RecipientMismatch, sub(recipient, ` Recipient="`+base+`acs/more"`)),
		edited("no recipient", provision.RecipientMismatch, sub(recipient, "")),
		edited("no confirmation", provision.ConfirmationInvalid, drop("<saml:SubjectConfirmation ", "</saml:SubjectConfirmation>")),
		edited("a confirmation of another method", provision.ConfirmationInvalid, sub(bearer, ` Method="urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"`)),
		edited("a confirmation of the holder of a key", provision.ConfirmationInvalid, sub(bearer, ` Method="urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"`)),
		edited("a confirmation of no method", provision.ConfirmationInvalid, sub(bearer, "")),
		edited("a confirmation without data", provision.ConfirmationInvalid, drop("<saml:SubjectConfirmationData ", "/>")),
		edited("a confirmation with data twice", provision.ConfirmationInvalid, func(doc string) string {
			data := between(t, doc, "<saml:SubjectConfirmationData ", "/>")
			return sub(data, data+data)(doc)
		}),
		edited("two confirmations, each half right", provision.InResponseToMismatch, func(doc string) string {
			whole := between(t, doc, confirmation, "</saml:SubjectConfirmation>")
			other := sub(recipient, ` Recipient="https://evil.test/acs"`)(whole)
			return sub(whole, other+lastAnswer(t, ` InResponseTo="_x"`)(whole))(doc)
		}),

		edited("another audience", provision.AudienceMismatch, sub(audience, "<saml:Audience>https://other.test</saml:Audience>")),
		edited("an audience that begins as ours", provision.AudienceMismatch, sub("metadata</saml:Audience>", "metadata/</saml:Audience>")),
		edited("an audience in capitals", provision.AudienceMismatch, sub("https://sso.example.com/idp/acme-saml/metadata</saml:Audience>", "https://SSO.example.com/idp/acme-saml/metadata</saml:Audience>")),
		edited("an audience with a blank", provision.AudienceMismatch, sub("metadata</saml:Audience>", "metadata </saml:Audience>")),
		edited("no audience", provision.AudienceMismatch, sub(restriction, "")),
		edited("an empty restriction", provision.AudienceMismatch, sub(audience, "")),
		edited("two restrictions, one of which names others", provision.AudienceMismatch, sub(restriction, restriction+foreign)),
		edited("the same, the other way round", provision.AudienceMismatch, sub(restriction, foreign+restriction)),
		edited("a condition that nobody understands", provision.DocumentMalformed, sub("</saml:Conditions>", `<saml:Condition xmlns:x="urn:x"/></saml:Conditions>`)),
		edited("no conditions", provision.DocumentMalformed, drop("<saml:Conditions ", "</saml:Conditions>")),
		edited("conditions twice", provision.DocumentMalformed, sub("<saml:AuthnStatement ", "<saml:Conditions/><saml:AuthnStatement ")),

		edited("no statement of authentication", provision.DocumentMalformed, drop("<saml:AuthnStatement ", "</saml:AuthnStatement>")),
		edited("no context of authentication", provision.DocumentMalformed, drop("<saml:AuthnContext>", "</saml:AuthnContext>")),
		edited("two subjects", provision.DocumentMalformed, func(doc string) string {
			subject := between(t, doc, "<saml:Subject>", "</saml:Subject>")
			return sub(subject, subject+subject)(doc)
		}),
		edited("no subject", provision.DocumentMalformed, drop("<saml:Subject>", "</saml:Subject>")),
	})
}

// unsigned is for cases that have no assertion to sign.
func (h hostile) unsigned() hostile {
	h.answer.Signed = samltest.Neither
	return h
}

// lastAnswer puts something in place of the InResponseTo of the confirmation, which is the document's last.
func lastAnswer(t testing.TB, after string) func(string) string {
	return func(doc string) string {
		data := between(t, doc, "<saml:SubjectConfirmationData ", "/>")
		return swap(t, data, swap(t, between(t, data, ` InResponseTo="`, `"`), after)(data))(doc)
	}
}

// retime sets times of a document, as "end=-59s begin=-10m": distances from now.
func retime(t *testing.T, now time.Time, set string) func(string) string {
	places := map[string]string{
		"begin": ` NotBefore="`, "end": `Z" NotOnOrAfter="`, "confirm": `<saml:SubjectConfirmationData NotOnOrAfter="`, "login": ` AuthnInstant="`, "issue": ` IssueInstant="`,
	}
	return func(doc string) string {
		t.Helper()
		for _, one := range strings.Fields(set) {
			place, distance, _ := strings.Cut(one, "=")
			after, err := time.ParseDuration(distance)
			if err != nil {
				t.Fatal(err)
			}
			stamp := now.Add(after).Format(time.RFC3339)
			before := between(t, doc, places[place], `"`)
			doc = strings.ReplaceAll(doc, before, places[place]+stamp+`"`)
		}
		return doc
	}
}

func TestTimesAreHeldToTheSecond(t *testing.T) {
	provider := samltest.New(t)
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	provider.Now = func() time.Time { return now }
	p := serviceProvider(t, provider, nil)
	house, honest := whole(t, provider, p)
	const pass provision.Reason = ""
	for _, c := range []struct {
		name, set string
		want      provision.Reason
	}{
		{"issued 6 minutes ago", "issue=-6m", pass},
		{"issued longer ago", "issue=-6m1s", provision.Expired},
		{"issued in a minute", "issue=60s", pass},
		{"issued later", "issue=61s", provision.NotYetValid},
		{"valid from in a minute", "begin=60s", pass},
		{"valid from later", "begin=61s", provision.NotYetValid},
		{"valid until 59 seconds ago", "begin=-10m end=-59s", pass},
		{"valid until a minute ago", "begin=-10m end=-60s", provision.Expired},
		{"valid for an hour", "end=1h", pass},
		{"valid for longer", "end=1h1s", provision.DocumentMalformed},
		{"valid for ten years", "end=87600h", provision.DocumentMalformed},
		{"valid until before it begins", "begin=30s end=29s", provision.DocumentMalformed},
		{"valid never", "begin=30s end=30s", provision.DocumentMalformed},
		{"confirmed until 59 seconds ago", "confirm=-59s", pass},
		{"confirmed until a minute ago", "confirm=-60s", provision.Expired},
		{"confirmed for an hour", "confirm=1h", pass},
		{"confirmed for longer", "confirm=1h1s", provision.ConfirmationInvalid},
		{"logged in yesterday", "login=-24h", pass},
		{"logged in in a minute", "login=60s", pass},
		{"logged in later", "login=61s", provision.NotYetValid},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, address := begin(t, p)
			answer := func(address string) url.Values {
				return provider.Respond(t, address, samltest.Answer{Person: alice(), Edit: retime(t, now, c.set)})
			}
			got, err := p.Verify(context.Background(), a, answer(address))
			if c.want == pass && err != nil {
				t.Fatal(err)
			}
			if c.want != pass {
				refused(t, got, err, c.want)
				house.Refuses(t, c.want, answer, honest)
			}
			house.Admits(t, "the honest login after it", honest)
		})
	}
}

func TestTimesThatAreMissingOrNoneAreRefused(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	without := func(from string) func(string) string {
		return func(doc string) string { return swap(t, between(t, doc, from, `"`), strings.Split(from, " ")[0])(doc) }
	}
	var cases []hostile
	for _, c := range []struct {
		name, place string
		want        provision.Reason
	}{
		{"the issue of the response", ` IssueInstant="`, provision.DocumentMalformed},
		{"the end of the conditions", `Z" NotOnOrAfter="`, provision.DocumentMalformed},
		{"the end of the confirmation", `<saml:SubjectConfirmationData NotOnOrAfter="`, provision.ConfirmationInvalid},
		{"the authentication", `<saml:AuthnStatement AuthnInstant="`, provision.DocumentMalformed},
	} {
		edit := without(c.place)
		if strings.HasPrefix(c.place, "Z") {
			edit = func(doc string) string { return swap(t, between(t, doc, c.place, `"`), `Z"`)(doc) }
		}
		cases = append(cases, edited("no time of "+c.name, c.want, edit))
		for _, nonsense := range []string{"", "now", "2026-11-24", "2026-11-24T12:00:00", "2026-11-24T12:00:00+01:00", "1795521600", "0001-01-01T00:00:00Z"} {
			cases = append(cases, edited(c.name+" at "+nonsense, c.want, func(doc string) string {
				return swap(t, between(t, doc, c.place, `"`), c.place+nonsense+`"`)(doc)
			}))
		}
	}
	cases = append(cases,
		edited("a confirmation with a beginning", provision.ConfirmationInvalid, swap(t, "<saml:SubjectConfirmationData ", `<saml:SubjectConfirmationData NotBefore="2020-01-01T00:00:00Z" `)),
		edited("an end of the session in the year 1", provision.DocumentMalformed, swap(t, ` SessionIndex=`, ` SessionNotOnOrAfter="0001-01-01T00:00:00Z" SessionIndex=`)),
		edited("an end of the session that is none", provision.DocumentMalformed, swap(t, ` SessionIndex=`, ` SessionNotOnOrAfter="tomorrow" SessionIndex=`)),
	)
	judgeAll(t, provider, p, cases)
}

func TestASessionThatIsOverIsPassedOnAndTheEarliestEndCounts(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	a, address := begin(t, p)
	over, later := time.Now().Add(-time.Hour).UTC().Truncate(time.Second), time.Now().Add(time.Hour)
	who := alice()
	who.SessionEnd = later
	second := fmt.Sprintf(`<saml:AuthnStatement AuthnInstant="%s" SessionNotOnOrAfter="%s"><saml:AuthnContext/></saml:AuthnStatement></saml:Assertion>`,
		over.Add(-time.Hour).Format(time.RFC3339), over.Format(time.RFC3339))
	got, err := p.Verify(context.Background(), a, provider.Respond(t, address, samltest.Answer{Person: who, Edit: swap(t, "</saml:Assertion>", second)}))
	if err != nil {
		t.Fatal(err)
	}
	if !got.Authn.SessionEnd.Equal(over) || !got.Authn.At.Equal(over.Add(-time.Hour)) {
		t.Errorf("authn %+v, want the earlier of both", got.Authn)
	}
}

func TestAnAttemptThatAskedNothingIsNotAnswered(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	_, address := begin(t, p)
	got, err := p.Verify(context.Background(), idp.Attempt{ID: "attempt-1"}, provider.Answer(t, address, alice()))
	refused(t, got, err, provision.Unsolicited)
	blank := func(doc string) string {
		return swap(t, between(t, doc, ` InResponseTo="`, `"`), ` InResponseTo=""`)(doc)
	}
	got, err = p.Verify(context.Background(), idp.Attempt{ID: "attempt-1"}, provider.Respond(t, address, samltest.Answer{Person: alice(), Edit: blank}))
	refused(t, got, err, provision.Unsolicited)
}
