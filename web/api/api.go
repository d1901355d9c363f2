package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web"
)

// Prefix is where the API is served.
const Prefix = "/api/v1"

// Config is what an API needs.
type Config struct {
	Desk    *broker.Desk
	URL     provision.Origin                            // the SSO host: where identity providers find connections
	Seal    []byte                                      // key of cursors, 32 bytes; replicas share it
	Trust   func(provision.Connection) (string, string) // what a connection trusts, and what is proposed, in words; nil: not said
	Peer    func(provision.Connection) (string, string) // of a SAML connection, who its identity provider is, and why nobody can use it yet; nil: not said
	Version string
	Log     *slog.Logger     // nil: silent
	Now     func() time.Time // nil: time.Now
}

// API is the operations, each a method that takes who asks and what for.
type API struct {
	Config
	cursors   cursors
	huma      huma.API
	mux       *http.ServeMux
	spec      [2][]byte // JSON and YAML
	actors    *limiter
	addresses *limiter
}

// New makes an API.
func New(c Config) (*API, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	sealed, err := newCursors(c.Seal)
	if err != nil {
		return nil, err
	}
	a := &API{Config: c, cursors: sealed, mux: http.NewServeMux(), actors: newLimiter(perActor), addresses: newLimiter(perAddress)}
	a.huma = humago.NewWithPrefix(a.mux, Prefix, a.described())
	a.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		problem(http.StatusNotFound, reasonNotFound, "").write(w)
	})
	for _, register := range []func(){a.tenants, a.domains, a.connections, a.setups, a.policies, a.rules, a.grants, a.apps, a.accounts, a.leases, a.elevations, a.credentials, a.audit, a.deliveries, a.tokens} {
		register()
	}
	if a.spec[0], err = json.Marshal(a.huma.OpenAPI()); err != nil {
		return nil, fmt.Errorf("description of the API: %w", err)
	}
	if a.spec[1], err = a.huma.OpenAPI().YAML(); err != nil {
		return nil, fmt.Errorf("description of the API: %w", err)
	}
	return a, nil
}

// described is the head of the description. Nothing is served beside the operations: no pages, no schemas.
func (a *API) described() huma.Config {
	c := huma.DefaultConfig("Leasehold", a.Version)
	c.Info.Description = "The admin API. See docs/api.md."
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.Formats = map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}
	c.DefaultFormat, c.NoFormatFallback = "application/json", false
	c.RejectUnknownQueryParameters = true
	c.CreateHooks = nil
	c.Transformers = []huma.Transformer{ours}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer", Description: "leasehold token create"}}
	c.Security = []map[string][]string{{"token": {}}}
	return c
}

// OpenAPI is the description, as JSON.
func (a *API) OpenAPI() []byte { return a.spec[0] }

// Mount is the API on the SSO host, for programs with tokens. Cookies are not looked at.
func (a *API) Mount() web.Mount {
	return web.Mount{Pattern: Prefix + "/", Foreign: true, Serve: func(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
		a.serve(w, r, v.From, func() (broker.Mandate, error) {
			shown, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			if !ok || len(r.Header.Values("Authorization")) != 1 {
				shown = ""
			}
			return a.Desk.MandateOfToken(r.Context(), shown, v.From)
		})
		return nil
	}}
}

// As is the API for whoever mandate says, instead of a token: for the admin socket. Who is at the host may ask as often as they
// want: it is their machine.
func (a *API) As(mandate func(*http.Request) (broker.Mandate, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, err := mandate(r)
		a.serve(w, r, m.Requester, func() (broker.Mandate, error) { return m, err })
	})
}

// serve answers one request: who it is comes first, whatever it asks for.
func (a *API) serve(w http.ResponseWriter, r *http.Request, from provision.Requester, who func() (broker.Mandate, error)) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if from.IP != "" && !a.addresses.allow(from.IP, a.Now()) {
		problemOf(&provision.DeniedError{Reason: provision.RateLimited}).write(w)
		return
	}
	if r.Method == http.MethodGet && a.describe(w, r.URL.Path) {
		return
	}
	m, err := who()
	if err == nil && !m.Host && !a.actors.allow(m.Actor.Kind+"/"+m.Actor.ID, a.Now()) {
		err = &provision.DeniedError{Reason: provision.RateLimited}
	}
	var asked context.Context
	if err == nil {
		asked, err = a.asked(w, r, m)
	}
	if err != nil {
		a.note(r.Context(), m, err)
		problemOf(err).write(w)
		return
	}
	a.mux.ServeHTTP(w, r.WithContext(asked))
}

// describe answers for the description, which is nobody's secret.
func (a *API) describe(w http.ResponseWriter, path string) bool {
	switch path {
	case Prefix + "/openapi.json":
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(a.spec[0])
	case Prefix + "/openapi.yaml":
		w.Header().Set("Content-Type", "application/openapi+yaml")
		_, _ = w.Write(a.spec[1])
	default:
		return false
	}
	return true
}

// note logs a fault of ours, and nothing that somebody sent.
func (a *API) note(ctx context.Context, m broker.Mandate, err error) {
	if p := problemOf(err); p.Status >= http.StatusInternalServerError {
		a.Log.ErrorContext(ctx, "request of the API failed", "request", m.Requester.RequestID, "actor", m.Actor.ID, "status", p.Status, "error", err)
	}
}
