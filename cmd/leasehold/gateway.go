package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"leasehold/broker"
	"leasehold/broker/condition"
	"leasehold/broker/dns"
	"leasehold/broker/outbound"
	"leasehold/broker/redis"
	"leasehold/broker/webhook"
	"leasehold/config"
	"leasehold/idp"
	"leasehold/idp/oidc"
	"leasehold/idp/saml"
	"leasehold/provision"
	"leasehold/provision/postgres"
	"leasehold/web"
	"leasehold/web/api"
)

// gateway is everything that serves, wired: the one place where adapters and use cases meet.
type gateway struct {
	config       config.Config
	environ      []string
	log          *slog.Logger
	lock         *os.File
	store        ledger
	replica      *postgres.Replica // among those that share the ledger; nil: it is this process's alone
	keys         *broker.Keyring
	redis        *redis.Client // nil: this is the only replica
	broker       *broker.Broker
	prover       *broker.Prover
	desk         *broker.Desk
	api          *api.API
	fetch        *http.Client // for every address that a tenant gave
	metrics      *prometheus.Registry
	counts       *metrics
	certificates *certificates
	refused      *web.Refused // what was behind pages that no event tells of
	public       http.Handler
	stop         chan struct{} // closed when event streams have to end
	prompts      chan struct{} // somebody registered something: look at proofs and metadata now

	written  writing
	stopping atomic.Bool           // whoever balances is told so before nobody listens any more
	watched  atomic.Bool           // somebody asks whether it is ready
	unread   atomic.Pointer[error] // why the manifests were not applied again

	rotating sync.Mutex // one rotation of a connection's key or of the master key at a time
}

// lockName is a file in the data folder.
const lockName = "lock"

// reserve is what is kept of the disk so that access can be ended when it is full: thousands of revocations.
const reserve = 16 << 20

