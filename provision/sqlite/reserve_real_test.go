//go:build real

package sqlite_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// TestADiskThatIsFullStillTakesRevocations has a disk of its own: a mount that only its process sees.
func TestADiskThatIsFullStillTakesRevocations(t *testing.T) {
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), smallDisk+"="+t.TempDir())
	process.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if out, err := process.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
