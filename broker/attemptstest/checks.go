package attemptstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// perBrowser is how many things of one browser are kept.
const perBrowser = 20

func checks() []check {
	return []check{
		{"what was put is read as it was, by everybody", asItWas},
		{"what nobody put is not found", absent},
		{"a name may be any text", anyName},
		{"what is put again is what was put last", putAgain},
		{"what is taken is gone", takenOnce},
		{"of many who take, one is answered", manyTake},
		{"a swap replaces what was read, and nothing else of it", swapped},
		{"a swap of what has changed is a conflict", conflict},
		{"of many who swap, one does", manySwap},
		{"a swap does not bring back what was taken", swapAfterTake},
		{"each thing has its own end", ends},
		{"a swap does not move the end", swapKeepsTheEnd},
		{"what was over when it was put is not there", overAtOnce},
		{"of one browser the newest are kept", newest},
		{"what is spent or of another browser does not count", counted},
		{"what is bound to no browser is not counted", unbound},
	}
}

func asItWas(t *probe) {
	p := t.pending("attempt/a", 1, time.Minute)
	p.Sealed = []byte{0, 1, 2, 0xff, '\r', '\n', 0}
	t.put(p)
	for range 2 {
		got, err := t.b.Get(context.Background(), p.ID)
		if err != nil || got.ID != p.ID || got.Browser != p.Browser || !got.Expires.Equal(p.Expires) || !bytes.Equal(got.Sealed, p.Sealed) {
			t.errorf("got %+v, %v; want %+v", got, err, p)
		}
	}
	big := t.pending("attempt/big", 1, time.Minute)
	big.Sealed = bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	t.put(big)
	if got, err := t.b.Take(context.Background(), big.ID); err != nil || !bytes.Equal(got.Sealed, big.Sealed) {
		t.errorf("a mebibyte comes back as %d bytes, %v", len(got.Sealed), err)
	}
}

func absent(t *probe) {
	ctx := context.Background()
	if p, err := t.a.Get(ctx, "attempt/none"); !errors.Is(err, provision.ErrNotFound) || p.Sealed != nil {
		t.errorf("get: %+v, %v", p, err)
	}
	if p, err := t.a.Take(ctx, "attempt/none"); !errors.Is(err, provision.ErrNotFound) || p.Sealed != nil {
		t.errorf("take: %+v, %v", p, err)
	}
	if err := t.a.Swap(ctx, t.pending("attempt/none", 1, time.Minute), []byte("x")); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("swap: %v", err)
	}
	if t.there("attempt/none") {
		t.errorf("a swap put it there")
	}
}

func anyName(t *probe) {
	names := []string{"", "a", "a ", "{a}", "a}{", "*", "\x00\r\n$1", "code/\xff\xfe", strings.Repeat("x", 1<<20)}
	for _, name := range names {
		p := t.pending(name, 0, time.Minute)
		p.Sealed = []byte(fmt.Sprintf("%d of %.9q", len(name), name))
		t.put(p)
	}
	for _, name := range names {
		want := fmt.Sprintf("%d of %.9q", len(name), name)
		if p, err := t.b.Take(context.Background(), name); err != nil || string(p.Sealed) != want || p.ID != name {
			t.errorf("%.20q holds %.40q, %v", name, p.Sealed, err)
		}
	}
}

func putAgain(t *probe) {
	t.put(t.pending("attempt/a", 1, time.Minute))
	p := t.pending("attempt/a", 1, 2*time.Minute)
	p.Sealed = []byte("second")
	t.put(p)
	t.clock.Pass(90 * time.Second)
	if got, err := t.b.Take(context.Background(), p.ID); err != nil || string(got.Sealed) != "second" || !got.Expires.Equal(p.Expires) {
		t.errorf("%+v, %v", got, err)
	}
	if t.there(p.ID) {
		t.errorf("what was put first is there again")
	}
}

func takenOnce(t *probe) {
	ctx := context.Background()
	p := t.put(t.pending("attempt/a", 1, time.Minute))
	if got, err := t.a.Take(ctx, p.ID); err != nil || !bytes.Equal(got.Sealed, p.Sealed) || got.Browser != p.Browser || !got.Expires.Equal(p.Expires) {
		t.errorf("take: %+v, %v", got, err)
	}
	for _, store := range []broker.Attempts{t.a, t.b} {
		if got, err := store.Take(ctx, p.ID); !errors.Is(err, provision.ErrNotFound) || got.Sealed != nil {
			t.errorf("taken twice: %+v, %v", got, err)
		}
	}
	if t.there(p.ID) {
		t.errorf("it is still there")
	}
}

// crowd runs f many times at once, over both handles, and says how often it was true.
func (t *probe) crowd(f func(a broker.Attempts, n int) bool) int {
	var yes atomic.Int64
	var all sync.WaitGroup
	for n := range 24 {
		all.Go(func() {
			store := t.a
			if n%2 == 0 {
				store = t.b
			}
			if f(store, n) {
				yes.Add(1)
			}
		})
	}
	all.Wait()
	return int(yes.Load())
}

func manyTake(t *probe) {
	for n := range 5 {
		p := t.put(t.pending(fmt.Sprint("attempt/", n), 1, time.Minute))
		taken := t.crowd(func(store broker.Attempts, _ int) bool {
			_, err := store.Take(context.Background(), p.ID)
			if err != nil && !errors.Is(err, provision.ErrNotFound) {
				t.errorf("take: %v", err)
			}
			return err == nil
		})
		if taken != 1 {
			t.errorf("%d have it", taken)
		}
	}
}

