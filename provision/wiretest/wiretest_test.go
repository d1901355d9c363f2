package wiretest_test

import (
	"bufio"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/provision/wiretest"
)

// echo answers every line with itself, and counts those that are heard for the first time in their connection: a line that
// was held back may arrive late.
func echo(t *testing.T) (addr string, heard *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	heard = new(atomic.Int64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				first := true
				for lines := bufio.NewScanner(c); lines.Scan(); first = false {
					if first {
						heard.Add(1)
					}
					fmt.Fprintln(c, lines.Text())
				}
			}()
		}
	}()
	return l.Addr().String(), heard
}

// ask says a line on c, and reports how long the answer took, or why there is none within a while.
func ask(c net.Conn, patience time.Duration) (time.Duration, error) {
	began := time.Now()
	if _, err := fmt.Fprintln(c, "hello"); err != nil {
		return 0, err
	}
	if err := c.SetReadDeadline(began.Add(patience)); err != nil {
		return 0, err
	}
	_, err := c.Read(make([]byte, 16))
	return time.Since(began), err
}

func dial(t *testing.T, w *wiretest.Wire) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", w.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestAWireDoesTheHarmThatItIsToldAndNoOther(t *testing.T) {
	addr, heard := echo(t)
	w := wiretest.New(t, addr)
	c := dial(t, w)
	if took, err := ask(c, 5*time.Second); err != nil {
		t.Fatalf("unharmed: %v, %v", took, err)
	}
	w.Delay(100 * time.Millisecond)
	if took, err := ask(c, 5*time.Second); err != nil || took < 200*time.Millisecond {
		t.Errorf("delayed: %v, %v", took, err)
	}
	w.Mend()
	w.Silence()
	if _, err := ask(c, 100*time.Millisecond); err == nil {
		t.Error("a silent wire answers")
	}
	w.Mend()
	if took, err := ask(c, 5*time.Second); err != nil {
		t.Errorf("after silence: %v, %v", took, err)
	}
	w.Drop()
	if _, err := ask(c, time.Second); err == nil {
		t.Error("a connection that was dropped answers")
	}
	if _, err := ask(dial(t, w), 5*time.Second); err != nil {
		t.Errorf("after the drop: %v", err)
	}
	w.Cut()
	if _, err := ask(dial(t, w), time.Second); err == nil {
		t.Error("a wire that is cut answers")
	}
	w.Mend()
	before := heard.Load()
	w.LoseAnswers()
	c = dial(t, w)
	if _, err := ask(c, 200*time.Millisecond); err == nil {
		t.Error("an answer was to be lost, and came")
	}
	for deadline := time.Now().Add(5 * time.Second); heard.Load() == before && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if heard.Load() != before+1 {
		t.Errorf("of one request %d were heard", heard.Load()-before)
	}
	w.Mend()
	if _, err := ask(dial(t, w), 5*time.Second); err != nil {
		t.Errorf("mended: %v", err)
	}
	if w.Carried() != 4 {
		t.Errorf("%d connections were carried", w.Carried())
	}
}
