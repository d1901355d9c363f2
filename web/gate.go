package web

import (
	"context"
	"net/url"

	"leasehold/broker"
	"leasehold/provision"
)

// Gate is all that web asks of the broker.
type Gate interface {
	Checker
	Logins
	Sessions
	Upstream
	Published
	Stream
	Elevating
	Workloads
}

// Checker answers the check: the hot path.
type Checker interface {
	Check(ctx context.Context, ask broker.Ask) broker.Verdict
}

// Logins begins and finishes logins.
type Logins interface {
	Begin(ctx context.Context, w broker.Wish) (broker.Departure, error)
	Receive(ctx context.Context, c provision.ConnectionID, form url.Values, from provision.Requester) (broker.AttemptID, error)
	Login(ctx context.Context, back broker.Return) (provision.Lease, error)
	Landing(ctx context.Context, id broker.AttemptID, browser string) (broker.Landing, error)
}

// Sessions is what can be done with the session that a browser holds. A token is the value of a session cookie; it is
// good at one origin.
type Sessions interface {
	Own
	Token(id provision.LeaseID, o provision.Origin) string
	Session(ctx context.Context, token string, o provision.Origin) (provision.Standing, error)
	Enter(ctx context.Context, token string, wanted provision.Origin, path, start string, from provision.Requester) (code string, err error)
	Redeem(ctx context.Context, code, start string, o provision.Origin) (token, path string, err error)
	Logout(ctx context.Context, token string, o provision.Origin, from provision.Requester) error
}

// Own is what people see and do on the page about themselves.
type Own interface {
	Me(ctx context.Context, token string, o provision.Origin) (broker.Me, error)
	Held(ctx context.Context, token string, o provision.Origin) (broker.Held, error)
	EndLease(ctx context.Context, token string, o provision.Origin, id provision.LeaseID, from provision.Requester) error
	EndAll(ctx context.Context, token string, o provision.Origin, from provision.Requester) error
	// Commission lets an agent act for the person.
	Commission(ctx context.Context, token string, o provision.Origin, w provision.Commissioning, from provision.Requester) (broker.Commissioned, error)
}

// Upstream is what becomes of sessions at identity providers.
type Upstream interface {
	// LogoutFrom ends what an identity provider says has ended there.
	LogoutFrom(ctx context.Context, c provision.ConnectionID, m broker.LogoutMessage) (broker.Reply, error)
	// Offering does an end, and returns the name of the offer to end the session at the identity provider, too.
	Offering(ctx context.Context, token string, o provision.Origin, end func() error) (offer string, err error)
	// Leave takes an offer up: where the browser goes.
	Leave(ctx context.Context, offer, browser string) (broker.Reply, error)
	// Left takes the answer to a log-out of ours, and returns its name.
	Left(ctx context.Context, c provision.ConnectionID, m broker.LogoutMessage) (broker.AttemptID, error)
	// Gone says what became of it, once, to the browser that left.
	Gone(ctx context.Context, id broker.AttemptID, browser string) (ended bool, err error)
}

// Published is what anybody may know.
type Published interface {
	AppAt(ctx context.Context, o provision.Origin) (provision.App, error)
	Metadata(ctx context.Context, c provision.ConnectionID) ([]byte, error)
	JWKS() []byte
}

// Stream is what an app hears of ends of access as they happen.
type Stream interface {
	Listener(ctx context.Context, token string) (provision.AppID, error)
	Resume(ctx context.Context, left string) (cursor int64, whole bool, err error)
	Place(ctx context.Context, cursor int64) (left string, err error)
	EndsSince(ctx context.Context, app provision.AppID, after int64) (ends []provision.Delivery, cursor int64, err error)
}

// Elevating is what can be done about roles for a while with the session that a browser holds.
type Elevating interface {
	Privileges(ctx context.Context, token string, o provision.Origin) (broker.Privileges, error)
	AskElevation(ctx context.Context, token string, o provision.Origin, w broker.Wanting, from provision.Requester) (provision.Elevation, error)
	JudgeElevation(ctx context.Context, token string, o provision.Origin, j broker.Judgement) (provision.Elevation, error)
}

// Workloads is what CI jobs, service accounts and the like ask for. A token is theirs, or a handle that they were given.
type Workloads interface {
	Exchange(ctx context.Context, x broker.Trade) (broker.Traded, error)
	Explain(ctx context.Context, x broker.Trade) (broker.Explanation, error)
	Introspect(ctx context.Context, t provision.TenantID, token, asker string) (broker.Known, error)
	GiveBack(ctx context.Context, t provision.TenantID, token string, from provision.Requester) error
	EndTask(ctx context.Context, t provision.TenantID, task, bearer string, from provision.Requester) (ended int, err error)
	// HandOver hands a workload a user of a database or the like.
	HandOver(ctx context.Context, t provision.TenantID, id provision.SecretID, bearer string, from provision.Requester) (broker.HandedOver, error)
}
