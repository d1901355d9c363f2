package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leasehold/config"
)

func TestSourcesOfSecretsAreReadWithAllTheirFaults(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("reports.url", "postgres://boss:hunter2@db:5432/reports\n")
	write("none.url", "hunter2")
	sources, faults := config.LoadSecrets(write("a.yaml", "secrets:\n- {id: reports, tenant: acme, url_file: reports.url, member_of: [reading], roles: [analyst]}\n"), nil)
	if len(faults) != 0 || len(sources) != 1 || sources[0].ID != "reports" || sources[0].Tenant != "acme" || sources[0].Roles[0] != "analyst" || sources[0].Members[0] != "reading" || sources[0].Connections != 5 {
		t.Fatalf("%+v, %v", sources, faults)
	}
	if !strings.HasPrefix(sources[0].URL.Reveal(), "postgres://boss:hunter2@") {
		t.Error("the address was not read")
	}
	_, faults = config.LoadSecrets(write("b.yaml", `secrets:
- {id: reports, tenant: acme, url_file: none.url, roles: [analyst]}
- {id: reports, tenant: acme, kind: oracle, url_file: reports.url}
- {id: other, tenant: acme, roles: [analyst]}
`), nil)
	said := faults.Error()
	for _, want := range []string{"holds no address of a database", "has a source of that name above", `"oracle" is none of postgres`, "names none", "url_file: is missing"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said: %s", want, said)
		}
	}
	if strings.Contains(said, "hunter2") {
		t.Error("a fault holds a secret")
	}
	if sources, faults := config.LoadSecrets(filepath.Join(dir, "c.yaml"), nil); len(sources) != 0 || len(faults) != 0 {
		t.Errorf("a file that is not there: %v, %v", sources, faults)
	}
}

func TestEachKindOfSourceIsReadWithItsKeysAndRefusesWhatWouldRule(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("redis.url", "rediss://maker:hunter2@cache:6380/2\n")
	write("fleet.url", "redis+sentinel://maker:hunter2@a,b/main")
	write("hook.url", "https://broker.acme.example/leasehold")
	write("plain.url", "http://broker.acme.example/hunter2")
	write("key", "an example, and no secret at all")
	write("short", "hunter2")
	sources, faults := config.LoadSecrets(write("a.yaml", `secrets:
- {id: cache, tenant: acme, kind: redis, url_file: redis.url, roles: [analyst], keys: ["reports:*"], channels: [news], commands: ["@read", "object|freq", set]}
- {id: cloud, tenant: acme, kind: webhook, url_file: hook.url, secret_file: key, roles: [analyst]}
`), nil)
	if len(faults) != 0 || len(sources) != 2 {
		t.Fatalf("%+v, %v", sources, faults)
	}
	cache, cloud := sources[0], sources[1]
	if cache.Kind != config.SourceRedis || cache.Redis.Addresses[0] != "cache:6380" || cache.Redis.Username != "maker" || cache.Redis.Password != "hunter2" || !cache.Redis.TLS || cache.Redis.Database != 2 || len(cache.Commands) != 3 || cache.Keys[0] != "reports:*" {
		t.Errorf("%+v", cache)
	}
	if cloud.Kind != config.SourceWebhook || cloud.URL.Reveal() != "https://broker.acme.example/leasehold" || cloud.Signs.Reveal() != "an example, and no secret at all" {
		t.Errorf("%+v", cloud)
	}
	for keys, want := range map[string]string{
		`kind: redis, url_file: redis.url, commands: ["@all"]`:              "@all has commands that rule the server",
		`kind: redis, url_file: redis.url, commands: ["@admin"]`:            "@admin has commands that rule the server",
		`kind: redis, url_file: redis.url, commands: ["@DANGEROUS"]`:        "has commands that rule the server",
		`kind: redis, url_file: redis.url, commands: [ACL]`:                 "acl rules the server",
		`kind: redis, url_file: redis.url, commands: ["config|get"]`:        "config rules the server",
		`kind: redis, url_file: redis.url, commands: [allcommands]`:         "allcommands rules the server",
		`kind: redis, url_file: redis.url, commands: ["+get"]`:              "is no command and no category",
		`kind: redis, url_file: redis.url, commands: ["get +@all"]`:         "is no command and no category",
		`kind: redis, url_file: redis.url, keys: [a]`:                       "commands: names none",
		`kind: redis, url_file: redis.url, commands: [get], keys: ["a ~*"]`: "is no pattern",
		`kind: redis, url_file: fleet.url, commands: [get]`:                 "several servers",
		`kind: redis, url_file: hook.url, commands: [get]`:                  "is no URL of a Redis",
		`kind: redis, url_file: redis.url, commands: [get], member_of: [x]`: "member_of: is of kind postgres",
		`kind: webhook, url_file: plain.url, secret_file: key`:              "holds no address of a service",
		`kind: webhook, url_file: hook.url`:                                 "secret_file: is missing",
		`kind: webhook, url_file: hook.url, secret_file: short`:             "is no secret of 24 bytes or more",
		`kind: webhook, url_file: hook.url, secret_file: key, keys: [a]`:    "keys: is of kind redis",
	} {
		_, faults := config.LoadSecrets(write("b.yaml", "secrets:\n- {id: x, tenant: acme, roles: [analyst], "+keys+"}\n"), nil)
		if said := faults.Error(); !strings.Contains(said, want) || strings.Contains(said, "hunter2") {
			t.Errorf("%s: %s", keys, said)
		}
	}
}
