// Package acl makes ACL users of a Redis that exist for as long as a lease. It implements broker.Source.
package acl

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"leasehold/broker"
)

// Server is one Redis, as somebody sees it who may make users there: acl|setuser, acl|deluser, acl|getuser, client|kill.
// Users are a server's own: neither replicas nor other nodes of a cluster know them.
type Server struct {
	Address            string // host:port
	Username, Password string // of the one who makes users; no Username: the default user
	Database           int    // that holders are told of; Redis bounds nobody to one
	TLS                *tls.Config

	Keys, Channels []string // patterns of what those made reach; none: nothing
	Commands       []string // that they may give, and categories with @; none: nothing. Never @admin and @dangerous
}

var _ broker.Source = Server{}

// prefix is what every user of ours begins with. Nobody else is touched.
const prefix = "lh_"

// patience is how long an answer is waited for by somebody who has set no bound, or a longer one.
const patience = 10 * time.Second

// errName is a user that is none of ours.
var errName = errors.New("the name is none of ours")

// Issue implements broker.Source. The server is told a hash, and never the password. Said again, it is the same user.
func (s Server) Issue(ctx context.Context, o broker.UserOrder) (broker.Handed, error) {
	if !strings.HasPrefix(o.Name, prefix) {
		return broker.Handed{}, errName
	}
	if o.Password == "" {
		return broker.Handed{}, errors.New("there is no password")
	}
	err := s.with(ctx, func(c *goredis.Client) error { return c.Do(ctx, s.rules(o)...).Err() })
	return broker.Handed{Address: s.address()}, err
}

// rules are the command that makes a user. What is taken away stands last, so that nothing before it gives it.
func (s Server) rules(o broker.UserOrder) []any {
	hash := sha256.Sum256([]byte(o.Password))
	rules := []any{"ACL", "SETUSER", o.Name, "reset", "resetchannels", "#" + hex.EncodeToString(hash[:])}
	for _, key := range s.Keys {
		rules = append(rules, "~"+key)
	}
	for _, channel := range s.Channels {
		rules = append(rules, "&"+channel)
	}
	for _, command := range s.Commands {
		rules = append(rules, "+"+command)
	}
	return append(rules, "-@admin", "-@dangerous", "on")
}

// Renew implements broker.Source. Users of a Redis have no end of their own: whoever is there stays, and whoever is not
// is not made anew.
func (s Server) Renew(ctx context.Context, user string, _ time.Time) error {
	return s.with(ctx, func(c *goredis.Client) error {
		switch there, err := knows(ctx, c, user); {
		case err != nil:
			return err
		case !there:
			return errGone
		}
		return nil
	})
}

// errGone is a user that was to be renewed, and is not there: the server began anew, or somebody took him away.
var errGone = errors.New("the user is not there")

// Revoke implements broker.Source: connections of the user end, and he is gone. One that is not there is as good.
func (s Server) Revoke(ctx context.Context, user string) error {
	if !strings.HasPrefix(user, prefix) {
		return errName
	}
	return s.with(ctx, func(c *goredis.Client) error {
		if err := c.Do(ctx, "CLIENT", "KILL", "USER", user).Err(); err != nil && !strings.Contains(err.Error(), "No such user") {
			return err
		}
		if err := c.Do(ctx, "ACL", "DELUSER", user).Err(); err != nil { // it ends whoever connected meanwhile, too
			return err
		}
		there, err := knows(ctx, c, user)
		if err == nil && there {
			err = errors.New("the user is still there")
		}
		return err
	})
}

func knows(ctx context.Context, c *goredis.Client, user string) (bool, error) {
	err := c.Do(ctx, "ACL", "GETUSER", user).Err()
	if errors.Is(err, goredis.Nil) {
		return false, nil
	}
	return err == nil, err
}

// with runs do on a connection of its own. An error names no address and no command: they may hold secrets.
func (s Server) with(ctx context.Context, do func(*goredis.Client) error) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return said(ctx, err)
	}
	defer conn.Close()
	once := make(chan net.Conn, 1)
	once <- conn
	c := goredis.NewClient(&goredis.Options{
		Username: s.Username, Password: s.Password, Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, PoolSize: 1, ContextTimeoutEnabled: true,
		ReadTimeout: patience, WriteTimeout: patience,
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			select {
			case conn := <-once:
				return conn, nil
			default:
				return nil, net.ErrClosed
			}
		},
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	defer c.Close()
	return said(ctx, do(c))
}

// dial is done here, and not by the library, which writes its failures to the process's standard error.
func (s Server) dial(ctx context.Context) (net.Conn, error) {
	if s.TLS != nil {
		return (&tls.Dialer{Config: s.TLS}).DialContext(ctx, "tcp", s.Address)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", s.Address)
}

// said is an error in words that hold nothing secret.
func said(ctx context.Context, err error) error {
	var no goredis.Error
	var late net.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errGone):
		return err
	case errors.As(err, &no): // the first word is the code; what follows may repeat what was sent
		code, _, _ := strings.Cut(no.Error(), " ")
		return fmt.Errorf("the Redis does not do it: %s", code)
	case ctx.Err() != nil, errors.As(err, &late) && late.Timeout():
		return errors.New("the Redis does not answer in time")
	}
	if why := broker.Unreached(err); why != "" {
		return fmt.Errorf("the Redis cannot be reached: %s", why)
	}
	return errors.New("the Redis does not do it")
}

// address is where the server is, without whose password.
func (s Server) address() string {
	u := url.URL{Scheme: "redis", Host: s.Address, Path: "/" + strconv.Itoa(s.Database)}
	if s.TLS != nil {
		u.Scheme = "rediss"
	}
	return u.String()
}
