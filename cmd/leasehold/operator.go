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

// handler is the API, and beside it what is the host's alone: docs/architecture.md.
func (o operator) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, do := range map[string]verb{
		"POST /apply":            o.apply,
		"GET /doctor/{id}":       o.doctor,
		"POST /clock/reset":      o.resetClock,
		"POST /keys/{id}/rotate": o.rotate,
	} {
		mux.Handle(pattern, o.attend(do.answer))
	}
	mux.HandleFunc("POST /backup", o.backup)
	mux.Handle(api.Prefix+"/", o.attend(func(w http.ResponseWriter, r *http.Request, m broker.Mandate) {
		o.gateway.api.As(func(*http.Request) (broker.Mandate, error) { return m, nil }).ServeHTTP(w, r)
	}))
	return mux
}

// mandateOf is what whoever is at the other end of the socket may do: everything. Nobody may when nobody knows who it is.
func mandateOf(r *http.Request) (broker.Mandate, bool) {
	peer, _ := r.Context().Value(peerKey{}).(string)
	return broker.Mandate{
		Actor:     provision.Actor{Kind: provision.Operator, ID: peer, Via: provision.ViaSocket},
		Requester: provision.Requester{RequestID: "req_" + strings.ToLower(rand.Text()[:12])}, Everywhere: true, Write: true, Host: true,
	}, peer != ""
}

// attend does what the peer of the socket asks for, and logs each that may change something. The id of the request is in its
// events, too.
func (o operator) attend(do func(http.ResponseWriter, *http.Request, broker.Mandate)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, known := mandateOf(r)
		if !known {
			http.Error(w, `{"error":"nobody knows who asks"}`, http.StatusForbidden)
			return
		}
		began, level, noted := time.Now(), slog.LevelInfo, &statusNoted{w, http.StatusOK}
		if r.Method == http.MethodGet {
			level = slog.LevelDebug
		}
		w.Header().Set("X-Request-Id", m.Requester.RequestID)
		do(noted, r, m)
		o.gateway.log.Log(r.Context(), level, "operator", "request", m.Requester.RequestID, "verb", r.Pattern, "actor", m.Actor.ID, "status", noted.status, "us", time.Since(began).Microseconds())
	})
}

// statusNoted notes which status is answered.
type statusNoted struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusNoted) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// answer answers what a verb returns.
func (do verb) answer(w http.ResponseWriter, r *http.Request, m broker.Mandate) {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<20)
	v, err := do(r, m.Deed(r.FormValue("reason"), ""))
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		v = say(err)
		w.WriteHeader(statusOf(err))
	}
	_ = json.NewEncoder(w).Encode(v) // the peer is gone if it fails
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