// openGateway opens the ledger and wires what stands on it. Nothing is listening yet.
func openGateway(ctx context.Context, c config.Config, environ []string, log *slog.Logger) (*gateway, error) {
	g := &gateway{config: c, environ: environ, log: log, refused: new(web.Refused), prompts: make(chan struct{}, 1), stop: make(chan struct{})}
	if err := g.open(ctx); err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

func (g *gateway) open(ctx context.Context) (err error) {
	if err := dataFolder(g.config.Data); err != nil {
		return err
	}
	if g.lock, err = lock(filepath.Join(g.config.Data, lockName)); err != nil {
		return err
	}
	at := depotOf(g.config)
	if g.store, err = at.openFirst(ctx, g.config.MasterKeyFile); err != nil {
		return err
	}
	g.written.note(g.store.Mark(ctx))
	if g.keys, err = openKeys(ctx, g.store, g.config.MasterKeyFile, at.String()); err != nil {
		return err
	}
	if err := g.dropNext(ctx); err != nil {
		return err
	}
	if err := g.openRedis(ctx); err != nil {
		return err
	}
	conditions, err := condition.New()
	if err != nil {
		return err
	}
	attempts, shared := g.attempts()
	seen, err := g.measure()
	if err != nil {
		return err
	}
	g.fetch = outbound.New(outbound.Config{AllowPrivate: g.config.Outbound.AllowPrivate})
	g.fetch.Transport = counted{g.fetch.Transport, g.counts.outbound}
	g.broker, err = broker.New(ctx, broker.Ports{
		Replicas: g.replicas(ctx), Changed: g.prompt, Ledger: watched{g.store, g.counts}, Registry: g.store, Keys: g.keys, Attempts: attempts, Clock: g.store, Upstreams: g.store, Setups: g.store, Leftovers: g.store, Search: g.store,
		Canaries: g.store, Elevations: g.store, Decided: g.store, Credentials: g.store, Sources: sources{g.config.Secrets, g.environ, g.fetch}, Outbox: g.store, Messenger: webhook.Client{HTTP: outbound.New(outbound.Config{AllowPrivate: g.config.Outbound.AllowPrivate})},
		Open: func(ctx context.Context, c provision.Connection) (idp.Provider, error) {
			return g.provider(ctx, c)
		},
		Documents: documents{g.fetch}, Conditions: conditions,
		Present: seen.Present, URL: g.config.URL, Operators: g.config.Operators, Log: g.log, NoCache: !g.config.Cache, Count: g.counts,
		Pace: broker.Pace{N: g.config.Limits.Tenant.Count, Per: g.config.Limits.Tenant.Per}, Shared: shared, Herald: g.heralds(),
	})
	if err != nil {
		return err
	}
	for _, counted := range []prometheus.Collector{backlogs{g}, credentials{g}} {
		if err := g.metrics.Register(counted); err != nil {
			return err
		}
	}
	g.prover = g.newProver()
	if err := g.openDesk(ctx); err != nil {
		return err
	}
	seal, err := g.keys.Named(ctx, "notes")
	if err != nil {
		return err
	}
	mounts, err := g.mounts()
	if err != nil {
		return err
	}
	g.public, err = web.New(web.Config{
		URL: g.config.URL, Gate: g.broker, TrustedProxies: g.config.TrustedProxies,
		Attempts: web.Limit{N: g.config.Limits.Attempts.Count, Per: g.config.Limits.Attempts.Per}, Exempt: g.config.Limits.Exempt, Shared: shared,
		Stop: g.stop, Seal: seal, Mounts: mounts, Metrics: seen, Refused: g.refused, Log: g.log,
	})
	return err
}

// measure registers everything that is measured.
func (g *gateway) measure() (*web.Metrics, error) {
	g.metrics, g.certificates = prometheus.NewRegistry(), newCertificates()
	seen, err := web.NewMetrics(g.metrics)
	if err != nil {
		return nil, err
	}
	if g.counts, err = newMetrics(g.metrics); err != nil {
		return nil, err
	}
	return seen, errors.Join(g.metrics.Register(newHeadcount(g.store)), g.metrics.Register(g.certificates))
}

// replicas makes this process one of those that share a database; nil when there is none.
func (g *gateway) replicas(ctx context.Context) broker.Replicas {
	shared, ok := g.store.(*postgres.Store)
	if !ok {
		return nil
	}
	var bell postgres.Bell
	if g.redis != nil {
		bell = g.redis
	}
	g.replica = shared.Replica(ctx, bell)
	return g.replica
}

func (g *gateway) newProver() *broker.Prover {
	resolver := dns.Resolver{}
	if g.config.DNS.Resolver != "" {
		resolver.Servers = []string{g.config.DNS.Resolver}
	}
	p := broker.NewProver(g.broker, resolver, g.config.Proof.Every, g.config.Proof.Grace)
	p.Alarms = g.counts.Alarm
	return p
}

// provider is what speaks a connection's protocol.
func (g *gateway) provider(ctx context.Context, c provision.Connection) (idp.Provider, error) {
	at := addresses{g.config.URL}
	switch c.Protocol {
	case provision.SAML:
		pairs, err := serviceProviderKeys(ctx, g.keys, c.ID)
		if err != nil {
			return nil, err
		}
		return saml.New(saml.Config{
			Connection: c, EntityID: at.entityID(c.ID), ACS: at.acs(c.ID), SLO: at.slo(c.ID), Now: time.Now,
			Key: pairs[0].Key, Certificate: pairs[0].Certificate, OldKeys: pairs[1:],
		})
	case provision.OIDC:
		var secret []byte
		if c.ClientSecret != "" {
			var err error
			if secret, err = g.keys.Secret(ctx, c.ClientSecret); err != nil {
				return nil, err
			}
		}
		return oidc.New(oidc.Config{Connection: c, ClientSecret: string(secret), RedirectURI: at.callback(c.ID), AfterLogout: at.afterLogout(), HTTP: g.fetch, Now: time.Now, Log: g.log})
	}
	if c.Protocol == provision.Workloads {
		return oidc.NewIssuer(oidc.IssuerConfig{Connection: c, Audience: broker.WorkloadAudience(g.config.URL, c.Tenant), HTTP: g.fetch, Now: time.Now, Log: g.log})
	}
	return nil, fmt.Errorf("protocol %q: %w", c.Protocol, provision.ErrCorrupt)
}

// documents are metadata that live at a URL.
type documents struct{ client *http.Client }

// Fetch implements broker.Documents.
func (d documents) Fetch(ctx context.Context, url string) ([]byte, error) {
	return saml.Fetch(ctx, d.client, url)
}

// Follows implements broker.Documents.
func (d documents) Follows(old, new []byte) error {
	if len(old) == 0 {
		_, err := saml.ParseMetadata(new, time.Now())
		return err
	}
	err := saml.Refreshed(old, new, time.Now())
	if errors.Is(err, saml.ErrNotChained) {
		return fmt.Errorf("%w: %w", broker.ErrNotChained, err)
	}
	return err
}

// Expires implements broker.Expirer.
func (documents) Expires(document []byte) (time.Time, bool) { return lastDay(document) }

// Tell implements broker.Documents.
func (documents) Tell(document []byte) string { return saml.Tell(document) }

// dataFolder makes the folder, for its owner alone, and says what to do when it cannot be used.
func dataFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("data folder: %w; make it for the user that runs leasehold, or change `data` in the configuration", err)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("data folder: %w", err)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("data folder %s may be written by others (mode %04o): chmod 0700 %s", path, info.Mode().Perm(), path)
	case unix.Access(path, unix.W_OK|unix.X_OK) != nil:
		return fmt.Errorf("data folder %s cannot be written by uid %d: chown it to the user that runs leasehold", path, os.Geteuid())
	}
	return nil
}

