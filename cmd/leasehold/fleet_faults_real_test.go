//go:build real

package main

import (
	"net/http"
	"testing"

	"leasehold/provision/postgres/postgrestest"
)

// onPostgres is a fleet of a size on a database of its own.
func onPostgres(t *testing.T, size int) *fleet {
	t.Helper()
	server := postgrestest.Start(t, postgrestest.Options{})
	server.Tell(t, "CREATE DATABASE leasehold")
	return newFleet(t, size, berth{database: func(int) string { return server.URL("leasehold") }})
}

func TestARevocationAtOneReplicaHoldsAtAll(t *testing.T) {
	f := onPostgres(t, 3)
	for n, g := range f.gateways {
		cookie, err := g.logIn("ada")
		if err != nil {
			t.Fatal(err)
		}
		f.want(http.StatusOK, cookie, f.gateways...)
		if _, err := f.gateways[(n+1)%3].revoke(revokeOrder{Lease: leaseOf(t, cookie)}); err != nil {
			t.Fatal(err)
		}
		f.want(http.StatusUnauthorized, cookie, f.gateways...)
	}
}
