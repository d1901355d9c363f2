// Package config reads what people write: the operator's configuration, and manifests of tenants and apps. It turns
// files and environment variables into settings and into the nouns of [leasehold/provision], or says everything that
// is wrong with them at once ([Faults]). Nothing of what has a fault is ever used.
package config

import (
	"crypto/tls"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"leasehold/provision"
)

// Config is the operator's configuration. It is read at start and stays as it is until the next. Paths are as the
// process can open them: relative ones begin at the configuration file.
type Config struct {
	// Required. The SSO host as browsers see it: an https origin without a path. http is for loopback names only.
	URL provision.Origin `key:"url"`
	// Where browsers and proxies connect.
	Listen Address `key:"listen" default:"127.0.0.1:8080"`
	// The certificate of the public listener. Without one a proxy in front ends TLS.
	TLS TLS `key:"tls"`
	// Where `/livez`, `/readyz` and `/metrics` are; never the same as `listen`.
	OpsListen Address `key:"ops_listen" default:"127.0.0.1:9090"`
	// Folder of the database file, the admin socket and the lock.
	Data string `key:"data" default:"/var/lib/leasehold"`
	// File of the master key, which wraps the keys and secrets in the database. Empty: `master.key` in `data`.
	MasterKeyFile string `key:"master_key_file"`
	// `sqlite`, a file in `data`, for one process; or a PostgreSQL database, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, for several with a `data` each.
	Database Locator `key:"database" default:"sqlite"`
	// What replicas share beside the database: `redis://user:password@host:6379/0`, `redis+sentinel://host:26379,host:26379/name` or `redis+cluster://host:6379,host:6379`, with `rediss` for TLS. Empty: there is one process. See below.
	Redis Locator `key:"redis"`
	// Proxies whose forwarded headers count. There is no value that trusts everybody.
	TrustedProxies []netip.Prefix `key:"trusted_proxies" default:"127.0.0.0/8, ::1"`
	// How domain proofs are looked up.
	DNS DNS `key:"dns"`
	// Manifests that are applied at start and on SIGHUP: files, or patterns with `*`. With a fault in one, none is applied.
	Manifests []string `key:"manifests" default:"tenants.d/*.yaml"`
	// File of the sources of secrets that leases are handed users of. See below. A file that is not there names none.
	Secrets string `key:"secrets" default:"secrets.yaml"`
	// Requests to addresses that tenants gave: metadata, discovery, keys.
	Outbound Outbound `key:"outbound"`
	// How often domain proofs are repeated.
	Proof Proof `key:"proof"`
	// Limits on logins.
	Limits Limits `key:"limits"`
	// Id of the tenant whose accounts may be operators. Empty: none.
	Operators provision.TenantID `key:"operators"`
	// What is logged, as JSON lines on stderr.
	Log Log `key:"log"`
	// Whether checks may be answered from memory, at most a second after it was renewed. `off` asks the database every time.
	Cache bool `key:"cache" default:"on"`
}

// TLS is a certificate with its key: both, or none.
type TLS struct {
	// File of the certificate with its chain (PEM).
	Cert string `key:"cert"`
	// File of its private key (PEM).
	Key string `key:"key"`
}

// DNS is how names are looked up.
type DNS struct {
	// The resolver for domain proofs, host:port. Empty: the system's.
	Resolver string `key:"resolver"`
}

// Outbound is where tenant-given addresses may lead.
type Outbound struct {
	// Networks that may be fetched from besides public ones.
	AllowPrivate []netip.Prefix `key:"allow_private"`
}

// Proof is the rhythm of domain proofs.
type Proof struct {
	// Time between two proofs of a verified domain.
	Every time.Duration `key:"every" default:"24h"`
	// Time from a domain's failing until its logins are refused and its leases end.
	Grace time.Duration `key:"grace" default:"72h"`
}

// Limits keep one address, and one tenant, from using up the gateway.
type Limits struct {
	// Logins from one address (of IPv6: from one /64), per second, minute or hour.
	Attempts Rate `key:"attempts" default:"600/m"`
	// Steps of logins at one tenant: each beginning is one, and each answer that is judged.
	Tenant Rate `key:"tenant" default:"6000/m"`
	// Addresses without the limit on addresses.
	Exempt []netip.Prefix `key:"exempt" default:"127.0.0.0/8, ::1"`
}

// Log is what is logged.
type Log struct {
	// The least that is logged: `debug` also says what was refused and why, `info` each step of a login and each act of an
	// operator, `warn` and `error` only what somebody has to look at.
	Level string `key:"level" default:"info"`
}

