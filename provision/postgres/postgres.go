// Package postgres keeps the ledger in a PostgreSQL database, for several processes: every commit is on disk before it is
// acknowledged, and logins of different tenants run side by side. docs/design/0006-postgresql.md argues why that is enough.
package postgres

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sys/unix"

	"leasehold/provision"
)

// Options are what a Store may be told. The zero value is for production.
type Options struct {
	Boottime    func() time.Duration // time since some moment, also while the machine sleeps; nil: CLOCK_BOOTTIME
	Connections int                  // at most so many to the server; 0: what the URL says with pool_max_conns, or 16
}

// Store is a ledger, a registry and a key store in one database.
type Store struct {
	pool  *pgxpool.Pool
	clock *clock
}

var (
	_ provision.Ledger   = (*Store)(nil)
	_ provision.Registry = (*Store)(nil)
	_ provision.Keys     = (*Store)(nil)
)

// Open connects to the database at a URL and brings its schema up to date. A schema that is newer than this program is
// refused. No error holds the URL's password.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	all, err := readMigrations()
	if err != nil {
		return nil, err
	}
	return openAt(ctx, url, o, all)
}

func openAt(ctx context.Context, url string, o Options, migrations []string) (*Store, error) {
	c, err := configure(url, o)
	if err != nil {
		return nil, err
	}
	where := fmt.Sprintf("ledger: database %s at %s", c.ConnConfig.Database, c.ConnConfig.Host)
	s := &Store{clock: &clock{boot: o.Boottime}}
	if s.clock.boot == nil {
		s.clock.boot = boottime
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, c); err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	if err = migrate(ctx, s.pool, migrations); err == nil {
		err = s.askTime(ctx)
	}
	if err != nil {
		s.pool.Close()
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	return s, nil
}

// Close waits for what is under way. What was acknowledged is on disk already.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

// How long anything may take. A process that is stopped in the middle of a commit holds up nobody for longer than idle.
const (
	connectWithin = 5 * time.Second
	deadAfter     = 5 * time.Second  // without an answer to anything, the other machine is gone
	patience      = 15 * time.Second // for one transaction, in all
	statement     = 10 * time.Second
	lockWait      = 5 * time.Second
	idle          = 3 * time.Second // within a transaction
)

// configure describes the connections: durable at every commit, noticing within seconds that the other side is gone.
func configure(url string, o Options) (*pgxpool.Config, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database: the URL cannot be used; write postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	switch {
	case o.Connections > 0:
		c.MaxConns = int32(min(o.Connections, 1000))
	case !strings.Contains(url, "pool_max_conns"):
		c.MaxConns = 16
	}
	c.MaxConnIdleTime, c.PingTimeout = 5*time.Minute, 2*time.Second
	c.ConnConfig.ConnectTimeout = cmp.Or(c.ConnConfig.ConnectTimeout, connectWithin)
	dial := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 2 * time.Second, Interval: time.Second, Count: 3}, Control: giveUpInTime}
	c.ConnConfig.DialFunc = dial.DialContext
	c.ConnConfig.OnNotice = noteWarning
	c.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite // what a standby shows is not the truth
	milliseconds := func(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }
	for name, value := range map[string]string{
		"application_name": "leasehold", "synchronous_commit": "on", "default_transaction_isolation": "read committed", "jit": "off", "TimeZone": "UTC",
		"statement_timeout": milliseconds(statement), "lock_timeout": milliseconds(lockWait), "idle_in_transaction_session_timeout": milliseconds(idle),
		"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3", "tcp_user_timeout": milliseconds(deadAfter),
	} {
		c.ConnConfig.RuntimeParams[name] = value
	}
	return c, nil
}

// giveUpInTime makes the kernel give up a connection whose other side answers nothing (tcp(7), TCP_USER_TIMEOUT).
func giveUpInTime(network, _ string, raw syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var fault error
	err := raw.Control(func(fd uintptr) {
		fault = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(deadAfter.Milliseconds()))
	})
	return cmp.Or(err, fault)
}

// warned is under which name a connection notes that the server warned.
const warned = "warned"

// noteWarning notes warnings: at a commit, one says that it may not have reached the standby.
func noteWarning(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.SeverityUnlocalized == "WARNING" {
		c.CustomData()[warned] = true
	}
}
