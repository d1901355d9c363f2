package console_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"leasehold/provision"
)

// slowest is what a page may take on the server.
const slowest = 200 * time.Millisecond

// crowd gives acme many accounts, half of them with a session, and ten events each, half of them refusals.
func (x *town) crowd(accounts int) {
	x.t.Helper()
	reasons := []provision.Reason{provision.EmailTaken, provision.GroupMissing, provision.SeatsFull, provision.SignatureInvalid}
	now, like := x.store.Now(), x.login("acme", "first").Generations
	for from := 0; from < accounts; from += 500 {
		var c provision.Change
		for n := from; n < min(from+500, accounts); n++ {
			email, err := provision.ParseEmail(fmt.Sprintf("person%05d@acme.test", n))
			must(x.t, err)
			a := provision.Account{
				ID: provision.AccountID(fmt.Sprintf("acc_%026d", n)), Tenant: "acme", State: provision.Dormant, Email: email, Name: fmt.Sprintf("Given%d Family%d", n%977, n),
				Created: now.Add(-400 * 24 * time.Hour), LastLogin: now.Add(-time.Duration(n%300) * 24 * time.Hour), Groups: []string{"staff", "engineering"}, Revision: 1, Generation: like.Account,
			}
			if n%2 == 0 {
				a.State = provision.Active
				c.Leases = append(c.Leases, provision.Lease{
					ID: provision.NewLeaseID("acme", fmt.Sprintf("%026d", n)), Kind: provision.SessionLease, Tenant: "acme", Account: a.ID, Connection: "acme-idp", Domain: email.Domain(),
					Start: now, Seen: now, End: now.Add(8 * time.Hour), Generations: like,
				})
			}
			c.Accounts = append(c.Accounts, a)
			c.Links = append(c.Links, provision.Link{LinkKey: provision.LinkKey{Connection: "acme-idp", Subject: fmt.Sprint("subject-", n)}, Pseudonym: fmt.Sprint("p", n), Account: a.ID, Created: a.Created})
			for k := range 10 {
				e := provision.Event{ID: provision.EventID(fmt.Sprintf("evt_%020d_%d", n, k)), Time: now.Add(-time.Duration(accounts-n) * time.Minute), Kind: provision.EventLogin, Tenant: "acme", Account: a.ID, Outcome: "resumed"}
				if k%2 == 0 {
					e.Outcome, e.Reason = "denied", string(reasons[(n+k)%len(reasons)])
				}
				c.Events = append(c.Events, e)
			}
		}
		_, err := x.store.Amend(context.Background(), provision.Target{}, func(provision.State) (provision.Change, error) { return c, nil })
		must(x.t, err)
	}
}

// largePages are every list, every search and the overview.
func largePages() []string {
	return []string{
		"/admin", "/admin/accounts", "/admin/accounts?after=acc_00000000000000000000005000", "/admin/accounts?q=person0777", "/admin/accounts?q=family9876", "/admin/accounts?q=nobody", "/admin/accounts?q=acc_00000000000000000000009999",
		"/admin/accounts?state=suspended", "/admin/accounts?unused=90", "/admin/accounts?domain=acme.test", "/admin/accounts?stranded=1", "/admin/accounts/acc_00000000000000000000000002", "/admin/leases", "/admin/leases?ended=1",
		"/admin/connections", "/admin/domains", "/admin/apps", "/admin/deliveries", "/admin/orphans", "/admin/requests", "/admin/tenants", "/admin/tenants/acme",
		"/admin/audit", "/admin/audit?kind=login", "/admin/audit?reason=seats_full", "/admin/audit?reason=nothing", "/admin/audit?account=acc_00000000000000000000000002", "/admin/audit?ref=evt_00000000000000000002_3",
		"/admin/audit?kind=account.office", "/admin/audit?since=2020-01-01&until=2020-12-31",
	}
}

// BenchmarkConsole is how long each page takes on the server in a tenant of 10,000 accounts and 100,000 events, for its
// administrator and for an operator. It fails when one takes too long, or weighs too much.
func BenchmarkConsole(b *testing.B) { benchmark(b, newTown(b), func() {}) }

// benchmark measures a town; settle is done once it is full.
func benchmark(b *testing.B, x *town, settle func()) {
	operator, acme := x.admin("ops", "olga", provision.OperatorOffice), x.admin("acme", "adam", provision.TenantAdminOffice)
	x.crowd(10_000)
	operator.get("/admin") // all that happened at once is numbered by whoever looks first
	settle()
	for _, who := range []struct {
		name    string
		visitor visitor
	}{{"admin", acme}, {"operator", operator}} {
		for _, at := range largePages() {
			b.Run(who.name+" "+at, func(b *testing.B) {
				size := 0
				for b.Loop() {
					page := who.visitor.get(at)
					if size = page.Body.Len(); page.Code != http.StatusOK || size > maxPage {
						b.Fatalf("%d, %d bytes", page.Code, size)
					}
				}
				b.ReportMetric(float64(size), "bytes")
				if took := b.Elapsed() / time.Duration(b.N); took > slowest {
					b.Errorf("%s takes %s", at, took)
				}
			})
		}
	}
	b.Run("a policy tried on 5,000 sessions", func(b *testing.B) {
		form, judged := with(fieldsOf(acme.get(policyPath).Body.String()), "when", `account.email != "person00002@acme.test"`), ""
		for b.Loop() {
			page := acme.do(http.MethodPost, policyPath, form).Body.String()
			found := regexp.MustCompile(`<dt>Live sessions</dt><dd>(\d+)</dd>`).FindStringSubmatch(page)
			if found == nil || !strings.Contains(page, "<dt>Would end</dt><dd>1</dd>") {
				b.Fatalf("nothing is judged: %s", page)
			}
			judged = found[1]
		}
		n, err := strconv.ParseFloat(judged, 64)
		must(b, err)
		b.ReportMetric(n, "judged")
	})
}

func TestPagesOfALargeTenantAreSmall(t *testing.T) {
	x := newTown(t)
	operator, acme := x.admin("ops", "olga", provision.OperatorOffice), x.admin("acme", "adam", provision.TenantAdminOffice)
	x.crowd(200)
	for _, who := range []visitor{operator, acme} {
		for _, at := range largePages() {
			page := who.get(at)
			if page.Code != http.StatusOK && at != "/admin/accounts?after=acc_00000000000000000000005000" || page.Body.Len() > maxPage {
				t.Errorf("%s: %d, %d bytes", at, page.Code, page.Body.Len())
			}
		}
	}
}
