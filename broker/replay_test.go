package broker_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/idp"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

func TestAnAssertionIsUsedOnceAlsoAcrossARestart(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	going, err := h.Begin(ctx, broker.Wish{Browser: "b", Connection: "acme-saml"})
	if err != nil {
		t.Fatal(err)
	}
	form := h.saml.Answer(t, going.URL, adaBySAML())
	id, err := h.Receive(ctx, "acme-saml", form, provision.Requester{})
	if err != nil {
		t.Fatal(err)
	}
	back := broker.Return{Connection: "acme-saml", Attempt: id, Browser: "b"}
	if _, err := h.Login(ctx, back); err != nil {
		t.Fatal(err)
	}
	h.login(with(somebody(1), "assertion", "a1"))

	h.restart()
	if _, err := h.Receive(ctx, "acme-saml", form, provision.Requester{}); err == nil {
		t.Error("the response is taken a second time")
	}
	l, err := h.Login(ctx, back)
	wantDenied(t, provision.AttemptUnknown, l, err)

	// Nor in a login of somebody else's, whose name it is posted under.
	going, err = h.Begin(ctx, broker.Wish{Browser: "thief", Connection: "acme-saml"})
	if err != nil {
		t.Fatal(err)
	}
	stolen := h.saml.Answer(t, going.URL, adaBySAML())
	form.Set("RelayState", stolen.Get("RelayState"))
	_, err = h.Receive(ctx, "acme-saml", form, provision.Requester{})
	wantDenied(t, provision.InResponseToMismatch, provision.Lease{}, err)

	// And where a protocol has nothing of the sort, the ledger remembers.
	h.refused(with(somebody(1), "assertion", "a1"), provision.Replayed)
	h.login(with(somebody(1), "assertion", "a2"))

	// The honest login beside all that gets in.
	if id, err = h.Receive(ctx, "acme-saml", stolen, provision.Requester{}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Login(ctx, broker.Return{Connection: "acme-saml", Attempt: id, Browser: "thief"}); err != nil {
		t.Error(err)
	}
}

// reissue is a login under way whose answer has the assertion ID of all the others: a provider that says a thing twice,
// or somebody who could make it.
func (h *house) reissue(id string) errand {
	h.t.Helper()
	e := errand{connection: "acme-saml", browser: "b-" + rand.Text()}
	going, err := h.Begin(context.Background(), broker.Wish{Browser: e.browser, Connection: e.connection})
	if err != nil {
		h.t.Fatal(err)
	}
	e.form = h.saml.Respond(h.t, going.URL, samltest.Answer{Person: adaBySAML(), Edit: func(doc string) string {
		return regexp.MustCompile(` ID="_a-\w+"`).ReplaceAllString(doc, ` ID="`+id+`"`)
	}})
	e.attempt = idp.AttemptID(e.form.Get("RelayState"))
	return e
}

func TestAnAssertionIsUsedOnceHoweverItComesAgain(t *testing.T) {
	h := newHouse(t)
	first := h.reissue("_once")
	if _, err := h.finish(first); err != nil {
		t.Fatal(err)
	}
	assertion := regexp.MustCompile(`(?s)<saml:Assertion.*</saml:Assertion>`)
	document := func(form url.Values) string {
		text, err := base64.StdEncoding.DecodeString(form.Get("SAMLResponse"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, again := range map[string]struct {
		reason provision.Reason
		try    func() (provision.Lease, error)
	}{
		"as it was": {provision.AttemptUnknown, func() (provision.Lease, error) { return h.finish(first) }},
		"in an answer to another request": {provision.InResponseToMismatch, func() (provision.Lease, error) {
			e := h.reissue("_other")
			wrapped := assertion.ReplaceAllLiteralString(document(e.form), assertion.FindString(document(first.form)))
			e.form.Set("SAMLResponse", base64.StdEncoding.EncodeToString([]byte(wrapped)))
			return h.finish(e)
		}},
		"in base64 of other lines": {provision.InResponseToMismatch, func() (provision.Lease, error) {
			e := h.reissue("_other")
			text := first.form.Get("SAMLResponse")
			e.form.Set("SAMLResponse", text[:76]+"\r\n"+text[76:])
			return h.finish(e)
		}},
		"issued anew under the same ID": {provision.Replayed, func() (provision.Lease, error) { return h.finish(h.reissue("_once")) }},
		"issued anew, after a restart": {provision.Replayed, func() (provision.Lease, error) {
			inner := h.t
			h.t = t // the ledger stays open for the others
			h.restart()
			h.t = inner
			return h.finish(h.reissue("_once"))
		}},
		"issued anew, after its time by a clock that ran ahead and was put back": {provision.Replayed, func() (provision.Lease, error) {
			h.clock.pass(3 * time.Minute)
			h.clock.setBack(3 * time.Minute)
			return h.finish(h.reissue("_once"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			beside := h.reissue("_beside-" + rand.Text())
			h.wantRefusal("acme-saml", again.reason, again.try)
			if strings.Contains(name, "restart") { // with what was under way in memory
				beside = h.reissue("_after-" + rand.Text())
			}
			if _, err := h.finish(beside); err != nil {
				t.Errorf("the honest login beside it: %v", err)
			}
		})
	}
	h.t = t
}

func TestOfManyLoginsByOneAssertionAtOnceOneGetsIn(t *testing.T) {
	h := newHouse(t)
	var all sync.WaitGroup
	var in, replayed atomic.Int64
	for range 16 {
		e := h.reissue("_once")
		all.Go(func() {
			_, err := h.finish(e)
			var denied *provision.DeniedError
			switch {
			case err == nil:
				in.Add(1)
			case errors.As(err, &denied) && denied.Reason == provision.Replayed:
				replayed.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 || replayed.Load() != 15 || h.count(provision.EventLogin, "replayed") != 15 {
		t.Errorf("%d got in, %d were refused as replayed, %d events", in.Load(), replayed.Load(), h.count(provision.EventLogin, "replayed"))
	}
	if _, err := h.finish(h.reissue("_another")); err != nil {
		t.Errorf("the next honest login: %v", err)
	}
}
