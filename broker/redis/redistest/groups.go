package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"
)

// Sentinels are three processes that watch a primary with a replica.
type Sentinels struct {
	Addresses        []string
	Master           string
	Password         string // of the sentinels
	Primary, Replica *Server
	watchers         []*Server
}

// Sentinel starts them, and returns when they all know of the replica and of each other.
func Sentinel(t testing.TB) *Sentinels {
	t.Helper()
	s := &Sentinels{Master: "main", Password: "wordsofsentinels"}
	s.Primary = node(t, port(t))
	host, at, _ := net.SplitHostPort(s.Primary.Addr)
	s.Replica = node(t, port(t), "--replicaof", host+" "+at)
	Until(t, "the replica", func() bool {
		return strings.Contains(fmt.Sprint(s.Replica.Do("INFO", "replication")), "master_link_status:up")
	})
	for range 3 {
		p := port(t)
		conf := filepath.Join(t.TempDir(), "sentinel.conf") // it writes to it
		text := fmt.Sprintf("port %d\nrequirepass %s\nsentinel sentinel-pass %[2]s\nsentinel monitor %s %s %s 2\n", p, s.Password, s.Master, host, at) +
			fmt.Sprintf("sentinel down-after-milliseconds %s 500\nsentinel failover-timeout %[1]s 4000\n", s.Master)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.watchers = append(s.watchers, start(t, "sentinel", p, conf, "--sentinel"))
		s.Addresses = append(s.Addresses, local(p))
	}
	for _, w := range s.watchers {
		Until(t, "the sentinels", func() bool { return s.knows(w) })
	}
	return s
}

// knows reports whether a sentinel knows of everybody.
func (s *Sentinels) knows(w *Server) bool {
	c := goredis.NewSentinelClient(&goredis.Options{Addr: w.Addr, Password: s.Password})
	defer c.Close()
	replicas, err := c.Replicas(context.Background(), s.Master).Result()
	others, err2 := c.Sentinels(context.Background(), s.Master).Result()
	return err == nil && err2 == nil && len(replicas) == 1 && len(others) == 2
}

// Cluster starts three primaries, each with a replica, and returns their addresses and processes when all slots are served.
func Cluster(t testing.TB) (addresses []string, nodes []*Server) {
	t.Helper()
	const primaries = 3
	bus := map[string]int{}
	for range 2 * primaries {
		p, b := port(t), port(t)
		n := node(t, p, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "1500", "--cluster-port", fmt.Sprint(b))
		nodes, addresses, bus[n.Addr] = append(nodes, n), append(addresses, n.Addr), b
	}
	for i, n := range nodes {
		n.Do("CLUSTER", "SET-CONFIG-EPOCH", i+1)
		if i < primaries {
			n.Do("CLUSTER", "ADDSLOTSRANGE", i*16384/primaries, (i+1)*16384/primaries-1)
		}
		host, at, _ := net.SplitHostPort(n.Addr)
		nodes[0].Do("CLUSTER", "MEET", host, at, bus[n.Addr])
	}
	for i, n := range nodes[primaries:] {
		primary := fmt.Sprint(nodes[i].Do("CLUSTER", "MYID"))
		Until(t, "the cluster's names", func() bool { return strings.Contains(fmt.Sprint(n.Do("CLUSTER", "NODES")), primary) })
		n.Do("CLUSTER", "REPLICATE", primary)
	}
	for _, n := range nodes {
		Until(t, "the cluster", func() bool {
			info := fmt.Sprint(n.Do("CLUSTER", "INFO"))
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprint("cluster_known_nodes:", len(nodes)))
		})
	}
	for _, n := range nodes[primaries:] {
		Until(t, "a replica", func() bool {
			return strings.Contains(fmt.Sprint(n.Do("INFO", "replication")), "master_link_status:up")
		})
	}
	return addresses, nodes
}
