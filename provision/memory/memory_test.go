package memory_test

import (
	"testing"
	"time"

	"leasehold/provision/memory"
)

func TestLedgerTimeNeverGoesBack(t *testing.T) {
	wall := time.Date(2031, 5, 1, 9, 0, 0, 0, time.UTC)
	s := memory.New(func() time.Time { return wall })
	first := s.Now()
	wall = wall.Add(-time.Hour)
	if now := s.Now(); !now.Equal(first) {
		t.Errorf("ledger time is %s after the clock was put back from %s", now, first)
	}
	if err := s.ResetClock(t.Context()); err != nil || !s.Now().Equal(wall) {
		t.Errorf("ledger time is %s after a reset, want the wall clock's %s, error %v", s.Now(), wall, err)
	}
	wall = wall.Add(2 * time.Hour)
	if now := s.Now(); !now.Equal(wall) {
		t.Errorf("ledger time is %s, want the wall clock's %s", now, wall)
	}
}
