//go:build real

package main

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	goredis "github.com/redis/go-redis/v9"

	"leasehold/broker/redis/redistest"
	"leasehold/broker/webhook"
	"leasehold/cmd/leasehold/internal/peers"
	"leasehold/provision/postgres/postgrestest"
	"leasehold/web/api"
)

// TestABatchJobReadsADatabaseForAsLongAsItsLease is the fourth example: a role of PostgreSQL that exists only within the lease,
// and whose open connection dies with it.
func TestABatchJobReadsADatabaseForAsLongAsItsLease(t *testing.T) {
	root := postgrestest.Start(t, postgrestest.Options{NoSync: true}).Database(t, "")
	admin, err := pgx.Connect(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	for _, statement := range []string{"CREATE TABLE numbers AS SELECT 42 AS n", "CREATE ROLE reading", "GRANT SELECT ON numbers TO reading"} {
		if _, err := admin.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	users := func() (n int) {
		t.Helper()
		if err := admin.QueryRow(t.Context(), "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'lh\\_%'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	g := beginJobs(t, false)
	g.write("reports.url", root)
	g.write("secrets.yaml", "secrets:\n- {id: reports, tenant: acme, url_file: reports.url, member_of: [reading], roles: [engineer]}\n- {id: others, tenant: acme, url_file: reports.url, roles: [root]}\n")

	if status, got := g.post("secrets/reports", "", nil); status != http.StatusUnauthorized {
		t.Errorf("without a lease: %d %v", status, got)
	}
	_, got := g.exchange(g.token(nil), nil)
	handle, _ := got["access_token"].(string)
	if status, got := g.post("secrets/others", handle, nil); status/100 != 4 || got["password"] != nil {
		t.Errorf("without a role for it: %d %v", status, got)
	}
	status, got := g.post("secrets/reports", handle, nil)
	password, _ := got["password"].(string)
	user, _ := got["username"].(string)
	if status != http.StatusOK || password == "" || users() != 1 {
		t.Fatalf("the job got %d %v; the database knows %d", status, got, users())
	}
	address, err := url.Parse(root)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword(user, password)
	job, err := pgx.Connect(t.Context(), address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer job.Close(t.Context())
	var n int
	if err := job.QueryRow(t.Context(), "SELECT n FROM numbers").Scan(&n); err != nil || n != 42 {
		t.Fatalf("the job reads %d, %v", n, err)
	}

	until := func() (at time.Time) {
		t.Helper()
		if err := admin.QueryRow(t.Context(), "SELECT rolvaliduntil FROM pg_roles WHERE rolname = $1", user).Scan(&at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	before := until()
	time.Sleep(1100 * time.Millisecond) // the server keeps seconds
	renewal := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"}, "subject_token": {g.token(nil)}, "renew": {handle}}
	if status, got := g.post("token", "", renewal); status != http.StatusOK || got["access_token"] != handle {
		t.Fatalf("the renewal: %d %v", status, got)
	}
	if after := until(); !after.After(before) {
		t.Errorf("the role is valid until %s, and was until %s", after, before)
	}
	if err := job.QueryRow(t.Context(), "SELECT n FROM numbers").Scan(&n); err != nil {
		t.Errorf("the job's connection ended with the first term: %v", err)
	}
	renewal.Set("subject_token", g.token(nil))
	if status, got := g.post("token", "", renewal); status/100 != 4 || got["reason"] != "renewal_refused" {
		t.Errorf("a second time: %d %v", status, got)
	}

	if status, got := g.post("tasks/4242-1/end", handle, nil); status != http.StatusOK {
		t.Fatalf("the end of the task: %d %v", status, got)
	}
	ended := time.Now()
	if status, got := g.post("secrets/reports", handle, nil); status/100 != 4 || got["password"] != nil {
		t.Errorf("after the end: %d %v", status, got)
	}
	g.until("the job's connection to be gone", func() bool { return job.QueryRow(t.Context(), "SELECT n FROM numbers").Scan(&n) != nil })
	g.until("the role to be gone", func() bool { return users() == 0 })
	t.Logf("both were gone %s after the end", time.Since(ended).Round(time.Millisecond))
	g.until("the audit to say so", func() bool { return strings.Contains(strings.Join(g.audit(), "\n"), "credential revoked") })
	events, err := json.Marshal(g.events())
	if err != nil || strings.Contains(string(events), password) || !strings.Contains(string(events), user) {
		t.Errorf("the audit has the password, or not the user: %v", err)
	}
}

// TestABatchJobsRedisUserExistsOnlyWithinItsLease: its open connection dies with it, and nobody but its maker was touched.
func TestABatchJobsRedisUserExistsOnlyWithinItsLease(t *testing.T) {
	server, users := cache(t)
	as := func(user, password string) *goredis.Client {
		c := goredis.NewClient(&goredis.Options{Addr: server.Addr, Username: user, Password: password, PoolSize: 1, MaxRetries: -1, DisableIdentity: true})
		t.Cleanup(func() { c.Close() })
		return c
	}
	root := as("root", "wordsofroot")
	if err := root.Set(t.Context(), "reports:1", "42", 0).Err(); err != nil {
		t.Fatal(err)
	}
	g := beginJobs(t, false)
	g.write("cache.url", "redis://maker:wordsofamaker@"+server.Addr+"/0")
	g.write("secrets.yaml", "secrets:\n"+cacheSource)
	_, got := g.exchange(g.token(nil), nil)
	handle, _ := got["access_token"].(string)
	status, got := g.post("secrets/cache", handle, nil)
	password, _ := got["password"].(string)
	user, _ := got["username"].(string)
	if status != http.StatusOK || password == "" || got["address"] != "redis://"+server.Addr+"/0" || users() != 1 {
		t.Fatalf("the job got %d %v; the server knows %d", status, got, users())
	}
	job := as(user, password).Conn()
	if n, err := job.Get(t.Context(), "reports:1").Result(); err != nil || n != "42" {
		t.Fatalf("the job reads %q, %v", n, err)
	}
	if err := job.Set(t.Context(), "reports:1", "0", 0).Err(); err == nil {
		t.Error("the job writes")
	}

	if status, got := g.post("tasks/4242-1/end", handle, nil); status != http.StatusOK {
		t.Fatalf("the end of the task: %d %v", status, got)
	}
	g.until("the user to be gone", func() bool { return users() == 0 })
	if err := job.Get(t.Context(), "reports:1").Err(); err == nil || strings.HasPrefix(err.Error(), "NOPERM") {
		t.Errorf("its open connection lives on: %v", err)
	}
	if err := as(user, password).Get(t.Context(), "reports:1").Err(); err == nil {
		t.Error("it connects again")
	}
	g.until("the audit to say so", func() bool { return strings.Contains(strings.Join(g.audit(), "\n"), "credential revoked") })
}

// cache is a Redis at which whoever makes users may do that and nothing else, and what knows of its users.
func cache(t *testing.T) (server *redistest.Server, users func() int) {
	server = redistest.Single(t,
		"user default off", "user root on >wordsofroot ~* &* +@all",
		"user maker on >wordsofamaker resetkeys resetchannels -@all +acl|setuser +acl|deluser +acl|getuser +client|kill")
	root := goredis.NewClient(&goredis.Options{Addr: server.Addr, Username: "root", Password: "wordsofroot", DisableIdentity: true})
	t.Cleanup(func() { root.Close() })
	return server, func() int {
		t.Helper()
		names, err := root.Do(t.Context(), "ACL", "USERS").StringSlice()
		if err != nil {
			t.Fatal(err)
		}
		return len(names) - 3
	}
}

const cacheSource = "- {id: cache, tenant: acme, kind: redis, url_file: cache.url, keys: [\"reports:*\"], commands: [get], roles: [engineer]}\n"

// kill ends the gateway as a machine that loses its power does.
func (g *gatewayUnderTest) kill() {
	g.t.Helper()
	g.killed = g.process
	if err := g.process.Kill(); err != nil {
		g.t.Fatal(err)
	}
	g.until("the gateway to be gone", func() bool { return g.process.Signal(syscall.Signal(0)) != nil })
}

// TestAGatewayThatIsKilledWhileARedisUserIsMadeLeavesNone kills it when the name is committed and the server has not
// answered; the server does what it was told all the same.
func TestAGatewayThatIsKilledWhileARedisUserIsMadeLeavesNone(t *testing.T) {
	server, users := cache(t)
	g := beginJobs(t, false)
	g.write("cache.url", "redis://maker:wordsofamaker@"+server.Addr+"/0")
	g.write("secrets.yaml", "secrets:\n"+cacheSource)
	_, got := g.exchange(g.token(nil), nil)
	handle, _ := got["access_token"].(string)
	listed := func(args ...string) (views []api.Credential) {
		t.Helper()
		if err := json.Unmarshal([]byte(g.operator(append([]string{"secret", "list", "--json"}, args...)...)), &views); err != nil {
			t.Fatal(err)
		}
		return views
	}
	server.Stop()
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url(ssoHost)+"/t/acme/secrets/cache", nil)
		request.Header.Set("Authorization", "Bearer "+handle)
		if answer, err := peers.Client(t, g.ca, false).Do(request); err == nil {
			answer.Body.Close()
		}
	}()
	g.until("the intent", func() bool { return len(listed()) == 1 })
	time.Sleep(200 * time.Millisecond) // what the server is sent lies before it
	g.kill()
	server.Continue()
	<-asked
	g.serve()
	if left := listed(); len(left) != 1 || left[0].State != "intended" || left[0].User == "" {
		t.Fatalf("left are %+v", left)
	}
	t.Logf("the server knows %d users after the kill", users())
	for end := time.Now().Add(2 * time.Minute); users() > 0 || listed()[0].State != "revoking"; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the server knows %d users, the ledger has %+v", users(), listed())
		}
	}
}

// TestNoPasswordOfAnySourceIsInLedgerLogAuditOrBackup hands out one of each kind, renews and revokes it, and looks everywhere.
func TestNoPasswordOfAnySourceIsInLedgerLogAuditOrBackup(t *testing.T) {
	root := postgrestest.Start(t, postgrestest.Options{NoSync: true}).Database(t, "")
	server, users := cache(t)
	made := map[string]string{}
	var mu sync.Mutex
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var wish webhook.Wish
		if err := json.NewDecoder(r.Body).Decode(&wish); err != nil {
			t.Error(err)
		}
		name := wish.Data.Name
		answer := map[string]string{"name": name}
		switch wish.Type {
		case "secret.issue":
			made[name] = "secret-of-the-service-" + name
			answer["password"] = made[name]
		case "secret.revoke":
			delete(made, name)
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(answer)
	}))
	defer service.Close()
	g := beginJobs(t, false)
	g.write("reports.url", root)
	g.write("cache.url", "redis://maker:wordsofamaker@"+server.Addr+"/0")
	g.write("cloud.url", service.URL)
	g.write("cloud.key", "an example, and no secret at all")
	g.write("secrets.yaml", "secrets:\n"+cacheSource+
		"- {id: reports, tenant: acme, url_file: reports.url, roles: [engineer]}\n- {id: cloud, tenant: acme, kind: webhook, url_file: cloud.url, secret_file: cloud.key, roles: [engineer]}\n")
	_, got := g.exchange(g.token(nil), nil)
	handle, _ := got["access_token"].(string)
	hidden := []string{"wordsofamaker", "an example, and no secret at all"}
	var names []string
	for _, source := range []string{"reports", "cache", "cloud"} {
		status, got := g.post("secrets/"+source, handle, nil)
		password, _ := got["password"].(string)
		user, _ := got["username"].(string)
		if status != http.StatusOK || len(password) < 20 || user == "" {
			t.Fatalf("%s: %d %v", source, status, got)
		}
		hidden, names = append(hidden, password), append(names, user)
	}
	if !strings.HasPrefix(hidden[len(hidden)-1], "secret-of-the-service-") {
		t.Errorf("the service's own password was not handed over")
	}
	held := filepath.Join(g.folder, "held.backup")
	g.operator("backup", held)
	if text := g.operator("secret", "list"); strings.Count(text, "issued") != 3 {
		t.Errorf("listed are %s", text)
	}
	if status, got := g.post("tasks/4242-1/end", handle, nil); status != http.StatusOK {
		t.Fatalf("the end of the task: %d %v", status, got)
	}
	g.until("all to be taken back", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(made) == 0 && users() == 0 && strings.Count(g.operator("secret", "list", "--all"), "revoked") == 3
	})
	g.operator("backup", filepath.Join(g.folder, "after.backup"))
	events, err := json.Marshal(g.events())
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]string{"the log": g.log.String(), "the audit": string(events), "the list": g.operator("secret", "list", "--all", "--json")}
	err = filepath.WalkDir(g.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || filepath.Ext(path) == ".url" || filepath.Ext(path) == ".key" {
			return err
		}
		text, err := os.ReadFile(path)
		places[filepath.Base(path)] = string(text)
		return err
	})
	if err != nil || len(places) < 6 {
		t.Fatalf("looked at %d places, %v", len(places), err)
	}
	for where, text := range places {
		for i, secret := range hidden {
			if strings.Contains(text, secret) {
				t.Errorf("secret %d is in %s", i, where)
			}
		}
	}
	for _, name := range names { // what is looked through does hold what belongs to them
		if !strings.Contains(places["the audit"], name) || !strings.Contains(places["the list"], name) {
			t.Errorf("%s is not in the audit, or not in the list", name)
		}
	}
}
