package postgres

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"leasehold/provision"
)

// The codes of errors that say that somebody else was faster (PostgreSQL, appendix A).
const (
	uniqueViolation      = "23505"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
)

// errLostRace is that what a change was made of is no longer so. Whoever asks again on fresh state may succeed.
var errLostRace = errors.New("lost a race")

// lostRace is errLostRace, for something that a change alone can be to blame for when it comes again and again.
func lostRace(what string) error {
	return fmt.Errorf("%w: %s: %w", provision.ErrConflict, what, errLostRace)
}

// fault turns the driver's error into one of provision's.
func fault(err error) error {
	var said *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case isSentinel(err):
		return err
	case errors.As(err, &said) && said.Code == uniqueViolation:
		return fmt.Errorf("%w: %w: %w", provision.ErrConflict, errLostRace, err)
	case errors.As(err, &said) && (said.Code == serializationFailure || said.Code == deadlockDetected):
		return fmt.Errorf("%w: %w: %w", provision.ErrUnavailable, errLostRace, err)
	}
	return fmt.Errorf("%w: %w", provision.ErrUnavailable, err)
}

// isSentinel reports whether an error is one of provision's already.
func isSentinel(err error) bool {
	return slices.ContainsFunc([]error{provision.ErrNotFound, provision.ErrConflict, provision.ErrUnavailable, provision.ErrCorrupt},
		func(sentinel error) bool { return errors.Is(err, sentinel) })
}

// saidNo reports whether the server itself refused, and the session goes on: nothing of the transaction happened.
func saidNo(err error) bool {
	var said *pgconn.PgError
	return errors.As(err, &said) && said.SeverityUnlocalized == "ERROR"
}
