package web

import (
	"encoding/json"
	"net/http"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// held hands a person everything that is kept about her, as a file.
func (s *server) held(w http.ResponseWriter, r *http.Request, v visit) error {
	value, err := token(r, v)
	if err != nil {
		return err
	}
	h, err := s.Gate.Held(r.Context(), value, v.Origin)
	if s.answer(denial(err)).Status == http.StatusUnauthorized {
		return move(w, "/login")
	}
	if err != nil {
		return err
	}
	s.harden(w, v)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="leasehold-`+string(h.Standing.Account.ID)+`.json"`)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(viewHeld(h, s.Now())) // an error means that the browser is gone
	return nil
}

// heldView is what a person is handed. Keys are added, never renamed.
type heldView struct {
	Made      time.Time      `json:"made"`
	Account   heldAccount    `json:"account"`
	SignIns   []heldSignIn   `json:"sign_ins"`
	Sessions  []heldSession  `json:"sessions"`
	Decisions []heldDecision `json:"decisions"`
	Events    []heldEvent    `json:"events"`
	More      bool           `json:"older_events_left_out"`
}

type heldAccount struct {
	ID        provision.AccountID    `json:"id"`
	Tenant    provision.TenantID     `json:"tenant"`
	State     provision.AccountState `json:"state"`
	Email     string                 `json:"email"`
	Name      string                 `json:"name"`
	Groups    []string               `json:"groups"`
	Offices   []provision.Office     `json:"offices,omitempty"`
	Created   time.Time              `json:"created"`
	LastLogin time.Time              `json:"last_login,omitzero"`
}

type heldSignIn struct {
	Connection provision.ConnectionID `json:"connection"`
	Subject    string                 `json:"subject"`
	Added      time.Time              `json:"added"`
}

type heldSession struct {
	ID         provision.LeaseID      `json:"id"`
	Kind       provision.LeaseKind    `json:"kind"`
	Connection provision.ConnectionID `json:"connection"`
	Roles      []string               `json:"roles"`
	Start      time.Time              `json:"start"`
	LastUsed   time.Time              `json:"last_used"`
	End        time.Time              `json:"end"`
	SignedIn   time.Time              `json:"signed_in,omitzero"` // at the identity provider
	ACR        string                 `json:"acr,omitempty"`
	AMR        []string               `json:"amr,omitempty"`
	IP         string                 `json:"ip,omitempty"`
	UserAgent  string                 `json:"user_agent,omitempty"`
	App        provision.AppID        `json:"app,omitempty"` // that was wanted when it began
}

type heldDecision struct {
	ID         provision.DecisionID   `json:"id"`
	At         time.Time              `json:"at"`
	Outcome    provision.Outcome      `json:"outcome"`
	Reason     provision.Reason       `json:"reason,omitempty"`
	Policy     int64                  `json:"policy_version"`
	Connection provision.ConnectionID `json:"connection,omitempty"`
	Subject    string                 `json:"subject,omitempty"`
	Email      string                 `json:"email,omitempty"`
	Name       string                 `json:"name,omitempty"`
	Groups     []string               `json:"groups,omitempty"`
	SignedIn   time.Time              `json:"signed_in,omitzero"`
	ACR        string                 `json:"acr,omitempty"`
	AMR        []string               `json:"amr,omitempty"`
	IP         string                 `json:"ip,omitempty"`
	UserAgent  string                 `json:"user_agent,omitempty"`
	Erased     bool                   `json:"inputs_erased,omitempty"`
}

type heldEvent struct {
	ID        provision.EventID `json:"id"`
	At        time.Time         `json:"at"`
	Event     string            `json:"event"`
	Outcome   string            `json:"outcome,omitempty"`
	Reason    string            `json:"reason,omitempty"`
	Actor     string            `json:"actor"` // what kind of actor; of others, not who
	App       provision.AppID   `json:"app,omitempty"`
	Lease     provision.LeaseID `json:"lease,omitempty"`
	Changes   []string          `json:"changes,omitempty"`
	Subject   string            `json:"subject,omitempty"`
	Email     string            `json:"email,omitempty"`
	Name      string            `json:"name,omitempty"`
	Detail    string            `json:"detail,omitempty"`
	IP        string            `json:"ip,omitempty"`
	UserAgent string            `json:"user_agent,omitempty"`
}

func viewHeld(h broker.Held, now time.Time) heldView {
	a := h.Standing.Account
	v := heldView{
		Made: now.UTC(), More: h.More, SignIns: []heldSignIn{}, Sessions: []heldSession{}, Decisions: []heldDecision{}, Events: []heldEvent{},
		Account: heldAccount{a.ID, a.Tenant, a.State, a.Email.String(), a.Name, append([]string{}, a.Groups...), a.Offices, a.Created, a.LastLogin},
	}
	for _, l := range h.Links {
		v.SignIns = append(v.SignIns, heldSignIn{l.Connection, l.Subject, l.Created})
	}
	for _, l := range h.Leases {
		from := h.Whence[l.ID]
		v.Sessions = append(v.Sessions, heldSession{
			l.ID, l.Kind, l.Connection, append([]string{}, l.Grant.Roles...), l.Start, l.Seen, l.End, l.Authn.At, l.Authn.ACR, l.Authn.AMR, from.IP, from.UserAgent, from.App,
		})
	}
	for _, d := range h.Decisions {
		v.Decisions = append(v.Decisions, viewDecision(d))
	}
	for _, e := range h.Events {
		p := e.Personal
		v.Events = append(v.Events, heldEvent{
			e.ID, e.Time, e.Kind, e.Outcome, e.Reason, e.Actor.Kind, e.App, e.Lease.ID, e.Changes, p.Subject, p.Email, p.Name, p.Detail, p.Requester.IP, p.Requester.UserAgent,
		})
	}
	return v
}

func viewDecision(d broker.HeldDecision) heldDecision {
	v := heldDecision{ID: d.ID, At: d.At, Outcome: d.Outcome, Reason: d.Reason, Policy: d.PolicyVersion, Erased: d.Asked == nil}
	if d.Asked != nil {
		f, n, from := d.Asked.Facts, d.Asked.Authn, d.Asked.Requester
		v.Connection, v.Subject, v.Email, v.Name, v.Groups = f.Connection, f.Subject, f.Email, f.Name, f.Groups
		v.SignedIn, v.ACR, v.AMR, v.IP, v.UserAgent = n.At, n.ACR, n.AMR, from.IP, from.UserAgent
	}
	return v
}
