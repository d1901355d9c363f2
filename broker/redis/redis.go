// Package redis keeps what replicas share beside the ledger in Redis: what is under way and used once (broker.Attempts),
// the counts behind limits on logins (broker.Shared), and wake-ups (Wake, Woken).
//
// Nothing that gives or takes access is there. All of it may be lost at any time: logins under way begin again, limits
// begin anew, and who waits for a wake-up looks by itself. Who reads it learns no name, address or id; who writes to it
// lets nobody in, because what is under way is sealed by the broker, and spent in the ledger.
//
// Redis 6.2 or newer, one server, Sentinel or Cluster. Every wait is bounded.
package redis

import (
	"context"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"leasehold/provision"
)

// Config is where Redis is, and how it is used.
type Config struct {
	Addresses []string // host:port of the server, of the sentinels, or of some nodes of the cluster
	Master    string   // name of the primary that the sentinels watch; "": there are none
	Cluster   bool     // the addresses are of a cluster

	Username, Password                 string // ACL user; both empty: none
	SentinelUsername, SentinelPassword string
	Database                           int         // not in a cluster
	TLS                                *tls.Config // nil: in the clear

	Secret []byte           // key of the installation that names are hidden by; replicas share it
	Log    *slog.Logger     // nil: silent
	Now    func() time.Time // nil: the wall clock
}

// prefix is what every key and channel begins with: an ACL of ~leasehold:* and &leasehold:* is enough.
const prefix = "leasehold:"

// How long Redis is waited for.
const (
	patience  = 500 * time.Millisecond // for something under way, in all
	limitTime = 50 * time.Millisecond  // for a count
	wakeTime  = 100 * time.Millisecond // for wake-ups to be sent
	dialTime  = 250 * time.Millisecond
	reload    = 2 * time.Second // of what a cluster looks like
	poolSize  = 32              // connections to one server, beside that of the subscription
)

// Client is one Redis, as a replica uses it. It is safe for concurrent use.
type Client struct {
	config           Config
	redis            goredis.UniversalClient
	scripts          scripts
	self             string // this process, among those that foretell
	herald           cipher.AEAD
	counts           breaker
	counting, waking complaint
}

// scripts are what runs in Redis. Each touches one key.
type scripts struct{ swap, enlist, count *goredis.Script }

// New is a Client. It asks nothing yet: a Redis that is away is no reason not to start.
func New(c Config) (*Client, error) {
	switch {
	case len(c.Addresses) == 0:
		return nil, errors.New("redis: an address is missing")
	case len(c.Secret) < 32:
		return nil, errors.New("redis: the secret is too short")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	goredis.SetLogger(lines{c.Log}) // one for the process: the library would write to stderr past our log
	aead, err := herald(c.Secret)
	if err != nil {
		return nil, fmt.Errorf("redis: cipher: %w", err)
	}
	return &Client{
		config: c, redis: connect(c), self: rand.Text(), herald: aead,
		scripts: scripts{swap: goredis.NewScript(swapScript), enlist: goredis.NewScript(enlistScript), count: goredis.NewScript(countScript)},
	}, nil
}

// connect makes the library's client. It asks nothing yet.
func connect(c Config) goredis.UniversalClient {
	o := options(c)
	if !c.Cluster {
		return goredis.NewUniversalClient(o)
	}
	cluster := o.Cluster()
	cluster.ClusterStateReloadInterval = reload // the universal options have a minute, for which a dead primary is asked
	return goredis.NewClusterClient(cluster)
}

// options are the library's, with waits of ours: its own are seconds, and several of them one after another.
func options(c Config) *goredis.UniversalOptions {
	return &goredis.UniversalOptions{
		Addrs: c.Addresses, MasterName: c.Master, IsClusterMode: c.Cluster,
		Username: c.Username, Password: c.Password, SentinelUsername: c.SentinelUsername, SentinelPassword: c.SentinelPassword,
		DB: c.Database, TLSConfig: c.TLS, Protocol: 3, ClientName: "leasehold", DisableIdentity: true,
		MaxRetries: 1, MinRetryBackoff: 5 * time.Millisecond, MaxRetryBackoff: 50 * time.Millisecond, MaxRedirects: 3,
		DialTimeout: dialTime, DialerRetries: 1, DialerRetryTimeout: time.Millisecond,
		ReadTimeout: patience, WriteTimeout: patience, PoolTimeout: patience, ContextTimeoutEnabled: true,
		PoolSize: poolSize, PipelinePoolSize: -1,
		FailingTimeoutSeconds:    1,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// Close ends all connections.
func (c *Client) Close() error { return c.redis.Close() }

// Ping is nil when Redis answers, takes the password, and lets this user at its keys.
func (c *Client) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return unavailable("ping", absent(c.redis.Get(ctx, c.key("ping", "")).Err()))
}

// key names something in Redis without telling what. Each has its own slot in a cluster.
func (c *Client) key(kind, name string) string {
	mac := hmac.New(sha256.New, c.config.Secret)
	mac.Write([]byte(kind + "\x00" + name))
	return prefix + kind + ":" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:24])
}

// absent is nil when the error only says that there is no such key.
func absent(err error) error {
	if errors.Is(err, goredis.Nil) {
		return nil
	}
	return err
}

// unavailable is what every failure of Redis is to whoever asked: nobody can tell.
func unavailable(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("redis: %s: %w: %w", what, provision.ErrUnavailable, err)
}

// complaint is of a failure that nobody else is told of.
type complaint struct{ last atomic.Int64 } // Unix nanoseconds

// log writes it, once a minute.
func (c *complaint) log(log *slog.Logger, text string, err error) {
	now, last := time.Now().UnixNano(), c.last.Load()
	if now-last >= int64(time.Minute) && c.last.CompareAndSwap(last, now) {
		log.Warn(text, "error", err)
	}
}

// lines gives the library's complaints to our log, below what operators see: we say ourselves what a failure means.
type lines struct{ log *slog.Logger }

// Printf is the library's Logging.
func (l lines) Printf(ctx context.Context, format string, v ...any) {
	if l.log.Enabled(ctx, slog.LevelDebug) {
		l.log.DebugContext(ctx, "redis library", "text", fmt.Sprintf(format, v...))
	}
}
