package main

import (
	"context"
	"fmt"
	"time"

	"leasehold/broker"
	"leasehold/broker/redis"
	"leasehold/config"
)

// openRedis makes the client of what replicas share, if the configuration names one. That it does not answer is no
// reason not to start: checks do without it, and logins say that they cannot be begun until it is back.
func (g *gateway) openRedis(ctx context.Context) error {
	if g.config.Redis == "" {
		return nil
	}
	at, err := config.ParseRedis(g.config.Redis)
	if err != nil {
		return fmt.Errorf("redis: the URL %w", err)
	}
	trust, err := at.TLSConfig()
	if err != nil {
		return fmt.Errorf("redis: the URL %w", err)
	}
	secret, err := g.keys.Named(ctx, "redis")
	if err != nil {
		return err
	}
	g.redis, err = redis.New(redis.Config{
		Addresses: at.Addresses, Master: at.Master, Cluster: at.Cluster, Username: at.Username, Password: at.Password,
		SentinelUsername: at.SentinelUsername, SentinelPassword: at.SentinelPassword, Database: at.Database, TLS: trust,
		Secret: secret, Log: g.log,
	})
	if err != nil {
		return err
	}
	if err := g.redis.Ping(ctx); err != nil {
		g.log.Warn("Redis does not answer: nobody can log in until it does, and whoever is logged in goes on", "redis", g.config.Redis.String(), "error", err)
	}
	return nil
}

// heralds is what says to other processes what is about to end, or nil.
func (g *gateway) heralds() broker.Herald {
	if g.redis == nil {
		return nil
	}
	return g.redis
}

// attempts is where logins under way are kept, and what counts them over all replicas, if anything does.
func (g *gateway) attempts() (broker.Attempts, broker.Shared) {
	if g.redis == nil {
		return broker.NewLocalAttempts(time.Now), nil
	}
	return g.redis, g.redis
}
