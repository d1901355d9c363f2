//go:build figures

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The variables that make of this test a server that only answers 200: where it listens, and what headers it answers
// with, as JSON.
const (
	bareAddress = "FIGURES_BARE"
	bareHeader  = "FIGURES_BARE_HEADER"
)

// serveBare answers 200 at an address, with a header, and does nothing else.
func serveBare(t *testing.T, address string) {
	var header http.Header
	if text := os.Getenv(bareHeader); text != "" {
		if err := json.Unmarshal([]byte(text), &header); err != nil {
			t.Fatal(err)
		}
	}
	err := http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if header != nil {
			maps.Copy(w.Header(), header)
		}
		w.WriteHeader(http.StatusOK)
	}))
	t.Fatal(err)
}

// process is one whose cost is measured.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string
	ops     string // of a gateway
	started time.Duration
}

// launch starts a command until the test ends, and returns when probe answers 200.
func launch(t *testing.T, command *exec.Cmd, probe string) *process {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	command.Stdout, command.Stderr = log, log
	p := &process{t: t, cmd: command}
	began := time.Now()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	for !answers(probe) {
		if time.Since(began) > time.Minute {
			said, _ := os.ReadFile(log.Name())
			t.Fatalf("%s does not answer:\n%s", probe, said)
		}
		time.Sleep(time.Millisecond)
	}
	p.started = time.Since(began)
	return p
}

func (p *process) stop() {
	if p.cmd.ProcessState == nil {
		p.cmd.Process.Signal(syscall.SIGTERM)
		p.cmd.Wait()
	}
}

func answers(url string) bool {
	response, err := http.Get(url)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// startBare starts this test as a server that only answers 200 with a header.
func startBare(t *testing.T, header http.Header) *process {
	t.Helper()
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + port(t)
	command := exec.Command(os.Args[0], "-test.run", "^TestFigures$")
	command.Env = append(os.Environ(), bareAddress+"="+address, bareHeader+"="+string(text))
	p := launch(t, command, "http://"+address+"/")
	p.address = address
	return p
}

func port(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// cpu is what the process has used of processors, in its own code and in the kernel's (proc(5): fields 14 and 15 of
// stat, in hundredths of a second).
func (p *process) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:])) // the third is the first
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			p.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// rss is the memory that the process has, in bytes.
func (p *process) rss() int64 {
	status, err := os.Open(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	defer status.Close()
	return int64(p.number(status, "VmRSS:")) << 10
}

// metric is a number that a gateway publishes.
func (p *process) metric(name string) float64 {
	response, err := http.Get(p.ops + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	return p.number(response.Body, name)
}

// number is what follows a name at the beginning of a line.
func (p *process) number(text io.Reader, name string) float64 {
	for lines := bufio.NewScanner(text); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != name {
			continue
		}
		n, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			p.t.Fatal(err)
		}
		return n
	}
	p.t.Fatalf("nothing says %s", name)
	return 0
}

// rest waits until the process has nothing left to do, also nothing that comes round every half minute, and is how much
// processor time it took until then. One that is never at rest is not waited for any longer than a few minutes.
func (p *process) rest() time.Duration {
	began, before := time.Now(), p.cpu()
	for quiet := 0; quiet < 18 && time.Since(began) < 5*time.Minute; quiet++ {
		turn := p.cpu()
		time.Sleep(2 * time.Second)
		if p.cpu()-turn > 200*time.Millisecond {
			quiet = -1
		}
	}
	return p.cpu() - before
}

// idle is the share of one processor that the process uses when nobody asks it anything.
func (p *process) idle(d time.Duration) float64 {
	before := p.cpu()
	time.Sleep(d)
	return float64(p.cpu()-before) / float64(d)
}
