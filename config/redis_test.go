package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"leasehold/config"
)

func TestURLsOfRedis(t *testing.T) {
	for text, want := range map[string]config.Redis{
		"redis://localhost":                    {Addresses: []string{"localhost:6379"}},
		"redis://10.0.0.1:7000/3":              {Addresses: []string{"10.0.0.1:7000"}, Database: 3},
		"redis://:hunter2@[::1]/":              {Addresses: []string{"[::1]:6379"}, Password: "hunter2"},
		"redis://[::1]:1":                      {Addresses: []string{"[::1]:1"}},
		"rediss://leasehold:a%40b%2Fc@redis:6": {Addresses: []string{"redis:6"}, Username: "leasehold", Password: "a@b/c", TLS: true},
		"rediss://redis?ca=/etc/ca.pem":        {Addresses: []string{"redis:6379"}, TLS: true, CA: "/etc/ca.pem"},
		"redis+sentinel://u:p@a,b:1,c/main?db=2&sentinel_user=s&sentinel_password=t": {
			Addresses: []string{"a:26379", "b:1", "c:26379"}, Master: "main", Username: "u", Password: "p", Database: 2, SentinelUsername: "s", SentinelPassword: "t",
		},
		"rediss+sentinel://a/main":     {Addresses: []string{"a:26379"}, Master: "main", TLS: true},
		"redis+cluster://u:p@a:1,b:2":  {Addresses: []string{"a:1", "b:2"}, Cluster: true, Username: "u", Password: "p"},
		"rediss+cluster://a/?ca=/x":    {Addresses: []string{"a:6379"}, Cluster: true, TLS: true, CA: "/x"},
		"redis://u:p@q@host.example:1": {Addresses: []string{"host.example:1"}, Username: "u", Password: "p@q"},
	} {
		got, err := config.ParseRedis(config.Locator(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestURLsThatAreOfNoRedisAreFaultsThatTellNoPassword(t *testing.T) {
	for text, want := range map[string]string{
		"localhost:6379":                           "is no URL of a Redis",
		"hunter2":                                  "is no URL of a Redis",
		"http://:hunter2@r":                        "is no URL of a Redis",
		"redis+ring://:hunter2@r":                  "is no URL of a Redis",
		"redis+://:hunter2@r":                      "is no URL of a Redis",
		"redis://:hunter2@":                        "is no URL of a Redis",
		"redis://:hunter2@a,":                      "is no URL of a Redis",
		"redis://:hunter2@a/0#x":                   "is no URL of a Redis",
		"redis://:hunter2%zz@a":                    "is no URL of a Redis",
		"redis://:hunter2@a:port":                  "names a host that is none",
		"redis://:hunter2@a:1:2":                   "names a host that is none",
		"redis://:hunter2@:6379":                   "names a host that is none",
		"redis://:hunter2@a,b":                     "names several hosts",
		"redis://hunter2@a":                        "names a user without a password",
		"redis://:hunter2@a/hunter2":               "has a database that is no number",
		"redis://:hunter2@a/-1":                    "has a database that is no number",
		"redis+cluster://:hunter2@a/1":             "names a database, and a cluster has none",
		"redis+sentinel://:hunter2@a":              "does not say which primary is meant",
		"redis+sentinel://:hunter2@a/x/y":          "does not say which primary is meant",
		"redis+sentinel://a/x?db=hunter2":          "has a database that is no number",
		"redis+sentinel://a/x?sentinel_user=s":     "has a sentinel_user without",
		"redis://a?sentinel_password=hunter2":      `has the parameter "sentinel_password"`,
		"redis://a?password=hunter2":               `has the parameter "password"`,
		"redis://a?ca=/x":                          "has a ca, and is in the clear",
		"rediss://a?ca=x":                          "has a ca that is no absolute path",
		"rediss://a?ca=/x&ca=/y":                   `has "ca" twice`,
		"redis://a?%zz=hunter2":                    "is no URL of a Redis",
		"rediss://:hunter2@a?ca=/nowhere/ca.pem":   "has a ca that cannot be read",
		"rediss://:hunter2@a?ca=/proc/self/maps":   "has a ca without a certificate",
		"rediss+cluster://:hunter2@a?ca=/dev/null": "has a ca without a certificate",
	} {
		file := written(t, "leasehold.yaml", goodURL+"redis: \""+text+"\"\n")
		c, faults := config.Load(file, nil)
		if wantFaults(t, lines(file, faults), "leasehold.yaml:2: redis: "+want); strings.Contains(fmt.Sprint(faults, c), "hunter2") {
			t.Errorf("a password is printed: %v", faults)
		}
	}
}

func TestAURLOfRedisIsPrintedWithoutItsPasswords(t *testing.T) {
	for text, want := range map[string]string{
		"redis://u:hunter2@a:1/0": "redis://u:xxxxx@a:1/0",
		"redis+sentinel://u:hunter2@a:1,b:2/x?db=1&sentinel_password=hunter2": "redis+sentinel://u:xxxxx@a:1,b:2/x?db=1&sentinel_password=xxxxx",
		"redis+cluster://:hunter2@a:1,b:2":                                    "redis+cluster://:xxxxx@a:1,b:2",
		"hunter2":                                                             "[unreadable]",
		"sqlite":                                                              "sqlite",
	} {
		if got := config.Locator(text).String(); got != want {
			t.Errorf("printed: %s, want %s", got, want)
		}
	}
}

func TestTheCAOfRedisIsTrustedAndNoOther(t *testing.T) {
	if c, err := (config.Redis{}).TLSConfig(); c != nil || err != nil {
		t.Errorf("in the clear: %v, %v", c, err)
	}
	if c, err := (config.Redis{TLS: true}).TLSConfig(); err != nil || c.RootCAs != nil || c.InsecureSkipVerify {
		t.Errorf("by the system's: %v, %v", c, err)
	}
	pem, err := os.ReadFile(filepath.Join("testdata", "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := (config.Redis{TLS: true, CA: path}).TLSConfig(); err != nil || c.RootCAs == nil || c.InsecureSkipVerify {
		t.Errorf("by its own: %v, %v", c, err)
	}
}
