package broker

import (
	"fmt"
	"slices"
	"testing"
)

// TestALongListIsWalkedSoFarAndGoesOnThere: of what another tenant has, a part looks at so many rows and no more.
func TestALongListIsWalkedSoFarAndGoesOnThere(t *testing.T) {
	const rows, mine = 25_000, 5000 // every so many-th row
	after, reads := 0, 0
	read := func() ([]int, error) {
		reads++
		var found []int
		for n := after + 1; n <= rows && len(found) < walkStep; n++ {
			found = append(found, n)
		}
		return found, nil
	}
	pass := func(n int) string {
		after = n
		return fmt.Sprint(n)
	}
	var seen []int
	var parts []int
	for next := "0"; next != ""; {
		part, err := walk(2, read, func(n int) bool { return n%mine == 0 }, pass)
		if err != nil {
			t.Fatal(err)
		}
		seen, parts, next = append(seen, part.Items...), append(parts, reads), part.Next
		reads = 0
	}
	if !slices.Equal(seen, []int{5000, 10000, 15000, 20000, 25000}) || slices.Max(parts) > walkSteps {
		t.Errorf("seen %v, with %v reads a part", seen, parts)
	}
}
