package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"
)

// Lane is a connection that is kept, on which one check is answered before the next is sent. It does as little as it can:
// it may share the processors with what it measures. It dials when it has to.
type Lane struct {
	target *url.URL
	conn   net.Conn
	room   [16 << 10]byte
}

// NewLane is a lane to a gateway, or to a proxy that passes its checks on: http://HOST:PORT or https://HOST:PORT.
func NewLane(target string) (*Lane, error) {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.Port() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("target %q: write http://HOST:PORT or https://HOST:PORT", target)
	}
	return &Lane{target: u}, nil
}

// Check is a check as nginx asks it: of a page of an app, with a session cookie.
func Check(page, cookie string) []byte {
	return fmt.Appendf(nil, "GET /_sso/check/nginx HTTP/1.1\r\nHost: bench\r\nX-Original-URL: %s\r\nX-Original-Method: GET\r\nCookie: __Host-lh-app=%s\r\n\r\n", page, cookie)
}

// Ask sends a request whose answer has no body, and returns the answer's status.
func (l *Lane) Ask(request []byte) (status int, err error) {
	if l.conn == nil {
		if err := l.dial(); err != nil {
			return 0, err
		}
	}
	status, err = l.ask(request)
	if err != nil {
		_ = l.Close() // it is broken already
	}
	return status, err
}

// patience is how long an answer may take.
const patience = 10 * time.Second

func (l *Lane) dial() (err error) {
	dialer := &net.Dialer{Timeout: patience}
	if l.target.Scheme == "https" {
		l.conn, err = (&tls.Dialer{NetDialer: dialer}).DialContext(context.Background(), "tcp", l.target.Host)
		return err
	}
	l.conn, err = dialer.Dial("tcp", l.target.Host)
	return err
}

func (l *Lane) ask(request []byte) (int, error) {
	if err := l.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	if _, err := l.conn.Write(request); err != nil {
		return 0, err
	}
	for n := 0; n < len(l.room); {
		more, err := l.conn.Read(l.room[n:])
		n += more
		if err != nil {
			return 0, err
		}
		if bytes.HasSuffix(l.room[:n], []byte("\r\n\r\n")) {
			return statusOf(l.room[:n])
		}
	}
	return 0, errors.New("an answer that is no check's")
}

func statusOf(answer []byte) (int, error) {
	if len(answer) < 12 || !bytes.HasPrefix(answer, []byte("HTTP/1.1 ")) {
		return 0, errors.New("an answer that is no check's")
	}
	return strconv.Atoi(string(answer[9:12]))
}

// Close ends the connection.
func (l *Lane) Close() error {
	if l.conn == nil {
		return nil
	}
	conn := l.conn
	l.conn = nil
	return conn.Close()
}
