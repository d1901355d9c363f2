package provision_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"leasehold/provision"
)

// dice turn a fuzzer's bytes into choices. When they run out, every choice is the first.
type dice struct{ bytes []byte }

func (d *dice) roll(n int) int {
	if len(d.bytes) == 0 {
		return 0
	}
	b := d.bytes[0]
	d.bytes = d.bytes[1:]
	return int(b) % n
}

func one[T any](d *dice, of ...T) T { return of[d.roll(len(of))] }

// moment is the zero time, or one near noon.
func (d *dice) moment() time.Time {
	if step := one(d, 0, 1, -1, 60, -60, 301, -301, 901, -901, 3600, -3600, 86400*365); step != 0 {
		return noon().Add(time.Duration(step)*time.Second + time.Duration(d.roll(3)-1))
	}
	return time.Time{}
}

func (d *dice) account(fallback provision.Account) provision.Account {
	a := fallback
	a.ID = one(d, fallback.ID, "", "acc_ada", "acc_eve")
	a.Tenant = one(d, "acme", provision.TenantID("other"), "")
	a.State = one(d, fallback.State, "", provision.Pending, provision.Active, provision.Dormant, provision.Suspended, provision.Revoked, provision.Deleted, "frozen")
	a.Before = one(d, "", provision.Suspended, provision.Revoked)
	if a.ID == "" || a.State == "" { // a ledger has no such row
		return provision.Account{}
	}
	if a.State == provision.Deleted {
		return tombstone(a, a.Before)
	}
	a.Before = ""
	return a
}

// scene spoils an honest scene in any number of ways at once.
func (d *dice) scene(t testing.TB) scene {
	s := one(d, firstLogin, nextLogin, linking)(t)
	st, r := &s.State, &s.Request
	p := &st.Tenant.Policy
	acme, other := domain(t, "acme.test"), domain(t, "other.test")
	for range d.roll(8) {
		switch d.roll(16) {
		case 0:
			st.Tenant.ID = one(d, "acme", provision.TenantID(""), "other")
		case 1:
			st.Tenant.Suspended, st.Tenant.ContractEnd = d.roll(2) == 1, d.moment()
		case 2:
			st.Connection.ID, st.Connection.Tenant = one(d, st.Connection.ID, "", "c"), one(d, "acme", provision.TenantID(""), "other")
		case 3:
			st.Connection.Disabled, st.Connection.Held, st.Connection.Domains = d.roll(2) == 1, d.roll(2) == 1, one(d, nil, []provision.Domain{acme}, []provision.Domain{other})
		case 4:
			st.Claim = provision.Claim{
				Tenant: one(d, "acme", provision.TenantID(""), "other"), Domain: one(d, acme, other, provision.Domain{}),
				State: one(d, provision.ClaimVerified, "", provision.ClaimPending, provision.ClaimFailing, provision.ClaimLapsed, "proved"), Generation: provision.Generation(d.roll(3)),
			}
		case 5:
			st.Account = d.account(nextLogin(t).State.Account)
		case 6:
			st.EmailHolder = d.account(nextLogin(t).State.Account)
		case 7:
			st.Spent = r.Spend[:d.roll(len(r.Spend)+1)]
		case 8:
			p.Create, p.Mode = one(d, provision.CreateApprove, provision.CreateAllow, "", provision.CreateDeny, provision.CreateInvite, "maybe"), one(d, "", provision.Ephemeral, provision.Provisioned, provision.Mode("forever"))
		case 9:
			p.MaxSession, p.Idle = time.Duration(d.roll(5)-2)*time.Hour, time.Duration(d.roll(5)-2)*time.Minute
			p.Seats, st.Seats = d.roll(4)-1, d.roll(4)
		case 10:
			p.ACR, p.MaxAuthAge = one(d, nil, []string{"mfa"}, []string{"hardware"}), time.Duration(d.roll(4)-1)*time.Minute
			p.Roles.Ceiling = one(d, nil, []string{"reader"}, []string{"x"})
		case 11:
			p.Groups = provision.GroupRule{Any: one(d, nil, []string{"eng*"}), All: one(d, nil, []string{"*"}), None: one(d, nil, []string{"*"})}
			r.Facts.Groups, r.Facts.GroupsOverage = one(d, nil, []string{"engineering"}, []string{"a/b", ""}), d.roll(3) == 1
		case 12:
			r.Facts.Subject, r.Facts.Transient, r.Facts.EmailVerified = one(d, r.Facts.Subject, "", " "), d.roll(3) == 1, d.roll(3) > 0
			r.Facts.Email = one(d, r.Facts.Email, "", "eve@acme.test", "ada@other.test", "ada@gmail.com", "ada@acme.test@acme.test", `"a@b"@acme.test`, "ada@acme.test.", "ADA@ACME.TEST", "ad\u212a@acme.test")
		case 13:
			r.Authn.At, r.Authn.SessionEnd, r.Authn.ACR = d.moment(), d.moment(), one(d, "", "mfa")
		case 14:
			r.Occasion, r.Intent = one(d, provision.OnLogin, provision.OnLink, "", "invite"), provision.Intent{Account: one(d, "acc_ada", provision.AccountID(""), "acc_eve"), Lease: one(d, "acme.session", provision.LeaseID(""))}
			r.Facts.Connection = one(d, r.Facts.Connection, "", "c")
		case 15:
			d.former(t, &s)
		}
	}
	oneSnapshot(st)
	return s
}

