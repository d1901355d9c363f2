package api

import (
	"cmp"
	"context"
	"fmt"

	"leasehold/broker"
	"leasehold/provision"
)

// App is an app as it is answered. Who is bound to a tenant sees it only as far as it is open to that one.
type App struct {
	ID         string   `json:"id"`
	Origins    []string `json:"origins"`
	Headers    string   `json:"headers"`
	User       string   `json:"user,omitempty"`
	Tenants    []string `json:"tenants"`
	Roles      []string `json:"require_roles,omitempty"`
	Public     []string `json:"public,omitempty"`
	MaxSession string   `json:"max_session,omitempty"`
	Workloads  bool     `json:"workloads,omitempty" doc:"Its check takes workloads"`
	OffPath    bool     `json:"off_path,omitempty" doc:"No check stands before it: workloads show it signed tokens"`
	NotifyURL  string   `json:"notify_url,omitempty"`
	Notified   bool     `json:"notify_secret_set,omitempty"`
	Notify     *Notify  `json:"notify,omitempty" doc:"Of one app alone, for operators: how it is told, and how it confirms"`
	Owner      string   `json:"owner" enum:"manifest,api"`
	Revision   int64    `json:"revision,omitempty"`
}

func viewApp(x provision.App) App {
	v := App{ID: string(x.ID), Origins: texts(x.Origins), Headers: x.Headers, User: x.User, Tenants: []string{}, Roles: x.Roles, Public: x.Public, MaxSession: lasts(x.MaxSession),
		Workloads: x.Workloads, OffPath: x.OffPath, NotifyURL: x.Notify.URL, Notified: x.Notify.Secret != "", Owner: string(x.Owner), Revision: x.Revision}
	for _, t := range x.Tenants {
		v.Tenants = append(v.Tenants, string(t))
	}
	return v
}

// AppIn names an app.
type AppIn struct {
	App string `path:"app"`
}

// AppPut is an app as it is to be.
type AppPut struct {
	AppIn
	MatchIn
	Body struct {
		Origins    []string `json:"origins" minItems:"1" maxItems:"100"`
		Headers    string   `json:"headers,omitempty" enum:"leasehold,remote-user" default:"leasehold"`
		User       string   `json:"user,omitempty" enum:"id,email,name"`
		Tenants    []string `json:"tenants,omitempty" doc:"Who may enter; none: nobody"`
		Roles      []string `json:"require_roles,omitempty"`
		Public     []string `json:"public,omitempty"`
		MaxSession string   `json:"max_session,omitempty"`
		Workloads  bool     `json:"workloads,omitempty" doc:"Its check takes workloads"`
		OffPath    bool     `json:"off_path,omitempty" doc:"No check stands before it: workloads show it signed tokens"`
		NotifyURL  string   `json:"notify_url,omitempty" maxLength:"2048"`
		Secret     string   `json:"notify_secret,omitempty" minLength:"24" maxLength:"500" doc:"What signs; not there: the one there is stays. It is never answered"`
		Reason     string   `json:"reason,omitempty" maxLength:"1000"`
	}
}

// AppDelete deletes an app.
type AppDelete struct {
	AppIn
	Key    string `header:"Idempotency-Key"`
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"1000" doc:"Why; kept in the audit"`
}

func (a *API) apps() {
	lists(a, operation{"GET /apps", "apps.read", "List apps"}, a.Desk.Apps, viewApp)
	does(a, operation{"GET /apps/{app}", "apps.read", "Show an app"}, a.GetApp)
	does(a, operation{"PUT /apps/{app}", "apps.put", "Make or change an app; one without tenants lets nobody in"}, a.PutApp)
	does(a, operation{"DELETE /apps/{app}", "apps.delete", "Delete an app that lets nobody in and is told everything"}, a.DeleteApp)
}

func oneApp(x provision.App, err error) (*One[App], error) {
	return &One[App]{tag(x.Revision), viewApp(x)}, err
}

// GetApp is an app.
func (a *API) GetApp(ctx context.Context, m broker.Mandate, in *AppIn) (*One[App], error) {
	one, err := oneApp(a.Desk.App(ctx, m, provision.AppID(in.App)))
	if err == nil && one.Body.Notified {
		var told broker.Confirmations
		told, err = a.Desk.Confirmations(ctx, m, provision.AppID(in.App))
		one.Body.Notify = viewNotify(one.Body.NotifyURL, told)
	}
	return one, err
}

// DeleteApp deletes an app.
func (a *API) DeleteApp(ctx context.Context, m broker.Mandate, in *AppDelete) (*None, error) {
	return &None{}, a.Desk.DeleteApp(ctx, order(ctx, m, in.Reason), provision.AppID(in.App))
}

// PutApp makes or changes an app.
func (a *API) PutApp(ctx context.Context, m broker.Mandate, in *AppPut) (*One[App], error) {
	if err := m.May("apps.put"); err != nil {
		return nil, err
	}
	seen, err := in.seen()
	if err != nil {
		return nil, err
	}
	b := in.Body
	x := provision.App{ID: provision.AppID(in.App), Headers: cmp.Or(b.Headers, "leasehold"), User: b.User, Roles: b.Roles, Public: b.Public, Workloads: b.Workloads, OffPath: b.OffPath, Notify: provision.Notify{URL: b.NotifyURL}}
	if x.Headers == "remote-user" {
		x.User = cmp.Or(x.User, "id")
	}
	if x.MaxSession, err = duration("max_session", b.MaxSession); err != nil {
		return nil, err
	}
	for _, text := range b.Origins {
		o, err := provision.ParseOrigin(text)
		if err != nil {
			return nil, fmt.Errorf("origins: %w: %w", err, broker.ErrInvalid)
		}
		x.Origins = append(x.Origins, o)
	}
	for _, t := range b.Tenants {
		x.Tenants = append(x.Tenants, provision.TenantID(t))
	}
	return oneApp(a.Desk.PutApp(ctx, order(ctx, m, b.Reason), x, []byte(b.Secret), seen))
}
