package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"leasehold/broker"
	"leasehold/config"
	"leasehold/provision"
	"leasehold/provision/postgres"
	"leasehold/provision/sqlite"
)

// beside is what the broker keeps beside the ledger's own rows.
type beside interface {
	broker.Clock
	broker.Leftovers
	broker.Outbox
	broker.Upstreams
	broker.Search
	broker.Canaries
	asked
}

// asked is what people and programs ask for, and what became of it.
type asked interface {
	broker.Setups
	broker.Elevations
	broker.Credentials
	broker.Tokens
}

// ledger is a store, whatever keeps it.
type ledger interface {
	provision.Ledger
	provision.Registry
	provision.Keys
	beside
	whole

	// Mark stores ledger time when nothing else has been written for a while.
	Mark(ctx context.Context) error
	Close() error
}

// whole is what is done with all that a store keeps.
type whole interface {
	provision.Copies
	census
}

// ledgerName is the file in the data folder, unless the configuration names a database.
const ledgerName = "leasehold.db"

// depot is where a ledger is kept: a file, or a database.
type depot struct {
	file string // "": a database
	url  config.Locator
}

func depotOf(c config.Config) depot {
	if c.Database == "sqlite" {
		return depot{file: filepath.Join(c.Data, ledgerName)}
	}
	return depot{url: c.Database}
}

// String names it, without a password.
func (d depot) String() string {
	if d.file != "" {
		return d.file
	}
	return d.url.String()
}

// open opens the ledger, and makes it when there is none.
func (d depot) open(ctx context.Context) (ledger, error) {
	if d.file == "" {
		return opened(postgres.Open(ctx, string(d.url), postgres.Options{}))
	}
	return opened(sqlite.Open(ctx, d.file, sqlite.Options{Reserve: reserve}))
}

// opened is a store as a ledger: nil when there is none.
func opened[T ledger](store T, err error) (ledger, error) {
	if err != nil {
		return nil, err
	}
	return store, nil
}

// openFirst opens the ledger for a server, and sees to it that there is a master key: one is made where there is none
// and nothing was written under another one.
func (d depot) openFirst(ctx context.Context, master string) (ledger, error) {
	if d.file == "" {
		return d.openDatabase(ctx, master)
	}
	_, err := os.Stat(d.file)
	if _, err := masterKey(master, d.file, err == nil); err != nil { // before there is a ledger
		return nil, err
	}
	return d.open(ctx)
}

func (d depot) openDatabase(ctx context.Context, master string) (ledger, error) {
	store, err := d.open(ctx)
	if err != nil {
		return nil, err
	}
	written, err := store.KeyNames(ctx, "", "\U0010ffff", 1)
	if err == nil {
		_, err = masterKey(master, d.String(), len(written) > 0)
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

// openOld opens a ledger that has to be there.
func (d depot) openOld(ctx context.Context) (ledger, error) {
	if d.file != "" {
		if _, err := os.Stat(d.file); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("no ledger at %s", d.file)
		}
	}
	return d.open(ctx)
}
