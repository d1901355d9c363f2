package storetest

import (
	"os"
	"testing"
	"time"

	"leasehold/provision"
)

// RunCrashes tests what a store that keeps its files in one folder has after a crash. A crash is a copy of the folder,
// taken while the store is open, which is then opened: it is what a dead process would have left.
func RunCrashes(t *testing.T, open func(t *testing.T, folder string) Store) {
	spent := provision.Spent{Kind: "assertion", Scope: string(okta), ID: "_1", Until: start.Add(time.Hour)}
	begin := func(t *testing.T) (folder string, p *probe, w world) {
		folder, p = t.TempDir(), &probe{ctx: t.Context()}
		t.Cleanup(func() {
			for _, fault := range p.found {
				t.Error(fault)
			}
		})
		return folder, p, newWorld(p, open(t, folder))
	}
	after := func(t *testing.T, w world, folder string) world {
		image := t.TempDir()
		if err := os.CopyFS(image, os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
		return w.on(open(t, image))
	}

	t.Run("before commit: nothing of a login is there", func(t *testing.T) {
		folder, _, w := begin(t)
		var crashed world
		if _, err := w.login(request("ada", "ada@acme.example", spent), func() { crashed = after(t, w, folder) }); err != nil {
			t.Fatal(err)
		}
		s := crashed.read(provision.Target{Link: provision.LinkKey{Connection: okta, Subject: "ada"}, Tenant: acme, Email: email("ada@acme.example"), Spend: []provision.Spent{spent}})
		if s.Account.ID != "" || s.EmailHolder.ID != "" || len(s.Spent) != 0 || len(crashed.gapless()) != 0 {
			t.Errorf("account %q, holder %q, spent %v, %d events", s.Account.ID, s.EmailHolder.ID, s.Spent, len(crashed.gapless()))
		}
		if d, err := crashed.login(request("ada", "ada@acme.example", spent), nil); err != nil || d.Outcome != provision.Created {
			t.Errorf("the login after the crash: %s, error %v", d.Outcome, err)
		}
		crashed.gapless()
	})
	t.Run("after commit: all of a login is there, and its message stays spent", func(t *testing.T) {
		folder, p, w := begin(t)
		d, err := w.login(request("ada", "ada@acme.example", spent), nil)
		p.ok("login", err)
		crashed := after(t, w, folder)
		st, err := crashed.store.Lease(t.Context(), d.Lease.ID)
		p.ok("lease", err)
		same(p, "lease", st.Lease, d.Lease)
		same(p, "account", st.Account, d.Account)
		if again, err := crashed.login(request("ada", "ada@acme.example", spent), nil); err != nil || again.Reason != provision.Replayed {
			t.Errorf("the same message after the crash: %s %s, error %v", again.Outcome, again.Reason, err)
		}
		if n := len(crashed.gapless()); n != 2 {
			t.Errorf("%d events, want the login's and the refusal's", n)
		}
	})
	t.Run("after an end: the lease stays ended", func(t *testing.T) {
		folder, p, w := begin(t)
		_, l := w.person("ada", "ada@acme.example")
		p.ok("end", w.end(l.ID))
		crashed := after(t, w, folder)
		if st, err := crashed.store.Lease(t.Context(), l.ID); err != nil || st.Lease.EndedAt.IsZero() {
			t.Errorf("ended at %s, error %v", st.Lease.EndedAt, err)
		}
		if n := len(crashed.gapless()); n != 2 {
			t.Errorf("%d events, want the login's and the end's", n)
		}
	})
	t.Run("within an end of many: none has ended", func(t *testing.T) {
		folder, _, w := begin(t)
		_, one := w.person("ada", "ada@acme.example")
		_, two := w.person("eve", "eve@acme.example")
		var crashed world
		err := w.store.End(t.Context(), []provision.LeaseID{one.ID, two.ID}, func(id provision.LeaseID, s provision.State) provision.Change {
			if id == two.ID {
				crashed = after(t, w, folder)
			}
			return w.ended(s.Former.Lease)
		})
		if err != nil {
			t.Fatal(err)
		}
		if leases, err := crashed.store.Leases(t.Context(), provision.Page{}); err != nil || len(leases) != 2 || len(crashed.gapless()) != 2 {
			t.Errorf("%d live leases and %d events, want two of each, error %v", len(leases), len(crashed.gapless()), err)
		}
	})
}
