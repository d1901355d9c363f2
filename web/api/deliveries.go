package api

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// Delivery is what an app was or is to be told.
type Delivery struct {
	Seq     int64     `json:"seq,omitempty" doc:"For operators: it counts every tenant's"`
	ID      string    `json:"id"`
	Kind    string    `json:"kind"`
	App     string    `json:"app"`
	Tenant  string    `json:"tenant"`
	Account string    `json:"account"`
	Lease   string    `json:"lease,omitempty"`
	Cause   string    `json:"cause,omitempty"`
	At      time.Time `json:"at"`
	Due     time.Time `json:"due"`
	State   string    `json:"state" enum:"pending,delivered,stuck,dropped"`
	Tries   int       `json:"tries"`
	Next    time.Time `json:"next" doc:"When it is tried again"`
	Fault   string    `json:"fault,omitempty"`
	Settled time.Time `json:"settled_at,omitzero"`
}

func viewDelivery(m broker.Mandate) func(provision.Delivery) Delivery {
	return func(d provision.Delivery) Delivery {
		v := Delivery{d.Seq, string(d.ID), string(d.Kind), string(d.App), string(d.Tenant), string(d.Account), string(d.Lease), string(d.Cause), d.At, d.Due, string(d.State), d.Tries, d.Next, d.Fault, d.Settled}
		if !m.Everywhere {
			v.Seq = 0
		}
		return v
	}
}

// DeliveriesIn chooses deliveries.
type DeliveriesIn struct {
	Cursor string `query:"cursor" doc:"What the former part said under next"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	App    string `query:"app" maxLength:"63"`
	After  string `query:"after" maxLength:"100" doc:"In place of a cursor, for operators: begins after this one, SEQ/APP"`
	State  string `query:"state" enum:"open,pending,delivered,stuck,dropped,all" default:"open" doc:"open: pending or stuck"`
}

// DeliveryIn names a delivery.
type DeliveryIn struct {
	Delivery string `path:"delivery"`
}

// DeliveryVerb is a verb on a delivery.
type DeliveryVerb struct {
	DeliveryIn
	ReasonIn
}

const listDeliveries = "GET /deliveries"

func (a *API) deliveries() {
	does(a, operation{listDeliveries, "deliveries.read", "List what apps are to be told, and were told in the last day"}, a.ListDeliveries)
	does(a, operation{"GET /deliveries/{delivery}", "deliveries.read", "Show a delivery"}, a.GetDelivery)
	does(a, operation{"POST /deliveries/{delivery}/retry", "deliveries.retry", "Try it at once"}, a.RetryDelivery)
	does(a, operation{"POST /deliveries/{delivery}/drop", "deliveries.drop", "Give it up; wants a reason"}, a.DropDelivery)
}

// ListDeliveries lists deliveries.
func (a *API) ListDeliveries(ctx context.Context, m broker.Mandate, in *DeliveriesIn) (*List[Delivery], error) {
	after, err := a.cursors.open(m, listDeliveries, in.Cursor)
	if err != nil {
		return nil, err
	}
	f := provision.DeliveryFilter{App: provision.AppID(in.App), Open: in.State == "open" || in.State == "", Limit: in.Limit}
	if !f.Open && in.State != "all" {
		f.State = provision.DeliveryState(in.State)
	}
	if in.After != "" && !m.Everywhere {
		return nil, problem(http.StatusUnprocessableEntity, reasonInvalid, "after: deliveries of all tenants are counted together, so a tenant's reader goes on by cursor")
	}
	seq, app, _ := strings.Cut(cmp.Or(after, in.After), "/")
	f.After, _ = strconv.ParseInt(seq, 10, 64)
	f.AfterApp = provision.AppID(app)
	part, err := a.Desk.Deliveries(ctx, m, f)
	if err != nil {
		return nil, err
	}
	l := listed(a, listing{m, listDeliveries, PageIn{Limit: in.Limit}}, part, viewDelivery(m))
	if l.Link != "" {
		if provision.ValidName(in.App) {
			l.Link = "<?app=" + in.App + "&" + l.Link[len("<?"):]
		}
		l.Link = "<?state=" + in.State + "&" + l.Link[len("<?"):]
	}
	return l, nil
}

// GetDelivery is a delivery.
func (a *API) GetDelivery(ctx context.Context, m broker.Mandate, in *DeliveryIn) (*One[Delivery], error) {
	d, err := a.Desk.Delivery(ctx, m, provision.DeliveryID(in.Delivery))
	return &One[Delivery]{Body: viewDelivery(m)(d)}, err
}

// RetryDelivery has a delivery tried at once.
func (a *API) RetryDelivery(ctx context.Context, m broker.Mandate, in *DeliveryVerb) (*None, error) {
	return &None{}, a.Desk.RetryDelivery(ctx, order(ctx, m, in.Body.Reason), provision.DeliveryID(in.Delivery))
}

// DropDelivery lets an app not be told.
func (a *API) DropDelivery(ctx context.Context, m broker.Mandate, in *DeliveryVerb) (*None, error) {
	return &None{}, a.Desk.DropDelivery(ctx, order(ctx, m, in.Body.Reason), provision.DeliveryID(in.Delivery))
}
