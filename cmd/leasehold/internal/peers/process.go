package peers

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// tail is how much of a log is shown, in bytes.
const tail = 4 << 10

// process is a part that runs as a process group of its own.
type process struct {
	name string
	log  string // path
	cmd  *exec.Cmd
	over chan struct{} // closed once it has ended
}

// start runs a command until the test ends, and returns when it answers at addr.
func start(t testing.TB, name, dir, addr string, env []string, command ...string) *process {
	t.Helper()
	p := &process{name: name, log: filepath.Join(dir, name+".log"), over: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatalf("log of %s: %v", name, err)
	}
	defer log.Close()
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s (.ci/run installs what the tests need): %v", name, err)
	}
	go func() { _ = p.cmd.Wait(); close(p.over) }()
	t.Cleanup(func() { p.end(t) })
	until(t, name+" to answer", func() bool { return p.answers(t, addr) })
	return p
}

// answers reports whether something listens at addr. It fails the test when the process is no more.
func (p *process) answers(t testing.TB, addr string) bool {
	t.Helper()
	if p.dead() {
		t.Fatalf("%s ended before it answered", p.name)
	}
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func (p *process) dead() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

// end stops the process and everything that it started. One that is already gone has failed the test.
func (p *process) end(t testing.TB) {
	if p.dead() {
		t.Errorf("%s died early: %v", p.name, p.cmd.ProcessState)
	}
	p.signal(t, syscall.SIGTERM)
	select {
	case <-p.over:
	case <-time.After(3 * time.Second):
	}
	p.signal(t, syscall.SIGKILL) // also what a leader that ended has left behind
	<-p.over
	if t.Failed() {
		t.Logf("end of the log of %s:\n%s", p.name, p.tail())
	}
}

func (p *process) signal(t testing.TB, s syscall.Signal) {
	if err := syscall.Kill(-p.cmd.Process.Pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Logf("%v to %s: %v", s, p.name, err)
	}
}

// tail is the end of the log.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-tail):])
}
