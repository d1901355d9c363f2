package outbound

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"
)

// dialer opens connections to addresses that may be reached.
type dialer struct {
	net.Dialer
	public  *ssrf.Guardian // public addresses, port 443
	private []netip.Prefix
}

func newDialer(c Config) *dialer {
	d := &dialer{public: ssrf.New(ssrf.WithPorts(443)), private: c.AllowPrivate}
	d.Dialer = net.Dialer{Timeout: orDefault(c.Timeout, defaultTimeout), Resolver: c.Resolver, Control: d.judge}
	return d
}

// dial connects to "host:port". Names below localhost are not asked for: they are this machine.
func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || !isLocalhost(host) {
		return d.DialContext(ctx, network, address)
	}
	conn, err := d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	if err == nil {
		return conn, nil
	}
	conn, err6 := d.DialContext(ctx, network, net.JoinHostPort("::1", port))
	if err6 != nil {
		return nil, errors.Join(err, err6)
	}
	return conn, nil
}

// judge sees each address just before it is dialled: no name stands between it and the connection.
func (d *dialer) judge(network, address string, c syscall.RawConn) error {
	if to, err := netip.ParseAddrPort(address); err == nil && d.allowed(to.Addr().Unmap()) {
		return nil
	}
	return d.public.Safe(network, address, c)
}

func (d *dialer) allowed(a netip.Addr) bool {
	for _, prefix := range d.private {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// isLoopback reports whether host, a name or an address, can only be this machine.
func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return isLocalhost(host) || (err == nil && address.Unmap().IsLoopback())
}

// isLocalhost reports whether name is localhost or below it.
func isLocalhost(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}
