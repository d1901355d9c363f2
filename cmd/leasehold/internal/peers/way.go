package peers

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// Way starts a forward proxy for processes that do not know that names are on this machine: whatever name they ask for, it
// takes them to that port of the loopback address (RFC 9110, 9.3.6). It returns its address, as HTTPS_PROXY has it.
func Way(t testing.TB) string {
	t.Helper()
	return fmt.Sprint("http://", local(serve(t, http.HandlerFunc(connect))))
}

func connect(w http.ResponseWriter, r *http.Request) {
	_, port, err := net.SplitHostPort(r.Host)
	if r.Method != http.MethodConnect || err != nil {
		http.Error(w, "CONNECT name:port is wanted", http.StatusBadRequest)
		return
	}
	there, err := net.Dial("tcp", net.JoinHostPort(loopback, port))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer there.Close()
	w.WriteHeader(http.StatusOK)
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	go func() {
		_, _ = io.Copy(there, here)
		_ = there.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(here, there)
}
