package saml

import (
	"encoding/base64"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"leasehold/idp"
	"leasehold/provision"
)

var _ idp.Inspector = (*Provider)(nil)

// Inspect judges a response that somebody pasted, by every rule but two: it answers whatever request it says it answers,
// and one that is too old, or too young, is judged as of the moment when it was issued. Its assertion has nothing to be
// spent, and no login may be made of it.
func (p *Provider) Inspect(pasted string) (said provision.Assertion, asOf time.Time, err error) {
	doc, err := unpasted(pasted)
	if err != nil {
		return said, asOf, err
	}
	root, err := scan(doc, false)
	if err != nil {
		return said, asOf, err
	}
	posted, err := p.open(root)
	if err != nil {
		return said, asOf, err
	}
	verified, err := p.verify(posted)
	if err != nil {
		return said, asOf, err
	}
	a := idp.Attempt{Connection: p.connection.ID, Trial: true}
	a.RequestID, _ = attribute(verified.response, "InResponseTo")
	now := p.now()
	if issued, err := instant(verified.response, "IssueInstant"); err == nil && !issued.IsZero() && (issued.After(now.Add(skew)) || issued.Before(now.Add(-maxAge-skew))) {
		now, asOf = issued, issued
	}
	if said, err = p.judge(verified, a, now); err != nil {
		said.Survey = p.survey(verified, a, now)
	}
	said.Spend, said.Upstream = nil, provision.UpstreamSession{}
	return said, asOf, err
}

// unpasted is the document in what somebody pasted: XML, or base64 as it stands in a form, perhaps percent-encoded and with
// the name of its field.
func unpasted(pasted string) ([]byte, error) {
	pasted = strings.TrimSpace(pasted)
	switch {
	case pasted == "":
		return nil, malformed("nothing was pasted")
	case len(pasted) > 2*maxDocument:
		return nil, idp.Reject(provision.MessageTooLarge, "%d bytes were pasted, at most %d are read", len(pasted), 2*maxDocument)
	case strings.HasPrefix(pasted, "<"):
		return checkedText([]byte(pasted))
	}
	if _, after, named := strings.Cut(pasted, "SAMLResponse="); named {
		pasted, _, _ = strings.Cut(after, "&")
	}
	if strings.Contains(pasted, "%") {
		if plain, err := url.QueryUnescape(pasted); err == nil {
			pasted = plain
		}
	}
	doc, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(pasted), ""))
	if err != nil {
		return nil, malformed("what was pasted is neither XML nor base64: %w", err)
	}
	return checkedText(doc)
}

func checkedText(doc []byte) ([]byte, error) {
	switch {
	case len(doc) > maxDocument:
		return nil, idp.Reject(provision.MessageTooLarge, "response of %d bytes, at most %d are read", len(doc), maxDocument)
	case !utf8.Valid(doc):
		return nil, malformed("response is not UTF-8")
	}
	return doc, nil
}
