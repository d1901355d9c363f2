package broker

import (
	"crypto/x509"
	"errors"
	"net"
	"syscall"
)

// Unreached is why a server is not reached, "" when that is not what err says. It names no host, address or resolver: a
// tenant may read it, and they are the operator's.
func Unreached(err error) string {
	var dns *net.DNSError
	var other x509.HostnameError
	var no syscall.Errno
	switch {
	case errors.As(err, &dns):
		return "its name is not resolved"
	case errors.As(err, &other):
		return "its certificate is for another name"
	case errors.As(err, &no):
		return no.Error()
	}
	return ""
}
