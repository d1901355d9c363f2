// Command leasehold is an SSO gateway that lets people in on a lease.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, errSaid) {
		fmt.Fprintln(os.Stderr, "leasehold:", err)
	}
	os.Exit(exitCode(err))
}

// errSaid is a failure that has been printed already.
var errSaid = errors.New("said already")

// usageError is a command line that makes no sense.
type usageError struct{ error }

// exitCode is 0 for done, 1 for refused or failed, 2 for a command line that makes no sense.
func exitCode(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		return 2
	}
	return 1
}