// oneSnapshot makes one account of all that have one name: a ledger reads them at one moment.
func oneSnapshot(s *provision.State) {
	accounts := []*provision.Account{&s.Account, &s.Intended.Account, &s.Former.Account, &s.EmailHolder}
	for i, a := range accounts {
		for _, b := range accounts[i+1:] {
			if b.ID == a.ID {
				*b = *a
			}
		}
	}
	if !s.EmailHolder.State.Living() {
		s.EmailHolder = provision.Account{}
	}
}

// former gives the browser a session, and changes the one of the intent.
func (d *dice) former(t testing.TB, s *scene) {
	st := &s.State
	account := d.account(eve(t))
	l := leaseOf(*st, account, "former")
	l.EndedAt, l.End, l.Seen = one(d, time.Time{}, noon()), d.moment(), d.moment()
	tenant := st.Tenant
	tenant.ID, tenant.Policy.Mode = account.Tenant, one(d, "", provision.Ephemeral)
	s.Request.Replaces = one(d, l.ID, "")
	if account.ID == "" || account.ID == st.Intended.Account.ID || s.Request.Replaces == "" {
		return
	}
	st.Former, st.FormerLeases, st.FormerLinks = standingOf(*st, account, l), nil, nil
	st.Former.Tenant = tenant
	if l.EndedAt.IsZero() {
		st.FormerLeases = []provision.Lease{l}
	}
	if d.roll(2) == 1 {
		below := leaseOf(*st, account, "below")
		below.Parent = l.ID
		st.FormerLeases = append(st.FormerLeases, below)
	}
	if account.State.Living() {
		st.FormerLinks = []provision.Link{{LinkKey: provision.LinkKey{Connection: "acme-saml", Subject: "former"}, Pseudonym: "p", Account: account.ID}}
	}
}

func FuzzDecide(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{1, 3, 13, 3, 1, 2, 3, 0, 1, 2})
	f.Add([]byte{2, 7, 15, 0, 0, 3, 0, 1, 0, 4, 0, 8, 4, 1, 9, 5, 4, 3, 2})
	f.Fuzz(func(t *testing.T, input []byte) {
		d := &dice{input}
		s := d.scene(t)
		s.decide(t) // holds it to the laws
	})
}

func TestTheLawsOfADecisionHoldForScenesSpoiltByChance(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	outcomes := map[provision.Outcome]int{}
	for range 10_000 {
		input := make([]byte, chance.IntN(60))
		for i := range input {
			input[i] = byte(chance.IntN(256))
		}
		d := &dice{input}
		outcomes[d.scene(t).decide(t).Outcome]++
		if t.Failed() {
			t.Fatalf("by %v", input)
		}
	}
	for _, want := range []provision.Outcome{provision.Denied, provision.Created, provision.Linked, provision.Resumed, provision.PendingApproval} {
		if outcomes[want] < 10 {
			t.Errorf("%s only %d times: %v", want, outcomes[want], outcomes)
		}
	}
}

