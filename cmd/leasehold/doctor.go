package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web"
)

type doctorCommand struct {
	Ref string `arg:"" help:"What the page shows: dec_…, evt_… or req_…" placeholder:"REFERENCE"`
}

// Run prints what is known about a reference.
func (c doctorCommand) Run(s *surroundings) error {
	return show(s, atHost(http.MethodGet, "/doctor/"+url.PathEscape(c.Ref), nil, nil), printDiagnosis)
}

// diagnosis is why somebody was refused, and what to do. It is for operators, and holds no secret; no browser sees it.
type diagnosis struct {
	Ref        string                 `json:"ref"`
	Time       time.Time              `json:"time"`
	Outcome    string                 `json:"outcome"`
	Code       string                 `json:"code,omitempty"`
	Check      string                 `json:"check,omitempty"`
	Tenant     provision.TenantID     `json:"tenant,omitempty"`
	Connection provision.ConnectionID `json:"connection,omitempty"`
	App        string                 `json:"app,omitempty"`
	Account    provision.AccountID    `json:"account,omitempty"`
	Subject    string                 `json:"subject,omitempty"`
	Email      string                 `json:"email,omitempty"`
	Requester  web.LineRequester      `json:"requester,omitzero"`
	Found      string                 `json:"found,omitempty"` // what was expected, and what came
	Means      string                 `json:"means,omitempty"`
	Do         string                 `json:"do,omitempty"`
	Provider   string                 `json:"provider,omitempty"` // its vendor
	Hints      []string               `json:"hints,omitempty"`
	Erased     bool                   `json:"erased,omitempty"` // what came was personal, and is erased
}

func (o operator) doctor(r *http.Request, _ broker.Deed) (any, error) {
	d, err := o.diagnose(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	d.Means, d.Do = provision.Reason(d.Code).Meaning()
	var known provision.Vendor
	if d.Connection != "" {
		if c, err := o.gateway.store.Connection(r.Context(), d.Connection); err == nil {
			issuer := c.Issuer
			if c.Protocol == provision.SAML {
				issuer, _ = peerOf(c)
			}
			known = provision.VendorOf(issuer)
			d.Tenant = cmp.Or(d.Tenant, c.Tenant) // what the event says counts: the connection may have been made anew since
		}
	}
	d.Provider, d.Hints = known.Name, known.Advise(provision.Reason(d.Code))
	return d, nil
}

// diagnose finds a reference in the audit, or among the refusals that only memory has.
func (o operator) diagnose(ctx context.Context, ref string) (diagnosis, error) {
	if kept, ok := o.gateway.refused.Find(ref); ok {
		return diagnosis{
			Ref: ref, Time: kept.Time, Outcome: fmt.Sprintf("%s, status %d", provision.Denied, kept.Status), Code: string(kept.Reason),
			Connection: provision.ConnectionID(kept.Connection), App: kept.Origin.String(), Found: kept.Detail,
		}, nil
	}
	if ref == "" {
		return diagnosis{}, errors.New("no reference given")
	}
	events, err := o.gateway.broker.Events(ctx, provision.EventFilter{Ref: ref})
	switch {
	case err != nil:
		return diagnosis{}, err
	case len(events) == 0 && strings.HasPrefix(ref, "req_"):
		return diagnosis{}, fmt.Errorf("nothing is known of %s: what is behind such a reference is kept in memory, of the newest 4,096 refusals since the server started", ref)
	case len(events) == 0:
		return diagnosis{}, fmt.Errorf("nothing is known of %s: no event has that reference, or the event was erased", ref)
	}
	at := max(0, slices.IndexFunc(events, func(e provision.Event) bool { return e.Kind == provision.EventLogin })) // beside it: whose session it replaced
	e := web.LineOf(events[at])
	return diagnosis{
		Ref: ref, Time: e.Time, Outcome: e.Outcome, Code: e.Reason, Check: e.Check, Tenant: e.Tenant, Connection: e.Connection, App: string(e.App),
		Account: e.Account, Subject: e.Subject, Email: e.Email, Requester: e.Requester, Found: e.Detail, Erased: e.Erased,
	}, nil
}

func printDiagnosis(w io.Writer, d diagnosis) {
	for _, line := range []struct{ name, value string }{
		{"reference", d.Ref}, {"time", at(d.Time)}, {"outcome", d.Outcome}, {"code", d.Code}, {"check", d.Check},
		{"tenant", string(d.Tenant)}, {"connection", string(d.Connection)}, {"provider", d.Provider}, {"app", d.App},
		{"account", string(d.Account)}, {"subject", d.Subject}, {"e-mail", d.Email}, {"address", d.Requester.IP},
		{"found", d.Found}, {"means", d.Means}, {"do", d.Do},
	} {
		if line.value != "" {
			row(w, line.name, line.value)
		}
	}
	if d.Erased {
		row(w, "found", "erased, with what else was personal")
	}
	for _, hint := range d.Hints {
		row(w, "hint", hint)
	}
}
