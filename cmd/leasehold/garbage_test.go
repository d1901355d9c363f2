package main

import "testing"

func TestGarbageMayGatherToARoomOrToTwiceWhatLives(t *testing.T) {
	for live, want := range map[uint64]int{0: 800, 8 << 20: 800, 16 << 20: 400, 32 << 20: 200, 1 << 30: 200} {
		if got := garbagePercent(live); got != want {
			t.Errorf("with %d MB alive: GOGC %d, want %d", live>>20, got, want)
		}
	}
}
