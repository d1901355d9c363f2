package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestTheDemoPlaysItsStory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out, log bytes.Buffer
	if err := run(t.Context(), []string{"demo", "--check", "--json"}, nil, &out, &log); err != nil || log.Len() > 0 {
		t.Fatalf("%v\n%s%s", err, &out, &log)
	}
	steps := json.NewDecoder(&out)
	for n := 1; n <= 6; n++ {
		var p played
		if err := steps.Decode(&p); err != nil || p.Step != n || !p.OK || p.Name == "" || p.Line == "" {
			t.Errorf("step %d: %+v, %v", n, p, err)
		}
	}
	if steps.More() {
		t.Error("there are more steps than were expected")
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestAStoryThatGoesAnotherWayFailsAtThatStep(t *testing.T) {
	st := startStage(t, demoCommand{Listen: "127.0.0.1:0"})
	st.app = http.NotFoundHandler()
	var out bytes.Buffer
	err := st.play(t.Context(), &surroundings{stdout: &out})
	if exitCode(err) != 1 {
		t.Errorf("ended with %d", exitCode(err))
	}
	if !regexp.MustCompile(`(?m)^1  ok  .*\n2  FAILED  Alice logs in by SAML and is in the app: came to http://app\.localhost:\d+/deep\?a=1&b=2 with status 404 instead of the app\n$`).MatchString(out.String()) {
		t.Errorf("said: %s", &out)
	}
}

// startStage is a demo that runs until the test is over.
func startStage(t *testing.T, c demoCommand) *stage {
	t.Helper()
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	st, err := newStage(ctx, filepath.Join(t.TempDir(), "data"), l.Addr(), c.App, nil)
	if err != nil {
		t.Fatal(err)
	}
	tasks := st.gateway.background(ctx)
	front := &httptest.Server{Listener: l, Config: server(st, st.gateway.log)}
	front.Start()
	t.Cleanup(func() {
		front.Close()
		stop()
		tasks.Wait()
		st.close()
	})
	if err := st.prove(ctx); err != nil {
		t.Fatal(err)
	}
	return st
}

// TestTheDemoRunsUntilItIsStopped also puts an app of one's own behind it.
func TestTheDemoRunsUntilItIsStopped(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "my own app knows "+r.Header.Get("X-Leasehold-Email")+" at "+r.URL.Path)
	}))
	defer app.Close()
	ctx, stop := context.WithCancel(t.Context())
	said, out := io.Pipe()
	over := make(chan error, 1)
	go func() {
		over <- run(ctx, []string{"demo", "--listen", "127.0.0.1:0", "--app", app.URL}, nil, out, io.Discard)
		out.Close()
	}()
	port := portOf(t, said)
	rest := make(chan string)
	go func() { text, _ := io.ReadAll(said); rest <- string(text) }()

	st := &stage{port: port}
	p, err := st.logIn(ctx, newVisitor(port), "bob")
	if err != nil || p.body != "my own app knows bob@acme.test at /deep" {
		t.Errorf("%v: %s", err, p.body)
	}
	stop()
	select {
	case err := <-over:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
	if text := <-rest; !strings.Contains(text, "Nothing is left behind") {
		t.Errorf("last words: %s", text)
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// portOf reads until the demo has said where it is.
func portOf(t *testing.T, r io.Reader) string {
	t.Helper()
	var text []byte
	for buffer := make([]byte, 1024); ; {
		n, err := r.Read(buffer)
		text = append(text, buffer[:n]...)
		if found := regexp.MustCompile(`http://app\.localhost:(\d+)/`).FindSubmatch(text); found != nil {
			return string(found[1])
		}
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
}

func TestTheDemoSaysWhyItDoesNotRun(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for wanted, args := range map[string][]string{
		l.Addr().String() + " is taken by another process; any free port will do: --listen 127.0.0.1:0": {"demo", "--check", "--listen", l.Addr().String()},
		"--app nonsense: is no URL such as http://127.0.0.1:3000":                                       {"demo", "--listen", "127.0.0.1:0", "--app", "nonsense"},
		"--check plays in the demo's own app; leave --app out":                                          {"demo", "--check", "--app", "http://127.0.0.1:1"},
	} {
		var log bytes.Buffer
		if err := run(t.Context(), args, nil, io.Discard, &log); err == nil || log.String() != "leasehold: "+wanted+"\n" {
			t.Errorf("%v\n said: %swant: %s", args, &log, wanted)
		}
	}
}