func FuzzParseDomain(f *testing.F) {
	for _, seed := range []string{"acme.test", "ACME.test.", "straße.de", "xn--strae-oqa.de", "xn--acme-.test", "раypal.com", "gmail.com。", "192.0.2.1", "a\u200db.test", "公司.cn", "GitHub.io", "\u212aelvin.test", "1א.test"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		d, err := provision.ParseDomain(input)
		if err != nil {
			if !d.IsZero() {
				t.Errorf("%q: refused, and %q", input, d)
			}
			return
		}
		name := d.String()
		if again, err := provision.ParseDomain(name); err != nil || again != d {
			t.Errorf("%q is read as %q, and that as %q, %v", input, name, again, err)
		}
		if shouted, err := provision.ParseDomain(strings.ToUpper(name)); err != nil || shouted != d {
			t.Errorf("%q in capitals is read as %q, %v", name, shouted, err)
		}
		if rooted, err := provision.ParseDomain(name + "."); err != nil || rooted != d {
			t.Errorf("%q with the root's dot is read as %q, %v", name, rooted, err)
		}
		labels := strings.Split(name, ".")
		if len(labels) < 2 || len(name) > 253 || strings.Trim(labels[len(labels)-1], "0123456789") == "" || provision.IsPublicMail(name) {
			t.Errorf("%q is read as %q", input, name)
		}
		for _, label := range labels {
			if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || label[0] == '-' || label[len(label)-1] == '-' {
				t.Errorf("%q is read as %q: label %q", input, name, label)
			}
		}
	})
}

// readEmail is ParseEmail once more, by another way: a byte at a time, by a list of what is allowed.
func readEmail(s string) (local, host string, ok bool) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	const signs = "!#$%&'*+-/=?^_`{|}~"
	parts := strings.Split(s, "@")
	if len(s) > 254 || len(parts) != 2 || len(parts[0]) > 64 || strings.HasSuffix(parts[1], ".") {
		return "", "", false
	}
	for _, atom := range strings.Split(parts[0], ".") {
		if atom == "" {
			return "", "", false
		}
		for i := range len(atom) {
			if !strings.Contains(letters+signs, atom[i:i+1]) {
				return "", "", false
			}
		}
	}
	var lower []byte
	for _, c := range []byte(parts[0]) {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower = append(lower, c)
	}
	for _, c := range []byte(parts[1]) {
		if c >= 0x80 {
			return "", "", false
		}
	}
	d, err := provision.ParseDomain(parts[1])
	return string(lower), d.String(), err == nil
}

func FuzzParseEmail(f *testing.F) {
	for _, seed := range []string{"ada@acme.test", "Ada.L+x@ACME.test", "a@b@acme.test", `"a@b"@acme.test`, "ada@acme。test", "ad\u212a@acme.test", "ada@\u212aelvin.test", "ada@acme.test.", ".ada@acme.test", "ada@xn--strae-oqa.de", "ada@gmail.com", "ada\x00@acme.test", "ada@acme.test\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		e, err := provision.ParseEmail(input)
		local, host, ok := readEmail(input)
		if (err == nil) != ok || (ok && e.String() != local+"@"+host) || (ok && e.Domain().String() != host) {
			t.Errorf("%q is read as %q, %v; the other reader says %q at %q, %v", input, e, err, local, host, ok)
		}
		if err != nil && (!e.IsZero() || e.String() != "" || !e.Domain().IsZero()) {
			t.Errorf("%q: refused, and %q", input, e)
		}
		if again, err := provision.ParseEmail(e.String()); ok && (err != nil || again != e) {
			t.Errorf("%q is read as %q, and that as %q, %v", input, e, again, err)
		}
	})
}

// matches is Glob once more, by trying everything.
func matches(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] != '*' {
		return s != "" && s[0] == pattern[0] && matches(pattern[1:], s[1:])
	}
	return matches(pattern[1:], s) || (s != "" && s[0] != '/' && matches(pattern, s[1:]))
}

func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{{"a*b*c", "abbc"}, {"*/*", "a/b/c"}, {"a*a", "a"}, {"**", ""}, {"teams/*/admins", "teams/x/admins"}, {"*ab*ab", "abab/ab"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 12 || len(s) > 16 {
			return // trying everything takes too long
		}
		if got, want := provision.Glob(pattern, s), matches(pattern, s); got != want {
			t.Errorf("%q on %q: %v, want %v", pattern, s, got, want)
		}
	})
}
