package main

import "testing"

func TestGarbageMayGatherToARoomOrToWhatLives(t *testing.T) {
	for live, want := range map[uint64]int{0: 800, 8 << 20: 800, 16 << 20: 400, 64 << 20: 100, 1 << 30: 100} {
		if got := garbagePercent(live); got != want {
			t.Errorf("with %d MB alive: GOGC %d, want %d", live>>20, got, want)
		}
	}
}