// lock makes this the only process on the data folder.
func lock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		return nil, fmt.Errorf("another leasehold runs on the data folder %s; stop it first, or give this one a folder of its own", filepath.Dir(path))
	}
	return file, nil
}

func (g *gateway) close() {
	if g.replica != nil {
		if err := g.replica.Close(); err != nil {
			g.log.Warn("the others take this process for gone in a few seconds", "error", err)
		}
	}
	if g.redis != nil {
		g.redis.Close()
	}
	if g.store != nil {
		g.store.Close()
	}
	if g.lock != nil {
		g.lock.Close()
	}
}

// register applies the configured manifests: all or nothing.
func (g *gateway) register(ctx context.Context, via string) error {
	manifest, faults := config.LoadManifests(g.config.Manifests, g.environ, judge(g.config.URL, time.Time{}))
	if len(faults) > 0 {
		return faults
	}
	deed := broker.Deed{Actor: provision.Actor{Kind: provision.Operator, ID: fmt.Sprintf("uid:%d", os.Getuid()), Via: via}}
	done, err := g.broker.Register(ctx, deed, wanted(manifest), broker.Plan{Owner: provision.ByManifest})
	if err != nil {
		return fmt.Errorf("manifests: %w", err)
	}
	for _, line := range done.Changes {
		g.log.Info("registered", "change", line)
	}
	for _, name := range done.Unmanaged {
		g.log.Warn("unmanaged: no longer in the manifests; disable it with apply --prune", "object", name)
	}
	g.prompt()
	return nil
}

// prompt makes the background look at proofs and metadata now.
func (g *gateway) prompt() {
	select {
	case g.prompts <- struct{}{}:
	default:
	}
}

// background runs what nobody asks for, until ctx is over.
func (g *gateway) background(ctx context.Context) *sync.WaitGroup {
	var tasks sync.WaitGroup
	tasks.Go(func() { g.broker.Run(ctx) })
	tasks.Go(func() { g.markTime(ctx) })
	tasks.Go(func() { g.collectCalmly(ctx) })
	tasks.Go(func() { g.watchCertificates(ctx) })
	tasks.Go(func() { g.prover.Run(ctx, g.prompts) })
	return &tasks
}

// server is an HTTP server that cannot be held open by slowness.
func server(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// listen opens an address of the configuration, which has it under key.
func listen(key string, a config.Address) (net.Listener, error) {
	network, address := a.Listen()
	if network == "unix" {
		if err := removeSocket(address); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	l, err := net.Listen(network, address)
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s is taken by another process; stop it, or change `%s` in the configuration", key, address, key)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", key, err)
	case network == "unix": // as far as the folder lets them, whoever could connect to a loopback port can connect here
		err = os.Chmod(address, 0o666)
	}
	return l, err
}

// removeSocket removes what an earlier process left behind, and nothing else.
func removeSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there, and is no socket; name another path", path)
	}
	return os.Remove(path)
}