// Load reads the configuration file at path, if path is not "", and the LEASEHOLD_… variables of environ (as
// os.Environ has them), which win. With any fault the Config holds nothing but Manifests, so that their faults can be
// said in the same breath.
func Load(path string, environ []string) (Config, Faults) {
	var c Config
	var faults Faults
	r := newReader("configuration", "", &faults)
	if path != "" {
		r = newReader(path, filepath.Dir(path), &faults)
	}
	r.defaults(&c)
	understood := path == "" || r.load(&c)
	r.environment(&c, environ)
	top := place{r, ""}
	if understood && !top.has("url") {
		top.fault("url", "is missing; write the origin of the SSO host, as in https://sso.example.com, or set %s", variable("url"))
	}
	c.check(top)
	if len(faults) > 0 {
		return Config{Manifests: slices.DeleteFunc(c.Manifests, func(pattern string) bool { return pattern == "" })}, faults.sorted()
	}
	return c, nil
}

// check notes what only shows when every key was read, and completes the paths.
func (c *Config) check(top place) {
	if c.Listen == c.OpsListen && !strings.HasSuffix(string(c.Listen), ":0") {
		top.fault("ops_listen", "is the address of listen; choose another, that only operators reach")
	}
	if err := checkName(string(c.Operators)); err != nil && c.Operators != "" {
		top.fault("operators", "%v", err)
	}
	if c.DNS.Resolver != "" && (!isHostPort(c.DNS.Resolver) || strings.HasPrefix(c.DNS.Resolver, ":")) {
		top.fault("dns.resolver", "%q is no address; write host:port, an IPv6 address in brackets", c.DNS.Resolver)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		top.fault("log.level", "%q is no level; write debug, info, warn or error", c.Log.Level)
	}
	c.checkTimes(top)
	c.checkStores(top)
	c.checkProxies(top)
	c.resolve(top)
	c.checkTLS(top)
}

func (c *Config) checkTimes(top place) {
	if c.Proof.Every == 0 {
		top.fault("proof.every", "is 0; write a longer time")
	}
	if c.Proof.Grace == 0 {
		top.fault("proof.grace", "is 0; write a longer time")
	}
}

// checkStores says nothing of the values: they may hold a password.
func (c *Config) checkStores(top place) {
	switch {
	case c.Database == "sqlite":
	case !isURL(string(c.Database), "postgres", "postgresql"):
		top.fault("database", "is no database that this version knows; write sqlite, or postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	case !namesDatabase(string(c.Database)):
		top.fault("database", "names no database of the server, or has its password behind a question mark; write postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	if c.Redis == "" {
		return
	}
	r, err := ParseRedis(c.Redis)
	if err == nil {
		_, err = r.TLSConfig()
	}
	if err != nil {
		top.fault("redis", "%v", err)
	}
}

func (c *Config) checkProxies(top place) {
	for i, prefix := range c.TrustedProxies {
		if prefix.IsValid() && prefix.Bits() == 0 {
			top.fault(item("trusted_proxies", i), "%s trusts everybody to say who a request is from; name the proxies", prefix)
		}
	}
}

// resolve makes the paths those that the process can open.
func (c *Config) resolve(top place) {
	if c.Data == "" {
		top.fault("data", "is empty; write the folder for the database")
	}
	for _, path := range []*string{&c.Data, &c.MasterKeyFile, &c.TLS.Cert, &c.TLS.Key, &c.Secrets} {
		*path = top.reader.resolve(*path)
	}
	for i := range c.Manifests {
		c.Manifests[i] = top.reader.resolve(c.Manifests[i])
	}
	if c.MasterKeyFile == "" {
		c.MasterKeyFile = filepath.Join(c.Data, "master.key")
	}
}

func (c *Config) checkTLS(top place) {
	switch {
	case c.TLS == TLS{}:
	case c.TLS.Cert == "":
		top.fault("tls.cert", "is missing beside tls.key; write both or none")
	case c.TLS.Key == "":
		top.fault("tls.key", "is missing beside tls.cert; write both or none")
	default:
		if _, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key); err != nil {
			top.fault("tls", "cannot be used (%v); name a certificate and its key, both PEM", err)
		}
	}
}

// namesDatabase reports whether a URL's path is one name, and its password stands where printing leaves it out.
func namesDatabase(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	name := strings.TrimPrefix(u.Path, "/")
	q := u.Query()
	return name != "" && !strings.Contains(name, "/") && !q.Has("password") && !q.Has("sslpassword")
}

func isURL(text string, schemes ...string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && slices.Contains(schemes, u.Scheme)
}
