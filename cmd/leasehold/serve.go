package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"leasehold/config"
	"leasehold/web"
)

type serveCommand struct{}

// Run runs the gateway until it is told to stop.
func (serveCommand) Run(s *surroundings) error {
	c, faults := config.Load(s.config, s.environ)
	if len(faults) > 0 {
		return faults
	}
	unix.Umask(0o077) // the ledger, its journal and the socket are for the owner alone
	log := logger(s.stderr, c.Log.Level)
	b := whatWasBuilt()
	log.Info("starting", "version", b.Version, "revision", b.Revision, "config", s.config, "data", c.Data)
	g, err := openGateway(s.ctx, c, s.environ, log)
	if err != nil {
		return err
	}
	defer g.close()
	if err := g.register(s.ctx, "manifest"); err != nil {
		return err
	}
	if err := g.inviteOperator(s.ctx, s.stdout); err != nil {
		return err
	}
	return g.serve(s.ctx)
}

// logger writes JSON lines from a level of the configuration on.
func logger(w io.Writer, level string) *slog.Logger {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		least = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: least}))
}

// serve listens until told is over, then lets what is under way finish.
func (g *gateway) serve(told context.Context) error {
	ctx, stop := context.WithCancel(context.WithoutCancel(told))
	defer stop()
	public, err := listen("listen", g.config.Listen)
	if err != nil {
		return err
	}
	if g.config.TLS.Cert != "" {
		pair, err := tls.LoadX509KeyPair(g.config.TLS.Cert, g.config.TLS.Key)
		if err != nil {
			return fmt.Errorf("tls: %w", err)
		}
		public = tls.NewListener(public, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}})
	}
	defer public.Close() // for when what follows fails
	ops, err := listen("ops_listen", g.config.OpsListen)
	if err != nil {
		return err
	}
	defer ops.Close()
	admin, err := listenAdmin(filepath.Join(g.config.Data, socketName))
	if err != nil {
		return err
	}
	operators := server(operator{g}.handler(), g.log)
	operators.ConnContext, operators.WriteTimeout = withPeer, 0
	servers := map[*http.Server]net.Listener{
		server(g.letGo(g.public), g.log):              public,
		server(web.NewOps(g.metrics, g.ready), g.log): ops,
		operators: admin,
	}
	tasks := g.background(ctx)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	go g.reload(ctx, hup)
	failed := make(chan error, len(servers))
	for s, l := range servers {
		go func() { failed <- s.Serve(l) }()
	}
	g.log.Info("serving", "url", g.config.URL.String(), "listen", public.Addr().String(), "tls", g.config.TLS.Cert != "",
		"ops_listen", ops.Addr().String(), "admin", admin.Addr().String())
	select {
	case <-told.Done():
		g.drain()
		g.log.Info("stopping: what is under way has ten seconds")
	case err = <-failed:
	}
	stop()
	close(g.stop)
	g.shutdown(servers)
	tasks.Wait()
	g.log.Info("stopped")
	return err
}

// shutdown stops taking new requests and waits for those under way.
func (g *gateway) shutdown(servers map[*http.Server]net.Listener) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for s := range servers {
		if err := s.Shutdown(ctx); err != nil && !errors.Is(err, http.ErrServerClosed) {
			g.log.Warn("requests were cut off", "error", err)
		}
	}
}

// reload applies the manifests again at each SIGHUP; with a fault the old state stays.
func (g *gateway) reload(ctx context.Context, hup <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			if err := g.register(ctx, "manifest"); err != nil {
				g.unread.Store(&err)
				g.log.Error("manifests were not applied; what was registered stays", "error", err)
				continue
			}
			g.unread.Store(nil)
			g.log.Info("manifests were applied")
		}
	}
}

type checkConfigCommand struct{}

// Run prints every fault of the configuration and the manifests at once.
func (checkConfigCommand) Run(s *surroundings) error {
	c, faults := config.Load(s.config, s.environ)
	_, more := config.LoadManifests(c.Manifests, s.environ, judge(c.URL, time.Now()))
	_, sources := config.LoadSecrets(c.Secrets, s.environ)
	if faults = append(append(faults, more...), sources...); len(faults) > 0 {
		return faults
	}
	if s.json {
		return s.printJSON(struct {
			Faults config.Faults `json:"faults"`
		}{config.Faults{}})
	}
	_, err := fmt.Fprintln(s.stdout, "no faults")
	return err
}
