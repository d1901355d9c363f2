package console

import (
	"errors"
	"net/http"
	"strings"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web"
)

// testPage is what came of the last login that this administrator tried at a connection.
type testPage struct {
	Connection provision.ConnectionID
	Protocol   provision.Protocol
	Trial      *broker.Trial // nil: none, or it was forgotten
	Lines      []broker.TrialLine
	Means, Do  string
	Hints      []string
	Warnings   []string
	Going      string // where the browser goes now; "": nowhere
	Wrong      string
}

// testLogin is the page of a connection's test login. Nothing is made by one, and nobody is let in.
func (c *Console) testLogin(v *visit) error { return c.tested(v, testPage{}) }

func (c *Console) tested(v *visit, page testPage) error {
	x, err := v.desk.Connection(v.r.Context(), v.m, provision.ConnectionID(v.id()))
	if err != nil {
		return err
	}
	page.Connection, page.Protocol = x.ID, x.Protocol
	t, err := c.Broker.TestedLogin(v.r.Context(), v.m, string(x.ID))
	if err != nil && !errors.Is(err, provision.ErrNotFound) {
		return err
	}
	if err == nil {
		page.Trial, page.Lines, page.Warnings = &t, t.Lines(), broker.SubjectWarnings(t, x)
		page.Means, page.Do = t.Reason.Meaning()
		page.Do = strings.ReplaceAll(page.Do, "`", "")
		page.Hints = provision.VendorOf(v.issuer(x)).Advise(t.Reason)
	}
	return c.show(v, http.StatusOK, "testlogin", "Test login at "+string(x.ID), page)
}

// issuer is who a connection's provider says it is, as far as its make can be told by it.
func (v *visit) issuer(x provision.Connection) string {
	if x.Protocol == provision.OIDC {
		return x.Issuer
	}
	inForce, _ := v.desk.Trust(x)
	_, after, _ := strings.Cut(inForce, "http")
	name, _, _ := strings.Cut("http"+after, " ")
	return strings.Trim(name, "\",;")
}

// tryLogin begins a test login.
func (c *Console) tryLogin(v *visit) error {
	browser, err := web.Browser(v.w, v.r)
	if err != nil {
		return err
	}
	id := v.id()
	going, err := c.Broker.TestLogin(v.r.Context(), v.m, provision.ConnectionID(id), id, "/admin/connections/"+id+"/test", broker.Wish{Browser: browser, Requester: v.From})
	if err != nil {
		return err
	}
	v.w.Header().Set("Refresh", "0; url="+going.URL)
	return c.tested(v, testPage{Going: going.URL})
}

// tryResponse judges a response that was pasted.
func (c *Console) tryResponse(v *visit) error {
	id := v.id()
	err := c.Broker.TestResponse(v.r.Context(), v.m, provision.ConnectionID(id), id, v.form("response"))
	var wrong *broker.SetupError
	if errors.As(err, &wrong) {
		return c.tested(v, testPage{Wrong: wrong.Say})
	}
	if err != nil {
		return err
	}
	move(v.w, "/admin/connections/"+id+"/test")
	return nil
}
