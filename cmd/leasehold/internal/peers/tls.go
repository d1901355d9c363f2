package peers

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"
)

// CA is a certificate authority of one test. Client and Browser trust it.
type CA struct {
	File string // its certificate in PEM: SSL_CERT_FILE of a process that is to trust it

	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewCA makes a certificate authority.
func NewCA(t testing.TB) *CA {
	t.Helper()
	ca := &CA{dir: t.TempDir(), key: newKey(t)}
	ca.cert = sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Leasehold test CA"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, ca.key, ca.key)
	ca.File = write(t, ca.dir, "ca.pem", block("CERTIFICATE", ca.cert.Raw))
	return ca
}

// TLS makes a certificate for hosts, which are names or addresses, and returns the files of its chain and its key.
func (ca *CA) TLS(t testing.TB, hosts ...string) (certFile, keyFile string) {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{SerialNumber: serial(t), Subject: pkix.Name{CommonName: hosts[0]}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		template.DNSNames = append(template.DNSNames, host)
	}
	leaf := sign(t, template, ca.cert, key, ca.key)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatalf("encode key: %v", err)
	}
	name := template.SerialNumber.Text(16)
	// The CA goes along in the chain: the browser knows it by its key alone.
	certFile = write(t, ca.dir, name+".crt", block("CERTIFICATE", leaf.Raw)+block("CERTIFICATE", ca.cert.Raw))
	return certFile, write(t, ca.dir, name+".key", block("EC PRIVATE KEY", der))
}

// Front ends TLS for a part that does not: it serves host and 127.0.0.1 on port and forwards to the loopback port
// behind it, saying by X-Forwarded-Proto, -Host and -For what it was asked for.
func (ca *CA) Front(t testing.TB, host string, port, behind int) {
	t.Helper()
	certFile, keyFile := ca.TLS(t, host, loopback)
	l, err := net.Listen("tcp", local(port))
	if err != nil {
		t.Fatalf("front of %s: %v", host, err)
	}
	quiet := log.New(io.Discard, "", 0) // browsers leave without a word
	proxy := &httputil.ReverseProxy{ErrorLog: quiet, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: local(behind)})
		r.SetXForwarded()
		r.Out.Host = r.In.Host
	}}
	server := &http.Server{Handler: proxy, ErrorLog: quiet, ReadHeaderTimeout: Patience}
	go func() { _ = server.ServeTLS(l, certFile, keyFile) }()
	t.Cleanup(func() { server.Close() })
}

// origin is where a part is known, and the loopback port that it shall listen on: the same port when ca is nil, else one
// behind a Front. A port of 0 is a free one.
func (ca *CA) origin(t testing.TB, host string, port int) (origin string, listen int) {
	t.Helper()
	if port == 0 {
		port = Port(t)
	}
	if ca == nil {
		return "http://" + local(port), port
	}
	listen = Port(t)
	ca.Front(t, host, port, listen)
	return fmt.Sprintf("https://%s:%d", host, port), listen
}

// pool is what a client trusts.
func (ca *CA) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// pin is the CA's key as Chromium's --ignore-certificate-errors-spki-list knows it.
func (ca *CA) pin() string {
	sum := sha256.Sum256(ca.cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (ca *CA) config() *tls.Config {
	return &tls.Config{RootCAs: ca.pool(), MinVersion: tls.VersionTLS12}
}

func sign(t testing.TB, template, parent *x509.Certificate, key, by crypto.Signer) *x509.Certificate {
	t.Helper()
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatalf("sign certificate: %v", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatalf("read certificate: %v", err)
	}
	return cert
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("make key: %v", err)
	}
	return key
}

func serial(t testing.TB) *big.Int {
	t.Helper()
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 96))
	if err != nil {
		t.Fatalf("draw serial number: %v", err)
	}
	return n
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// rsaKeyAndCertificate is an RSA key and a certificate for it that it signed itself, in one PEM file.
func rsaKeyAndCertificate(t testing.TB) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatalf("make key: %v", err)
	}
	template := &x509.Certificate{SerialNumber: serial(t), Subject: pkix.Name{CommonName: "test provider"}}
	cert := sign(t, template, nil, key, key)
	return block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)) + block("CERTIFICATE", cert.Raw)
}
