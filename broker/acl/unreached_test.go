package acl_test

import (
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/broker/acl"
)

// No name with two dots in a row is asked for anywhere.
func TestAServerWhoseNameIsNotResolvedIsNotNamed(t *testing.T) {
	t.Parallel()
	s := acl.Server{Address: "cache..internal:6379", Password: "hunter2"}
	_, issue := s.Issue(t.Context(), broker.UserOrder{Name: "lh_1", Password: "secret", Until: time.Now().Add(time.Minute)})
	for _, err := range []error{issue, s.Renew(t.Context(), "lh_1", time.Now()), s.Revoke(t.Context(), "lh_1")} {
		if err == nil || err.Error() != "the Redis cannot be reached: its name is not resolved" {
			t.Errorf("said %v", err)
		}
	}
}
