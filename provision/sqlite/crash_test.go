package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/provision/sqlite"
	"leasehold/provision/storetest"
)

func TestCrashes(t *testing.T) {
	storetest.RunCrashes(t, func(t *testing.T, folder string) storetest.Store {
		return open(t, filepath.Join(folder, "leasehold.db"), sqlite.Options{})
	})
}

// victim names the file of a process that writes until it is killed: this test's own binary.
const victim = "SQLITE_TEST_VICTIM"

// smallDisk names a folder on which a process mounts a small disk that only it sees, and fills it.
const smallDisk = "SQLITE_TEST_SMALL_DISK"

func TestMain(m *testing.M) {
	if path := os.Getenv(victim); path != "" {
		os.Exit(writeForEver(path))
	}
	if folder := os.Getenv(smallDisk); folder != "" {
		if err := errors.Join(syscall.Mount("small", folder, "tmpfs", 0, "size=24m"), onSmallDisk(folder)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// writeForEver makes people, ends every other one's lease, and says which, each after its commit.
func writeForEver(path string) int {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	accounts, err := s.Accounts(ctx, provision.Page{Limit: 1 << 20})
	for n := len(accounts); err == nil; n++ {
		c := people(n*100, n*100+1) // each in a tenant of its own
		c.Events = []provision.Event{{ID: provision.EventID(fmt.Sprint("evt_", n)), Kind: provision.EventLogin, Account: c.Accounts[0].ID}}
		if _, err = s.Amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) { return c, nil }); err != nil {
			break
		}
		fmt.Println("made", c.Leases[0].ID)
		if n%2 == 0 {
			continue
		}
		err = s.End(ctx, []provision.LeaseID{c.Leases[0].ID}, func(_ provision.LeaseID, now provision.State) provision.Change {
			l := now.Former.Lease
			l.EndedAt = began
			return provision.Change{Leases: []provision.Lease{l}, Events: []provision.Event{{ID: provision.EventID(fmt.Sprint("evt_end_", n)), Kind: provision.EventLeaseEnded, Account: l.Account}}}
		})
		fmt.Println("ended", c.Leases[0].ID)
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leasehold.db")
	var said []string
	for range 8 {
		said = append(said, killed(t, path)...)
	}
	s := open(t, path, sqlite.Options{})
	for _, line := range said {
		did, id, _ := strings.Cut(line, " ")
		st, err := s.Lease(t.Context(), provision.LeaseID(id))
		if err != nil || st.Account.ID == "" || st.Tenant.ID == "" {
			t.Errorf("%s: lease %q of account %q, error %v", line, st.Lease.ID, st.Account.ID, err)
		}
		if did == "ended" && st.Lease.EndedAt.IsZero() {
			t.Errorf("%s: it lives", line)
		}
	}
	accounts, err := s.Accounts(t.Context(), provision.Page{Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	leases, err := s.Leases(t.Context(), provision.Page{Limit: 1 << 20, Ended: true})
	if err != nil {
		t.Fatal(err)
	}
	events, err := s.Events(t.Context(), provision.EventFilter{Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	ended := 0
	for _, l := range leases {
		if !l.EndedAt.IsZero() {
			ended++
		}
	}
	if len(said) < 8 || len(accounts) != len(leases) || len(events) != len(accounts)+ended {
		t.Errorf("%d acknowledged; %d accounts, %d leases, %d of them ended, %d events", len(said), len(accounts), len(leases), ended, len(events))
	}
	for i, e := range events {
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has Seq %d", i+1, e.Seq)
		}
	}
}

// killed runs a process that writes, kills it at some moment, and returns what it said it had done.
func killed(t *testing.T, path string) []string {
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), victim+"="+path)
	process.Stderr = os.Stderr
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if said = append(said, lines.Text()); len(said) == 1 { // it is at work
			time.AfterFunc(time.Duration(rand.IntN(60))*time.Millisecond, func() { process.Process.Kill() })
		}
	}
	process.Wait() // its error says that it was killed
	return said
}

func TestAFullDiskLeavesNothingOfAChange(t *testing.T) {
	ctx := t.Context()
	s := open(t, filepath.Join(t.TempDir(), "leasehold.db"), sqlite.Options{})
	write := func(c provision.Change) error {
		_, err := s.Amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) { return c, nil })
		return err
	}
	if err := s.Tell(ctx, "PRAGMA max_page_count = 80"); err != nil { // a little more than the empty schema
		t.Fatal(err)
	}
	c := people(0, 2000) // more than fits; what comes after the accounts would
	c.Events = []provision.Event{{ID: "evt_1", Kind: provision.EventAdmin}}
	if err := write(c); !errors.Is(err, provision.ErrUnavailable) {
		t.Fatalf("error %v, want unavailable", err)
	}
	accounts, err := s.Accounts(ctx, provision.Page{})
	if err != nil || len(accounts) != 0 {
		t.Errorf("%d accounts, error %v", len(accounts), err)
	}
	leases, err := s.Leases(ctx, provision.Page{})
	if err != nil || len(leases) != 0 {
		t.Errorf("%d leases, error %v", len(leases), err)
	}
	events, err := s.Events(ctx, provision.EventFilter{})
	if err != nil || len(events) != 0 {
		t.Errorf("%d events, error %v", len(events), err)
	}
	if err := s.Tell(ctx, "PRAGMA max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	if err := write(c); err != nil {
		t.Errorf("once there is room again: %v", err)
	}
}