func swapped(t *probe) {
	ctx := context.Background()
	p := t.put(t.pending("attempt/a", 1, time.Minute))
	if err := t.a.Swap(ctx, p, []byte("new\x00")); err != nil {
		t.errorf("swap: %v", err)
	}
	got, err := t.b.Get(ctx, p.ID)
	if err != nil || string(got.Sealed) != "new\x00" || got.Browser != p.Browser || !got.Expires.Equal(p.Expires) || got.ID != p.ID {
		t.errorf("after it: %+v, %v", got, err)
	}
	if err := t.b.Swap(ctx, got, []byte("newer")); err != nil {
		t.errorf("the next: %v", err)
	}
}

func conflict(t *probe) {
	ctx := context.Background()
	p := t.put(t.pending("attempt/a", 1, time.Minute))
	if err := t.a.Swap(ctx, p, []byte("1")); err != nil {
		t.fatalf("swap: %v", err)
	}
	if err := t.b.Swap(ctx, p, []byte("2")); !errors.Is(err, provision.ErrConflict) {
		t.errorf("what has changed is swapped: %v", err)
	}
	p.Sealed = nil
	if err := t.b.Swap(ctx, p, []byte("3")); !errors.Is(err, provision.ErrConflict) {
		t.errorf("nothing is taken for everything: %v", err)
	}
	if got, err := t.b.Get(ctx, p.ID); err != nil || string(got.Sealed) != "1" {
		t.errorf("holds %q, %v", got.Sealed, err)
	}
}

func manySwap(t *probe) {
	p := t.put(t.pending("attempt/a", 1, time.Minute))
	swapped := t.crowd(func(store broker.Attempts, n int) bool {
		err := store.Swap(context.Background(), p, []byte(fmt.Sprint(n)))
		if err != nil && !errors.Is(err, provision.ErrConflict) {
			t.errorf("swap: %v", err)
		}
		return err == nil
	})
	if swapped != 1 {
		t.errorf("%d swapped what they had all read", swapped)
	}
}

func swapAfterTake(t *probe) {
	ctx := context.Background()
	p := t.put(t.pending("attempt/a", 1, time.Minute))
	if _, err := t.a.Take(ctx, p.ID); err != nil {
		t.fatalf("take: %v", err)
	}
	if err := t.b.Swap(ctx, p, []byte("again")); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("swap: %v", err)
	}
	if t.there(p.ID) {
		t.errorf("it is back")
	}
}

func ends(t *probe) {
	ctx := context.Background()
	long, short := t.put(t.pending("attempt/long", 1, time.Hour)), t.put(t.pending("code/short", 1, time.Minute))
	t.clock.Pass(time.Minute - time.Millisecond)
	if !t.there(short.ID) {
		t.errorf("gone before its end")
	}
	t.clock.Pass(time.Millisecond)
	if t.there(short.ID) {
		t.errorf("there at its end")
	}
	if err := t.a.Swap(ctx, short, []byte("x")); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("swapped at its end: %v", err)
	}
	if p, err := t.a.Take(ctx, short.ID); !errors.Is(err, provision.ErrNotFound) || p.Sealed != nil {
		t.errorf("taken at its end: %+v, %v", p, err)
	}
	if _, err := t.a.Take(ctx, long.ID); err != nil {
		t.errorf("the other: %v", err)
	}
}

func swapKeepsTheEnd(t *probe) {
	p := t.put(t.pending("attempt/a", 1, time.Minute))
	later := p
	later.Expires = p.Expires.Add(time.Hour)
	if err := t.a.Swap(context.Background(), later, []byte("x")); err != nil {
		t.fatalf("swap: %v", err)
	}
	if got, err := t.b.Get(context.Background(), p.ID); err != nil || !got.Expires.Equal(p.Expires) {
		t.errorf("it ends at %v, %v; want %v", got.Expires, err, p.Expires)
	}
	t.clock.Pass(time.Minute)
	if t.there(p.ID) {
		t.errorf("there after its end")
	}
}

func overAtOnce(t *probe) {
	for _, life := range []time.Duration{0, -time.Minute} {
		p := t.put(t.pending(fmt.Sprint("attempt/", life), 1, life))
		if t.there(p.ID) {
			t.errorf("it ended %v ago, and is there", -life)
		}
	}
}

func newest(t *probe) {
	for n := range perBrowser + 5 {
		t.put(t.pending(fmt.Sprint("attempt/", n), 1, time.Minute))
	}
	for n := range perBrowser + 5 {
		if there := t.there(fmt.Sprint("attempt/", n)); there != (n >= 5) {
			t.errorf("%d of %d is there: %v", n, perBrowser+5, there)
		}
	}
}

func counted(t *probe) {
	t.put(t.pending("attempt/old", 1, time.Minute))
	t.put(t.pending("attempt/other", 2, time.Minute))
	for n := range 3 * perBrowser {
		p := t.put(t.pending(fmt.Sprint("attempt/", n), 1, time.Minute))
		if _, err := t.b.Take(context.Background(), p.ID); err != nil {
			t.fatalf("take %d: %v", n, err)
		}
	}
	for n := range perBrowser - 1 {
		t.put(t.pending(fmt.Sprint("attempt/more", n), 1, time.Minute))
	}
	if !t.there("attempt/old") || !t.there("attempt/other") {
		t.errorf("an old one went for what was spent, or for another browser's")
	}
	t.put(t.pending("attempt/last", 1, time.Minute))
	if t.there("attempt/old") || !t.there("attempt/other") {
		t.errorf("of %d of one browser the oldest is there, or another browser's is not", perBrowser+1)
	}
}

func unbound(t *probe) {
	for n := range 2 * perBrowser {
		t.put(t.pending(fmt.Sprint("code/", n), 0, time.Minute))
	}
	for n := range 2 * perBrowser {
		if !t.there(fmt.Sprint("code/", n)) {
			t.errorf("%d went", n)
		}
	}
}
