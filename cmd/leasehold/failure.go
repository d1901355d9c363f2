package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"leasehold/config"
	"leasehold/provision"
)

// errSaid is a failure that has been printed already.
var errSaid = errors.New("said already")

// usageError is a command line that makes no sense.
type usageError struct{ error }

// exitCode is 0 for done, 1 for refused or failed, 2 for a command line that makes no sense.
func exitCode(err error) int {
	var usage usageError
	var exit exited
	switch {
	case errors.As(err, &exit):
		return exit.code
	case err == nil:
		return 0
	case errors.As(err, &usage):
		return 2
	}
	return 1
}

// said is how a failure is said to a program: on stderr with --json, and on the admin socket.
type said struct {
	Error  string        `json:"error,omitempty"`
	Faults config.Faults `json:"faults,omitempty"` // of configuration or manifests, each with its place
}

func say(err error) said {
	var faults config.Faults
	if errors.As(err, &faults) {
		return said{fmt.Sprintf("%d faults in configuration or manifests; nothing was changed", len(faults)), faults}
	}
	return said{Error: strings.TrimSuffix(err.Error(), ": "+provision.ErrConflict.Error())} // the rest says which
}

// err is what was said, as an error again.
func (s said) err() error {
	if len(s.Faults) > 0 {
		return s.Faults
	}
	return errors.New(s.Error)
}

// complain prints a failure: faults a line each as an editor can jump to, or with asJSON one object.
func complain(w io.Writer, err error, asJSON bool) {
	var faults config.Faults
	switch {
	case err == nil || errors.Is(err, errSaid):
	case asJSON:
		_ = json.NewEncoder(w).Encode(say(err)) // nobody listens if it fails
	case errors.As(err, &faults):
		fmt.Fprintln(w, faults)
	default:
		fmt.Fprintln(w, "leasehold:", err)
	}
}
