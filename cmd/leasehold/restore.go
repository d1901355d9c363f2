package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"leasehold/config"
	"leasehold/provision"
	"leasehold/provision/sqlite"
)

type restoreCommand struct {
	File  string `arg:"" help:"A backup; - is stdin."`
	Force bool   `help:"Where there is a ledger already, move it aside."`
}

// Run makes the ledger what a backup says. Every lease in it ends: what was ended since the backup must not come back.
func (c restoreCommand) Run(s *surroundings) error {
	settings, faults := config.Load(s.config, s.environ)
	if len(faults) > 0 {
		return faults
	}
	var from io.Reader = os.Stdin
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer file.Close()
		from = file
	}
	backup, err := readBackup(from)
	if err != nil {
		return err
	}
	unix.Umask(0o077)
	if err := dataFolder(settings.Data); err != nil {
		return err
	}
	held, err := lock(filepath.Join(settings.Data, lockName))
	if err != nil {
		return err
	}
	defer held.Close()
	ledger := filepath.Join(settings.Data, ledgerName)
	if _, err := os.Lstat(ledger); err == nil && !c.Force {
		return fmt.Errorf("there is a ledger at %s; export its audit first, to do again what happened since the backup, then --force moves it aside", ledger)
	}
	if err := s.restore(ledger, settings.MasterKeyFile, backup); err != nil {
		return err
	}
	aside, err := putInPlace(ledger)
	if err != nil {
		return err
	}
	if aside != "" {
		fmt.Fprintln(s.stderr, "the former ledger is", aside)
	}
	_, err = fmt.Fprintf(s.stdout, "done; the ledger is that of %s, and every lease in it has ended. Who was revoked or suspended since is not: do that again\n", at(backup.head.Time))
	return err
}

// restoring is the suffix of a ledger that is not whole yet.
const restoring = ".restoring"

// restore writes a backup into a new ledger beside the one in use.
func (s *surroundings) restore(ledger, master string, backup *backupReader) error {
	path := ledger + restoring
	for _, part := range []string{"", "-wal", "-shm"} { // of one that was stopped
		if err := os.Remove(path + part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	store, err := sqlite.Open(s.ctx, path, sqlite.Options{})
	if err != nil {
		return err
	}
	err = store.Fill(s.ctx, backup.parts())
	if err == nil {
		_, err = openKeys(s.ctx, store, master, path)
	}
	if err == nil {
		err = endAll(s.ctx, store, backup.head)
	}
	if err = errors.Join(err, store.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	if _, err := os.Stat(path + "-wal"); err == nil {
		return fmt.Errorf("%s-wal is left: the ledger is not whole", path)
	}
	return nil
}

// endAll raises the installation's generation: no lease that a backup brings back gives access (I15).
func endAll(ctx context.Context, ledger provision.Ledger, from backupHead) error {
	name := strings.ToLower(rand.Text())
	act := provision.Act{
		Actor: provision.Actor{Kind: provision.Operator, ID: fmt.Sprintf("uid:%d", os.Getuid()), Via: "restore"}, Now: ledger.Now(),
		IDs: provision.IDs{Event: func(n int) provision.EventID { return provision.EventID(fmt.Sprintf("evt_%s_%d", name, n)) }},
	}
	_, err := ledger.Amend(ctx, provision.Target{}, func(s provision.State) (provision.Change, error) {
		c, err := provision.RevokeScope(s, provision.Scope{}, provision.CauseRestored, provision.RevocationID("rev_"+name), act)
		c.News.All = true
		for i := range c.Events {
			c.Events[i].Changes = []string{"the ledger is a backup's of " + from.Time.Format(time.RFC3339)}
		}
		return c, err
	})
	return err
}

// putInPlace gives the restored ledger its name, and moves the one that had it aside.
func putInPlace(ledger string) (aside string, err error) {
	if _, err := os.Lstat(ledger); err == nil {
		aside = ledger + ".before-" + time.Now().UTC().Format("20060102T150405Z")
		for _, part := range []string{"-wal", "-shm", ""} {
			if err := os.Rename(ledger+part, aside+part); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
		}
	}
	return aside, errors.Join(os.Rename(ledger+restoring, ledger), syncFolder(filepath.Dir(ledger)))
}
