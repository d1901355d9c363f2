package web

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// Config is what the web needs.
type Config struct {
	URL            provision.Origin // of the SSO host, as browsers see it
	Gate           Gate
	TrustedProxies []netip.Prefix  // peers whose forwarded headers count, and who may ask the check; unix sockets always may
	Attempts       Limit           // logins that one address may begin; zero: DefaultAttempts
	Exempt         []netip.Prefix  // addresses without that limit
	Shared         broker.Shared   // counts them over all replicas; nil: each counts for itself
	Seal           []byte          // key of the notes that carry an error from one URL to the next; replicas share it; nil: drawn
	Stop           <-chan struct{} // event streams end when it is closed; nil: only when their readers leave
	Mounts         []Mount         // further parts of the SSO host
	Metrics        *Metrics        // nil: nothing is counted
	Refused        *Refused        // nil: nothing is kept
	Log            *slog.Logger    // nil: silent
	Now            func() time.Time
}

// server is the handler that New makes.
type server struct {
	Config
	answers map[provision.Reason]answer
	pages   pages
	logins  *limiter
	loops   *loopGuard
	streams *streams
	csrf    http.CrossOriginProtection

	lengthZero, noStore []string // the header values of every allow, made once
}

// routes is everything that is served, and where.
func (s *server) routes() []route {
	return []route{
		{anywhere, "/_sso/check/nginx", s.raw(s.checkNginx)},
		{anywhere, "/_sso/check/forward", s.raw(s.checkForward)},
		{anywhere, "GET " + assetPath + "{name}", s.raw(s.asset)},

		{onSSO, "GET /{$}", s.account},
		{onSSO, "GET /held.json", s.held},
		{onSSO, "POST /end", s.noted(s.own(s.endOne))},
		{onSSO, "POST /end-all", s.noted(s.own(s.endAll))},
		{onSSO, "POST /link", s.noted(s.own(s.link))},
		{onSSO, "POST /agents", s.noted(s.own(s.commission))},
		{onSSO, "GET /elevate", s.elevations},
		{onSSO, "POST /elevate", s.noted(s.own(s.elevate))},
		{onSSO, "POST /elevate/judge", s.noted(s.own(s.judgeElevation))},
		{onSSO, "GET /login", s.noted(s.login)},
		{onSSO, "POST /login", s.noted(s.own(s.begin))},
		{onSSO, "GET /idp/{connection}/metadata", s.metadata},
		{onSSO, "POST /idp/{connection}/acs", s.noted(s.acs)}, // another site's page posts here: no check of the origin
		{onSSO, "GET /idp/{connection}/resume", s.noted(s.resume)},
		{onSSO, "GET /idp/{connection}/callback", s.noted(s.callback)},
		{onSSO, "GET /idp/{connection}/slo", s.noted(s.slo)},
		{onSSO, "POST /idp/{connection}/slo", s.noted(s.slo)}, // as the ACS
		{onSSO, "POST /idp/{connection}/backchannel-logout", s.noted(s.backchannel)},
		{onSSO, "GET /_sso/logout/upstream", s.noted(s.leaveUpstream)},
		{onSSO, "GET /.well-known/jwks.json", s.jwks},
		{onSSO, "GET /_sso/events", s.events},

		{onSSO, "GET /.well-known/oauth-authorization-server/t/{tenant}", s.workload(s.authorizationServer)},
		{onSSO, "GET /t/{tenant}/.well-known/oauth-authorization-server", s.workload(s.authorizationServer)},
		{onSSO, "POST /t/{tenant}/token", s.workload(s.exchange)}, // programs post here: no check of the origin
		{onSSO, "POST /t/{tenant}/decide", s.workload(s.explain)},
		{onSSO, "POST /t/{tenant}/introspect", s.workload(s.introspect)},
		{onSSO, "POST /t/{tenant}/secrets/{secret}", s.workload(s.handSecret)},
		{onSSO, "POST /t/{tenant}/revoke", s.workload(s.giveBack)},
		{onSSO, "POST /t/{tenant}/tasks/{task}/end", s.workload(s.endTask)},

		{onApp, "GET /_sso/start", s.noted(s.start)},
		{onApp, "GET /_sso/finish", s.noted(s.finish)},
		{onApp, "/_sso/denied", s.denied}, // a proxy shows these two in place of any request
		{onApp, "/_sso/unavailable", s.unavailable},

		{onBoth, "GET /_sso/logout", s.askLogout},
		{onBoth, "POST /_sso/logout", s.noted(s.own(s.logout))},
		{onBoth, "GET /_sso/me", s.me},

		{onOther, "/", s.nowhere},
	}
}

// New makes the public handler. It fails only when its own pages do not parse.
func New(c Config) (http.Handler, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if len(c.Seal) == 0 {
		c.Seal = make([]byte, 32)
		if _, err := rand.Read(c.Seal); err != nil {
			return nil, fmt.Errorf("seal key: %w", err)
		}
	}
	p, err := parsePages()
	if err != nil {
		return nil, err
	}
	s := &server{Config: c, answers: answers(), pages: p, logins: newLimiter(c.Attempts, c.Exempt, c.Shared), loops: newLoopGuard(), streams: newStreams(), lengthZero: []string{"0"}, noStore: []string{"no-store"}}
	mux := http.NewServeMux()
	routes := s.routes()
	for _, m := range c.Mounts {
		routes = append(routes, s.mounted(m))
	}
	for _, route := range routes {
		mux.Handle(route.pattern, s.at(route.host, route.serve))
	}
	return mux, nil
}
