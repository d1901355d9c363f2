package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Redis is where a Redis is, read from its URL:
//
//	redis://user:password@host:6379/0                                    one server
//	redis+sentinel://user:password@host:26379,host:26379/name            the primary that sentinels call by that name
//	redis+cluster://user:password@host:6379,host:6379                    a cluster, by some of its nodes
//
// rediss in place of redis is TLS. Parameters: ca, a file; db, sentinel_user and sentinel_password with sentinels.
type Redis struct {
	Addresses                          []string // of the server, of the sentinels, or of nodes of the cluster
	Master                             string   // "": no sentinels
	Cluster                            bool
	Username, Password                 string
	SentinelUsername, SentinelPassword string
	Database                           int
	TLS                                bool
	CA                                 string // file of certificates that are trusted; "": the system's
}

// redisText is what the reference says of the URL, with ~ in place of the backquote.
const redisText = `### Where Redis is

| URL | what it is |
|---|---|
| ~redis://user:password@host:6379/0~ | one server, database 0 |
| ~redis+sentinel://user:password@host:26379,host:26379/name~ | the primary that sentinels call ~name~; user and password are the primary's |
| ~redis+cluster://user:password@host:6379,host:6379~ | a cluster, by some of its nodes |

~rediss~ in place of ~redis~ is TLS, also to sentinels; the certificate has to be for the host as it is written here, or as the
sentinels and the cluster name it. The port may be left out. Without ACL users write ~:password@~. In a password, ~%40~ is @,
~%2F~ is /, ~%3A~ is : and ~%25~ is %. Behind a question mark, with ~&~ between them:

| parameter | where | what |
|---|---|---|
| ~ca~ | ~rediss~ | absolute path of the certificates (PEM) that are trusted, in place of the system's |
| ~db~ | sentinels | the database, 0 unless said |
| ~sentinel_user~, ~sentinel_password~ | sentinels | who we are to the sentinels, when they ask |

The URL may hold a password: give it as ~LEASEHOLD_REDIS~, or keep the file from others. Nothing prints the password.
[operations.md](operations.md#redis) says what Redis is for, and has the line for its ACL.
`

// errNoRedis says nothing of the value, as all that follows: it may hold a password.
var errNoRedis = errors.New("is no URL of a Redis; write redis://host:6379, redis+sentinel://host:26379,host:26379/name or redis+cluster://host:6379,host:6379, with rediss in place of redis for TLS")

// ParseRedis reads the URL. Its errors say what is wrong, and nothing that is secret.
func ParseRedis(l Locator) (Redis, error) {
	u, hosts, err := l.split()
	if err != nil {
		return Redis{}, errNoRedis
	}
	var r Redis
	secure, kind, _ := strings.Cut(u.Scheme, "+")
	port := "6379"
	switch kind {
	case "sentinel":
		port = "26379"
	case "cluster":
		r.Cluster = true
	case "":
	default:
		return r, errNoRedis
	}
	if r.TLS = secure == "rediss"; !r.TLS && secure != "redis" || strings.HasSuffix(u.Scheme, "+") || u.Fragment != "" {
		return Redis{}, errNoRedis
	}
	for _, host := range hosts {
		if !hasPort(host) {
			host += ":" + port
		}
		if !isHostPort(host) || strings.HasPrefix(host, ":") {
			return Redis{}, errors.New("names a host that is none; write host:port, an IPv6 address in brackets, and commas between several")
		}
		r.Addresses = append(r.Addresses, host)
	}
	if len(hosts) > 1 && kind == "" {
		return Redis{}, errors.New("names several hosts; begin with redis+sentinel:// or redis+cluster://, whichever it is")
	}
	if r.Username = u.User.Username(); u.User != nil {
		if r.Password, _ = u.User.Password(); r.Password == "" {
			return Redis{}, errors.New("names a user without a password; write user:password@ before the host, or :password@ where there are no users")
		}
	}
	if err := r.path(kind, strings.TrimPrefix(u.Path, "/")); err != nil {
		return Redis{}, err
	}
	return r.parameters(kind, u.RawQuery)
}

// path reads what stands behind the hosts.
func (r *Redis) path(kind, path string) (err error) {
	switch {
	case kind == "sentinel":
		if r.Master = path; path == "" || strings.ContainsAny(path, "/ ") {
			return errors.New("does not say which primary is meant; write the name that the sentinels call it by behind the hosts, as in redis+sentinel://host:26379/mymaster")
		}
	case kind == "cluster" && path != "":
		return errors.New("names a database, and a cluster has none; leave it out")
	case path != "":
		r.Database, err = database(path)
	}
	return err
}

// parameters reads what stands behind the question mark.
func (r Redis) parameters(kind, query string) (Redis, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return Redis{}, errNoRedis
	}
	for key, given := range values {
		sentinel := kind == "sentinel"
		switch {
		case len(given) > 1:
			return Redis{}, fmt.Errorf("has %q twice; write it once", key)
		case key == "ca" && r.TLS && filepath.IsAbs(given[0]):
			r.CA = given[0]
		case key == "ca" && r.TLS:
			return Redis{}, errors.New("has a ca that is no absolute path; write ca=/path/to/ca.pem")
		case key == "ca":
			return Redis{}, errors.New("has a ca, and is in the clear; begin with rediss, or leave it out")
		case key == "db" && sentinel:
			if r.Database, err = database(given[0]); err != nil {
				return Redis{}, err
			}
		case key == "sentinel_user" && sentinel:
			r.SentinelUsername = given[0]
		case key == "sentinel_password" && sentinel:
			r.SentinelPassword = given[0]
		default:
			return Redis{}, fmt.Errorf("has the parameter %q, which is none here; there are ca with rediss, and db, sentinel_user and sentinel_password with sentinels", key)
		}
	}
	if r.SentinelUsername != "" && r.SentinelPassword == "" {
		return Redis{}, errors.New("has a sentinel_user without a sentinel_password; write both")
	}
	return r, nil
}

func database(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, errors.New("has a database that is no number; write one, as in redis://host:6379/0")
	}
	return int(n), nil
}

// TLSConfig is how the server is known, or nil when it is spoken to in the clear.
func (r Redis) TLSConfig() (*tls.Config, error) {
	if !r.TLS {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if r.CA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(r.CA)
	if err != nil {
		return nil, fmt.Errorf("has a ca that cannot be read (%v); check the path", err)
	}
	if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("has a ca without a certificate (%s); write the path of a PEM file", r.CA)
	}
	return c, nil
}

// split reads a URL that may name several hosts, which net/url takes for one with a strange port.
func (l Locator) split() (u *url.URL, hosts []string, err error) {
	scheme, rest, found := strings.Cut(string(l), "://")
	if !found {
		return nil, nil, errNoRedis
	}
	authority, behind := rest, ""
	if at := strings.IndexAny(rest, "/?#"); at >= 0 {
		authority, behind = rest[:at], rest[at:]
	}
	user := authority[:strings.LastIndexByte(authority, '@')+1]
	hosts = strings.Split(authority[len(user):], ",")
	if u, err = url.Parse(scheme + "://" + user + "host" + behind); err != nil || slices.Contains(hosts, "") {
		return nil, nil, errNoRedis
	}
	return u, hosts, nil
}

func hasPort(host string) bool {
	return strings.LastIndexByte(host, ':') > strings.LastIndexByte(host, ']')
}
