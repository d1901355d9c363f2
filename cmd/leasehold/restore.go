package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"leasehold/config"
	"leasehold/provision"
	"leasehold/provision/memory"
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
	if at := depotOf(settings); at.file != "" {
		err = c.intoFile(s, at, settings.MasterKeyFile, backup)
	} else {
		err = c.intoDatabase(s, at, settings.MasterKeyFile, backup)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.stdout, "done; the ledger is that of %s, and every lease in it has ended. Who was revoked or suspended since is not: do that again\n", at(backup.head.Time))
	return err
}

// intoFile makes a new ledger beside the one in use, which then takes its place.
func (c restoreCommand) intoFile(s *surroundings, at depot, master string, backup *backupReader) error {
	if _, err := os.Lstat(at.file); err == nil && !c.Force {
		return fmt.Errorf("there is a ledger at %s; export its audit first, to do again what happened since the backup, then --force moves it aside", at)
	}
	fresh := at.file + restoring
	for _, part := range []string{"", "-wal", "-shm", "-reserve"} { // of one that was stopped
		if err := os.Remove(fresh + part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	store, err := sqlite.Open(s.ctx, fresh, sqlite.Options{})
	if err != nil {
		return err
	}
	if err := errors.Join(store.Fill(s.ctx, backup.restored(s.ctx, master, fresh)), store.Close()); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	if _, err := os.Stat(fresh + "-wal"); err == nil {
		return fmt.Errorf("%s-wal is left: the ledger is not whole", fresh)
	}
	aside, err := putInPlace(at.file)
	if aside != "" {
		fmt.Fprintln(s.stderr, "the former ledger is", aside)
	}
	return err
}

// intoDatabase fills an empty database. One in use is not emptied: make another, and name that in the configuration.
func (c restoreCommand) intoDatabase(s *surroundings, at depot, master string, backup *backupReader) error {
	store, err := at.open(s.ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	err = store.Fill(s.ctx, backup.restored(s.ctx, master, at.String()))
	if errors.Is(err, provision.ErrConflict) {
		return fmt.Errorf("%s holds a ledger already; export its audit, make an empty database, and name that in the configuration: %w", at, err)
	}
	return err
}

// restoring is the suffix of a ledger that is not whole yet.
const restoring = ".restoring"

// restored is a backup as it goes into an empty ledger, in one commit: its keys open under the master key, and the
// installation's generation is raised, so that no lease that it brings back gives access (I15).
func (r *backupReader) restored(ctx context.Context, master, name string) iter.Seq2[provision.Part, error] {
	return func(yield func(provision.Part, error) bool) {
		var keys, last = memory.New(nil), provision.Part{}
		for p, err := range r.parts() {
			for name, value := range p.Keys {
				_, _ = keys.AddKey(ctx, name, value) // memory keeps what it is told
			}
			for i := range p.Leases { // what they remembered of their providers is not in a backup: there is nothing to ask with
				p.Leases[i].Asks = time.Time{}
			}
			last.Installation, last.Time = max(last.Installation, p.Installation), later(last.Time, p.Time)
			if len(p.Events) > 0 {
				last.Events = p.Events[len(p.Events)-1:]
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
		if _, err := openKeys(ctx, keys, master, name); err != nil {
			yield(provision.Part{}, err)
			return
		}
		yield(endAll(last, r.head))
	}
}

// endAll is the change that ends every lease, behind the last event that there is.
func endAll(last provision.Part, from backupHead) (provision.Part, error) {
	name := strings.ToLower(rand.Text())
	act := provision.Act{
		Actor: provision.Actor{Kind: provision.Operator, ID: fmt.Sprintf("uid:%d", os.Getuid()), Via: "restore"}, Now: later(time.Now().UTC(), last.Time),
		IDs: provision.IDs{Event: func(n int) provision.EventID { return provision.EventID(fmt.Sprintf("evt_%s_%d", name, n)) }},
	}
	c, err := provision.RevokeScope(provision.State{Installation: last.Installation}, provision.Scope{}, provision.CauseRestored, provision.RevocationID("rev_"+name), act)
	for i := range c.Events {
		c.Events[i].Seq, c.Events[i].Changes = int64(i+1), []string{"the ledger is a backup's of " + from.Time.Format(time.RFC3339)}
		if len(last.Events) > 0 {
			c.Events[i].Seq += last.Events[0].Seq
		}
	}
	return provision.Part{Change: c}, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// putInPlace gives the restored ledger its name, and moves the one that had it aside: what is left of it, too, because the
// log of a file that is gone would be played into the new one.
func putInPlace(path string) (aside string, err error) {
	former := path + ".before-" + time.Now().UTC().Format("20060102T150405Z")
	for _, part := range []string{"-wal", "-shm", ""} {
		err := os.Rename(path+part, former+part)
		switch {
		case err == nil:
			aside = former
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		}
	}
	return aside, errors.Join(os.Rename(path+restoring, path), syncFolder(filepath.Dir(path)))
}
