package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web/api"
)

// operator answers the operator's verbs on the admin socket. Whoever can open the socket may do everything; who it was
// is taken from the kernel, not from what is said.
type operator struct {
	gateway *gateway
}

// verb does one thing for one peer and returns what to print.
type verb func(r *http.Request, d broker.Deed) (any, error)

func (o operator) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, do := range map[string]verb{
		"POST /apply":                          o.apply,
		"GET /tenants":                         o.tenants,
		"GET /tenants/{id}":                    o.tenant,
		"POST /tenants/{id}/{verb}":            o.tenantVerb,
		"GET /tenants/{id}/policies":           o.policies,
		"GET /tenants/{id}/policies/{version}": o.policy,
		"POST /tenants/{id}/policy/{verb}":     o.policyVerb,
		"GET /domains":                         o.domains,
		"GET /domains/{id}":                    o.domain,
		"POST /domains/{id}/check":             o.checkDomain,
		"POST /domains/{id}/attest":            o.attestDomain,
		"GET /connections":                     o.connections,
		"GET /connections/{id}":                o.connection,
		"POST /connections/{id}/{verb}":        o.connectionVerb,
		"GET /apps":                            o.apps,
		"GET /apps/{id}":                       o.app,
		"GET /deliveries":                      o.deliveries,
		"POST /deliveries/{id}/{verb}":         o.deliveryVerb,
		"GET /credentials":                     o.credentials,
		"POST /credentials/{id}/retry":         o.retryCredential,
		"GET /accounts":                        o.accounts,
		"POST /accounts":                       o.createAccount,
		"GET /accounts/{id}":                   o.account,
		"POST /accounts/{id}/{verb}":           o.accountVerb,
		"GET /leases":                          o.leases,
		"GET /leases/{id}":                     o.lease,
		"POST /revoke":                         o.revoke,
		"GET /revocations/{id}":                o.revocation,
		"GET /audit":                           o.audit,
		"GET /doctor/{id}":                     o.doctor,
		"GET /setups":                          o.setups,
		"POST /setups":                         o.createSetup,
		"POST /setups/{id}/revoke":             o.revokeSetup,
		"POST /clock/reset":                    o.resetClock,
		"POST /keys/{id}/rotate":               o.rotate,
		"GET /elevations":                      o.elevations,
		"POST /elevations/{id}/{verb}":         o.elevationVerb,
	} {
		mux.Handle(pattern, o.answer(pattern, do))
	}
	mux.HandleFunc("POST /backup", o.backup)
	mux.Handle(api.Prefix+"/", o.gateway.api.As(mandateOfPeer))
	return mux
}

// answer runs a verb as the peer of the socket, and logs each that may change something. The id of the request is in its
// events, too.
func (o operator) answer(pattern string, do verb) http.Handler {
	level := slog.LevelInfo
	if strings.HasPrefix(pattern, http.MethodGet) {
		level = slog.LevelDebug
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, _ := r.Context().Value(peerKey{}).(string)
		if peer == "" {
			http.Error(w, `{"error":"nobody knows who asks"}`, http.StatusForbidden)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 8<<20)
		id, began, status := "req_"+strings.ToLower(rand.Text()[:12]), time.Now(), http.StatusOK
		deed := broker.Deed{
			Actor:     provision.Actor{Kind: provision.Operator, ID: peer, Via: "admin.sock"},
			Requester: provision.Requester{RequestID: id}, Why: r.FormValue("reason"),
		}
		v, err := do(r, deed)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Request-Id", id)
		if err != nil {
			status, v = statusOf(err), say(err)
			w.WriteHeader(status)
		}
		o.gateway.log.Log(r.Context(), level, "operator", "request", id, "verb", pattern, "actor", peer, "status", status, "us", time.Since(began).Microseconds())
		_ = json.NewEncoder(w).Encode(v) // the peer is gone if it fails
	})
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, provision.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, provision.ErrConflict):
		return http.StatusConflict
	case errors.Is(err, provision.ErrUnavailable):
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

type peerKey struct{}

// withPeer notes who is at the other end of a unix socket (SO_PEERCRED).
func withPeer(ctx context.Context, c net.Conn) context.Context {
	socket, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return ctx
	}
	var peer string
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			peer = "uid:" + strconv.FormatUint(uint64(cred.Uid), 10)
		}
	})
	return context.WithValue(ctx, peerKey{}, peer)
}

// maxSocketPath is what the kernel has room for (unix(7), sun_path), less the final zero.
const maxSocketPath = 107

// listenAdmin opens the admin socket, for its owner alone.
func listenAdmin(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("admin socket: %s is longer than the %d bytes that a socket's path may have; shorten `data` in the configuration", path, maxSocketPath)
	}
	if err := removeSocket(path); err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	l, err := (&net.ListenConfig{Control: closed}).Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	return l, nil
}

// closed gives a socket the mode that bind(2) makes its file with: it must never be open to others, not even for a
// moment. The umask would do the same, for everything else that this process makes meanwhile, too.
func closed(_, _ string, raw syscall.RawConn) error {
	var fault error
	err := raw.Control(func(fd uintptr) { fault = unix.Fchmod(int(fd), 0o600) })
	return errors.Join(err, fault)
}

// pageOf is the part of a list that is asked for.
func pageOf(r *http.Request) provision.Page {
	limit, _ := strconv.Atoi(r.FormValue("limit"))
	return provision.Page{Tenant: provision.TenantID(r.FormValue("tenant")), After: r.FormValue("after"), Limit: limit, Ended: r.FormValue("ended") == "true"}
}

// viewAll is a list as it is printed.
func viewAll[T, V any](items []T, err error, view func(T) V) (any, error) {
	views := make([]V, 0, len(items))
	for _, item := range items {
		views = append(views, view(item))
	}
	return views, err
}
