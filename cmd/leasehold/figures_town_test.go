//go:build figures

package main

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

// population is how many there are.
type population struct {
	accounts, tenants, leases int

	// When not 0, leases end within one minute, evenly, so long after they began; but for the first tenant's.
	ending time.Duration
}

// The apps. Everybody may enter the wiki. The kiosk wants a new login for every visit, so that asking about it brings a
// lease into memory, and no assertion.
const (
	wiki  = "http://wiki.localhost"
	kiosk = "http://kiosk.localhost"
)

// town is a gateway's folder with a population in it.
type town struct {
	population
	t      *testing.T
	binary string
	folder string
	idp    *samltest.IdP // of all tenants
	wiki   [][]byte      // a check for each lease
	kiosk  [][]byte
	keys   cipher.AEAD // wraps the keys of accounts
	now    time.Time
}

// settle makes a town, with lines more in its configuration. Its rows are what logins and administrators leave: metadata of 3 KB a connection, a policy
// that maps groups, for every lease the event and the decision of its login.
func settle(t *testing.T, binary string, p population, settings ...string) *town {
	t.Helper()
	v := &town{population: p, t: t, binary: binary, folder: t.TempDir(), idp: samltest.NewRSA(t, 2048), now: time.Now().UTC()}
	v.idp.Certificates = append(v.idp.Certificates, samltest.Certify(t, samltest.NewRSA(t, 2048).Key)) // the next one, as at every roll-over
	text := fmt.Sprintf("url: http://sso.localhost:%s\nlisten: 127.0.0.1:%[1]s\nops_listen: 127.0.0.1:%s\ndata: data\n", port(t), port(t)) + strings.Join(settings, "\n") + "\n"
	if err := os.WriteFile(v.settings(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	g := v.open()
	defer g.close()
	v.keys = accountKeys(t, g)
	began := time.Now()
	v.seed(g)
	t.Logf("%d accounts settled in %s", p.accounts, time.Since(began).Round(time.Millisecond))
	for n := range p.leases {
		id := v.lease(v.holder(n)).ID
		v.wiki = append(v.wiki, check(wiki, g.broker.Token(id, origin(t, wiki))))
		v.kiosk = append(v.kiosk, check(kiosk, g.broker.Token(id, origin(t, kiosk))))
	}
	return v
}

// accountKeys wraps the keys that accounts carry, as the broker does.
func accountKeys(t *testing.T, g *gateway) cipher.AEAD {
	t.Helper()
	key, err := g.broker.Keys.Named(t.Context(), "accounts")
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

// settings is the path of its configuration.
func (v *town) settings() string { return filepath.Join(v.folder, "leasehold.yaml") }

func (v *town) config() config.Config {
	v.t.Helper()
	c, faults := config.Load(v.settings(), nil)
	if len(faults) > 0 {
		v.t.Fatal(faults)
	}
	return c
}

// open opens the gateway in this process.
func (v *town) open() *gateway {
	v.t.Helper()
	g, err := openGateway(context.Background(), v.config(), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		v.t.Fatal(err)
	}
	return g
}

// serve runs the gateway as a process of its own.
func (v *town) serve(t *testing.T) *process {
	c := v.config()
	_, listen := c.Listen.Listen()
	_, ops := c.OpsListen.Listen()
	p := launch(t, exec.Command(v.binary, "serve", "--config", v.settings()), "http://"+ops+"/readyz")
	p.address, p.ops = listen, "http://"+ops
	return p
}

// batch is how many accounts one commit makes.
const batch = 2_000

func (v *town) seed(g *gateway) {
	var apps provision.Change
	for id, o := range map[provision.AppID]string{"wiki": wiki, "kiosk": kiosk} {
		app := provision.App{ID: id, Origins: []provision.Origin{origin(v.t, o)}, Headers: "leasehold", Owner: provision.ByAPI, Revision: 1}
		for n := range v.tenants {
			app.Tenants = append(app.Tenants, tenantID(n))
		}
		if id == "kiosk" {
			app.MaxSession = time.Second
		}
		apps.Apps = append(apps.Apps, app)
	}
	v.commit(g, apps)
	for n := 0; n < v.tenants; n += batch / 10 {
		v.commit(g, v.organisations(n, min(n+batch/10, v.tenants)))
	}
	for n := 0; n < v.accounts; n += batch {
		v.commit(g, v.people(n, min(n+batch, v.accounts)))
	}
}

func (v *town) commit(g *gateway, c provision.Change) {
	v.t.Helper()
	_, err := g.store.Amend(context.Background(), provision.Target{}, func(provision.State) (provision.Change, error) { return c, nil })
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *town) organisations(from, to int) (c provision.Change) {
	metadata := v.idp.Metadata()
	for n := from; n < to; n++ {
		id := tenantID(n)
		c.Tenants = append(c.Tenants, provision.Tenant{
			ID: id, Name: fmt.Sprintf("Tenant %d Ltd", n), Contact: "it@" + domainName(n), Retention: 90 * 24 * time.Hour,
			Policy: provision.Policy{
				Version: 1, Create: provision.CreateAllow, Groups: provision.GroupRule{Any: []string{"staff", "contractors"}},
				Roles: provision.RoleRule{
					Default: []string{"reader"}, Ceiling: []string{"reader", "engineer", "editor", "admin"},
					Map: map[string][]string{"engineering": {"engineer", "editor"}, "marketing": {"editor"}, "it": {"admin"}},
				},
			},
			Generation: 1, Owner: provision.ByAPI, Revision: 1,
		})
		c.Connections = append(c.Connections, provision.Connection{
			ID: connectionID(n), Tenant: id, Protocol: provision.SAML, Domains: []provision.Domain{v.domain(n)}, Subject: "nameid",
			Attributes: map[string]string{"email": "mail", "name": "displayName", "groups": "groups"},
			Metadata:   metadata, Generation: 1, Owner: provision.ByAPI, Revision: 1,
		})
		c.Claims = append(c.Claims, provision.Claim{
			Tenant: id, Domain: v.domain(n), Proof: provision.ProofOperator, State: provision.ClaimVerified, Token: "token", Created: v.now,
			Verified: v.now, LastTried: v.now, Answer: provision.Attested, Note: "attested by operator uid:0", Generation: 1, Revision: 1,
		})
	}
	return c
}

// people are accounts, and the leases of those who hold one: of a tenant's accounts the first.
func (v *town) people(from, to int) (c provision.Change) {
	held := 0
	for n := from; n < to; n++ {
		a := v.account(n)
		if v.holds(n) {
			held++
			l := v.lease(n)
			a.State = provision.Active
			c.Leases = append(c.Leases, l)
			c.Entries = append(c.Entries, provision.Entry{Lease: l.ID, App: "wiki", At: v.now})
			decision := provision.DecisionID("dec_" + spread("decision", n, v.accounts))
			c.Decisions = append(c.Decisions, provision.DecisionRow{
				ID: decision, Tenant: a.Tenant, At: v.now, Outcome: provision.Created, PolicyVersion: 1, Account: a.ID,
				Inputs: noise(900), SealedBy: "account:" + string(a.ID),
			})
			c.Events = append(c.Events, provision.Event{
				ID: provision.EventID("evt_" + spread("event", n, v.accounts) + "_0"), Time: v.now, Tenant: a.Tenant, Kind: provision.EventLogin,
				Outcome: string(provision.Created), Actor: provision.Actor{Kind: provision.Person, Via: "login"}, Account: a.ID, Connection: l.Connection,
				Lease: provision.LeaseRef{ID: l.ID, Kind: l.Kind, End: l.End}, Decision: provision.DecisionRef{ID: decision, PolicyVersion: 1},
				Sealed: noise(250), SealedBy: "account:" + string(a.ID),
			})
		}
		c.Accounts = append(c.Accounts, a)
		c.Links = append(c.Links, provision.Link{
			LinkKey:   provision.LinkKey{Connection: connectionID(v.tenantOf(n)), Subject: subject(n)},
			Pseudonym: fmt.Sprintf("%x", sha256.Sum256([]byte(subject(n)))), Account: a.ID, Created: v.now,
		})
	}
	return c
}

func (v *town) account(n int) provision.Account {
	id := provision.AccountID("acc_" + spread("account", n, v.accounts))
	return provision.Account{
		ID: id, Tenant: tenantID(v.tenantOf(n)), State: provision.Dormant, Email: v.email(n), Name: fmt.Sprintf("Person %d", n),
		Groups: []string{"staff", "engineering", "all-hands"}, Created: v.now, LastLogin: v.now, Generation: 1, Revision: 1,
		Key: v.keys.Seal(nil, nil, noise(32), []byte("account:"+string(id))),
	}
}

func (v *town) lease(n int) provision.Lease {
	t := tenantID(v.tenantOf(n))
	return provision.Lease{
		ID: provision.NewLeaseID(t, spread("lease", n, v.accounts)), Kind: provision.SessionLease, Tenant: t,
		Account: provision.AccountID("acc_" + spread("account", n, v.accounts)), Connection: connectionID(v.tenantOf(n)), Domain: v.domain(v.tenantOf(n)),
		Grant: provision.Grant{Roles: []string{"editor", "engineer", "reader"}}, Subject: subject(n),
		Authn: provision.Authn{At: v.now, ACR: "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", SessionIndex: "_s-" + subject(n)},
		Start: v.now, End: v.end(n), Ceiling: provision.CauseCeiling, Idle: provision.DefaultIdle, Seen: v.now,
		Generations: provision.Generations{Tenant: 1, Connection: 1, Domain: 1, Account: 1},
	}
}

// end is when the lease of the n-th account ends.
func (v *town) end(n int) time.Time {
	if v.ending == 0 || v.tenantOf(n) == 0 {
		return v.now.Add(8 * time.Hour)
	}
	return v.now.Add(v.ending + time.Duration(n%60_000)*time.Millisecond)
}

// Of each tenant's accounts, which stand side by side, the first hold a lease.
func (v *town) tenantOf(n int) int { return n / (v.accounts / v.tenants) }

func (v *town) holds(n int) bool { return n%(v.accounts/v.tenants) < v.leases/v.tenants }

// holder is the account of the n-th lease.
func (v *town) holder(n int) int {
	each := v.leases / v.tenants
	return n/each*(v.accounts/v.tenants) + n%each
}

// inUse is the lease of the n-th of those who are about: of the people of a hundred tenants at most, from all over.
func (v *town) inUse(n int) int {
	about := min(v.tenants, 100)
	tenant, each := n%about*(v.tenants/about), v.leases/v.tenants
	return tenant*each + n/about
}

func (v *town) email(n int) provision.Email {
	e, err := provision.ParseEmail(fmt.Sprintf("person.%d@%s", n, domainName(v.tenantOf(n))))
	if err != nil {
		v.t.Fatal(err)
	}
	return e
}

func (v *town) domain(n int) provision.Domain {
	d, err := provision.ParseDomain(domainName(n))
	if err != nil {
		v.t.Fatal(err)
	}
	return d
}

func tenantID(n int) provision.TenantID         { return provision.TenantID(fmt.Sprintf("tenant-%05d", n)) }
func connectionID(n int) provision.ConnectionID { return provision.ConnectionID(tenantID(n)) + "-saml" }
func domainName(n int) string                   { return fmt.Sprintf("tenant-%05d.test", n) }
func subject(n int) string                      { return fmt.Sprintf("subject-%07d", n) }

func origin(t *testing.T, text string) provision.Origin {
	o, err := provision.ParseOrigin(text)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// spread is the n-th of so many names that look random and rise: a store is filled in order, as is quick, and is left
// as it would be after names that came in no order.
func spread(kind string, n, of int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", kind, n))
	binary.BigEndian.PutUint32(sum[:], uint32(uint64(n)<<32/uint64(of)))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:26])
}

// noise stands for what is sealed.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// check is what nginx asks about a request of a browser: with all of the browser's headers.
func check(app, token string) []byte {
	var text bytes.Buffer
	for _, line := range []string{
		"GET /_sso/check/nginx HTTP/1.1", "Host: " + strings.TrimPrefix(app, "http://"),
		"X-Original-URL: " + app + "/pages/handbook?from=search", "X-Original-Method: GET",
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Accept-Language: en-GB,en;q=0.9", "Accept-Encoding: gzip, deflate, br",
		"Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Referer: " + app + "/pages",
		"Cookie: theme=dark; __Host-lh-app=" + token, "", "",
	} {
		text.WriteString(line + "\r\n")
	}
	return text.Bytes()[:text.Len()-2]
}
