package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"leasehold/config"
)

func TestAnAdminSocketThatIsClosedSaysToWhom(t *testing.T) {
	s := &surroundings{ctx: t.Context(), config: "leasehold.yaml"}
	a := admin{path: "/data/admin.sock", say: s}
	err := a.unreached(&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EACCES)})
	if want := "/data/admin.sock is closed to you; only root and the owner of the server's process may use it"; err == nil || err.Error() != want {
		t.Errorf("said %v", err)
	}
}

func TestASocketsPathThatIsTooLongIsSaidInWords(t *testing.T) {
	_, err := listenAdmin("/" + strings.Repeat("x", maxSocketPath))
	if err == nil || !strings.Contains(err.Error(), "shorten `data` in the configuration") {
		t.Errorf("said %v", err)
	}
}

func TestOnlySocketsAreRemovedForANewOne(t *testing.T) {
	folder, err := os.MkdirTemp("", "lh")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	kept := filepath.Join(folder, "kept")
	if err := os.WriteFile(kept, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen("listen", config.Address("unix:"+kept)); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("said %v", err)
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != "precious" {
		t.Errorf("%q, %v", text, err)
	}

	left := filepath.Join(folder, "left")
	before, err := net.ListenUnix("unix", &net.UnixAddr{Name: left, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	before.SetUnlinkOnClose(false) // as one that was killed
	before.Close()
	l, err := listen("listen", config.Address("unix:"+left))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Stat(left); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("the proxy cannot reach %v: %v", info, err)
	}
}
