package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"leasehold/broker"
	"leasehold/config"
	"leasehold/provision"
	"leasehold/provision/memory"
)

// unsure is a store whose commit is on disk though it says that it failed.
type unsure struct{ provision.Keys }

var errUnsure = errors.New("fsync")

func (u unsure) Rewrap(ctx context.Context, rewrap func(string, []byte) ([]byte, error)) error {
	return errors.Join(u.Keys.Rewrap(ctx, rewrap), errUnsure)
}

func TestAMasterKeyThatTheLedgerMayBeUnderIsNeverLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	master, err := writeMasterKey(path)
	if err != nil {
		t.Fatal(err)
	}
	store := memory.New(nil)
	keys, err := broker.NewKeyring(t.Context(), unsure{store}, master)
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{config: config.Config{MasterKeyFile: path}, keys: keys}
	if err := g.rotateMaster(t.Context(), broker.Deed{}); !errors.Is(err, errUnsure) {
		t.Fatalf("a rotation of which nobody knows: %v", err)
	}
	next, err := os.ReadFile(path + nextSuffix)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.rotateMaster(t.Context(), broker.Deed{}); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("the next rotation: %v", err)
	}
	if _, err := openKeys(t.Context(), store, path, "ledger"); err != nil {
		t.Errorf("the next start: %v", err)
	}
	if now, _ := os.ReadFile(path); !bytes.Equal(now, next) {
		t.Error("the next start went by another key")
	}
}

func TestWhatIsLeftOfARotationThatChangedNothingGoesAtTheNextStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := writeMasterKey(path + nextSuffix); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := dropNext(path); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(path + nextSuffix); err == nil {
		t.Error("it is there still")
	}
}

func TestProcessesThatStartTogetherHaveOneMasterKey(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "master.key")
		keys := make([][]byte, 8)
		var starting sync.WaitGroup
		for n := range keys {
			starting.Go(func() {
				var err error
				if keys[n], err = newMasterKey(path); err != nil {
					t.Error(err)
				}
			})
		}
		starting.Wait()
		kept, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			if !bytes.Equal(key, kept) {
				t.Fatal("a process goes by a key that is nowhere on disk")
			}
		}
		if left, err := filepath.Glob(path + ".new*"); err != nil || len(left) > 0 {
			t.Errorf("left: %v %v", left, err)
		}
	}
}
