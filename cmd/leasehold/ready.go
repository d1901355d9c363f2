package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"leasehold/provision"
	"leasehold/web"
)

// probe is one thing that has to be right before the gateway may be asked.
type probe struct {
	name string
	ask  func(context.Context) error // what is wrong, or a warning, or nil
}

// warning is what somebody should know, and what keeps nobody from being served.
type warning struct{ error }

// probes are all of them.
func (g *gateway) probes() []probe {
	return []probe{
		{"stopping", g.isStopping},
		{"ledger read", g.isRead},
		{"ledger written", g.isWritten},
		{"ledger room", g.hasRoom},
		{"replica", g.isFresh},
		{"failover", g.isDurable},
		{"redis", g.isShared},
		{"background", g.isAtWork},
		{"master key", g.keyIsKept},
		{"manifests", g.manifestsAreRead},
	}
}

// ready asks all probes: each cause and each warning is a line.
func (g *gateway) ready(ctx context.Context) (is web.Readiness) {
	g.watched.Store(true)
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for _, p := range g.probes() {
		err := p.ask(ctx)
		if err == nil {
			continue
		}
		line := p.name + ": " + strings.ReplaceAll(err.Error(), "\n", "; ")
		if errors.As(err, new(warning)) {
			is.Warnings = append(is.Warnings, line)
		} else {
			is.Causes = append(is.Causes, line)
		}
	}
	return is
}

func (g *gateway) isStopping(context.Context) error {
	if g.stopping.Load() {
		return errors.New("what is under way is finished, and nothing new should come")
	}
	return nil
}

func (g *gateway) isRead(ctx context.Context) error {
	_, err := g.store.Tenants(ctx, provision.Page{Limit: 1})
	return err
}

func (g *gateway) isWritten(context.Context) error { return g.written.recently() }

// hasRoom asks a ledger on a disk of ours.
func (g *gateway) hasRoom(context.Context) error {
	if file, ok := g.store.(interface{ Room() error }); ok {
		return file.Room()
	}
	return nil
}

// isFresh warns while memory may not answer: checks ask the ledger then, which is slower, and as true.
func (g *gateway) isFresh(context.Context) error {
	if err := g.broker.Fresh(); err != nil {
		return warning{fmt.Errorf("what other replicas changed has not been heard for a second, and checks ask the ledger: %w", err)}
	}
	return nil
}

// isDurable warns of a database whose failover may revive what was ended.
func (g *gateway) isDurable(ctx context.Context) error {
	database, ok := g.store.(interface {
		Warnings(context.Context) ([]string, error)
	})
	if !ok {
		return nil
	}
	warnings, err := database.Warnings(ctx)
	if err == nil && len(warnings) > 0 {
		err = warning{errors.New(strings.Join(warnings, "; "))}
	}
	return err
}

// isShared warns when Redis is gone: checks go on, and so do all logins that do not need it.
func (g *gateway) isShared(ctx context.Context) error {
	if g.redis == nil {
		return nil
	}
	if err := g.redis.Ping(ctx); err != nil {
		return warning{fmt.Errorf("nobody can begin a login until it is back: %w", err)}
	}
	return nil
}

func (g *gateway) isAtWork(context.Context) error {
	if stuck := g.broker.Stuck(); len(stuck) > 0 {
		return errors.New(strings.Join(stuck, "; "))
	}
	return nil
}

// keyIsKept warns when the next start would not find the master key. This process has it in memory.
func (g *gateway) keyIsKept(context.Context) error {
	if _, err := masterKey(g.config.MasterKeyFile, depotOf(g.config).String(), true); err != nil {
		return warning{fmt.Errorf("the next start would fail: %w", err)}
	}
	return nil
}

func (g *gateway) manifestsAreRead(context.Context) error {
	if err := g.unread.Load(); err != nil {
		return warning{fmt.Errorf("were not applied again; what was registered stays: %w", *err)}
	}
	return nil
}

// writing is when the ledger was last written, as far as is known.
type writing struct {
	mu  sync.Mutex
	at  time.Time
	err error // of the last try
}

// markEvery is how often ledger time is stored when nothing else is written; markAgain how soon after it could not be.
const (
	markEvery = 10 * time.Second
	markAgain = 2 * time.Second
)

func (w *writing) note(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err = err; err == nil {
		w.at = time.Now()
	}
}

// recently is nil when the last try went well, and was not long ago.
func (w *writing) recently() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if quiet := time.Since(w.at); w.err == nil && quiet > 3*markEvery {
		return fmt.Errorf("the last time was %s ago", quiet.Round(time.Second))
	}
	return w.err
}

// markTime stores ledger time while nothing else is written, until ctx is over. So it is known whether the ledger can be
// written at all.
func (g *gateway) markTime(ctx context.Context) {
	for {
		limited, cancel := context.WithTimeout(ctx, 2*markEvery)
		err := g.store.Mark(limited)
		cancel()
		if ctx.Err() != nil {
			return
		}
		g.written.note(err)
		wait := markEvery
		if err != nil {
			g.log.Error("mark time", "error", err)
			wait = markAgain
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// drainFor is how long a gateway that is told to stop goes on, as not ready, so that whoever balances sees it in time.
const drainFor = 3 * time.Second

// drain says that the gateway is stopping, and waits until that may have been seen. When nobody ever asked, nobody will.
func (g *gateway) drain() {
	g.stopping.Store(true)
	if g.watched.Load() {
		g.log.Info("stopping: not ready any more; requests are taken for a moment", "seconds", drainFor.Seconds())
		time.Sleep(drainFor)
	}
}

// letGo asks who keeps a connection, once the gateway is stopping, to use it no more: a request that is sent down a
// connection that is being closed is lost, and nobody may send a post again.
func (g *gateway) letGo(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}
