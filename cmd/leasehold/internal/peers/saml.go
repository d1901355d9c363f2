package peers

import (
	"crypto"
	"crypto/tls"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed testdata/simplesamlphp
var samlConfig embed.FS

// SAMLOptions are what SimpleSAMLphp is started with. The zero value is plain HTTP on loopback.
type SAMLOptions struct {
	CA             *CA    // nil: plain HTTP on loopback
	Host           string // with a CA, the name that browsers know it by, like idp.customer.test
	Port           int    // that browsers know it by; 0: a free one
	EntityID       string // "": the address of its metadata
	People         People // nil: Everybody
	SessionSeconds int    // how long its sessions last: SessionNotOnOrAfter; 0: eight hours
}

// SAMLIdP is a running SimpleSAMLphp.
type SAMLIdP struct {
	Base        string // as browsers see it, ends in "/"
	EntityID    string
	MetadataURL string // as browsers see it
	LocalURL    string // of the same metadata, by plain HTTP on loopback

	dir   string
	knobs map[string]any
	sps   int
}

// SimpleSAMLphp starts a SAML identity provider whose session, people, service providers and settings can be changed
// while it runs.
func SimpleSAMLphp(t testing.TB, o SAMLOptions) *SAMLIdP {
	t.Helper()
	dir := t.TempDir()
	origin, port := o.CA.origin(t, o.Host, o.Port)
	p := &SAMLIdP{Base: origin + "/simplesaml/", EntityID: o.EntityID, dir: dir, knobs: map[string]any{}}
	p.MetadataURL = p.Base + "saml2/idp/metadata.php"
	p.LocalURL = fmt.Sprintf("http://%s/simplesaml/saml2/idp/metadata.php", local(port))
	if p.EntityID == "" {
		p.EntityID = p.MetadataURL
	}
	p.prepare(t, o)
	start(t, "simplesamlphp", dir, local(port), []string{
		"PEER_DIR=" + dir, "PEER_BASE=" + p.Base, "PEER_ENTITYID=" + p.EntityID,
		"SIMPLESAMLPHP_CONFIG_DIR=" + filepath.Join(dir, "config"), "PHP_CLI_SERVER_WORKERS=4",
	}, "php", "-d", "display_errors=0", "-d", "log_errors=1", "-d", "session.save_path="+filepath.Join(dir, "tmp"),
		"-S", local(port), "-t", filepath.Join(dir, "www"))
	p.warm(t)
	return p
}

// warm has somebody look at a page, so that the tables of sessions are there: two who come first make them twice.
func (p *SAMLIdP) warm(t testing.TB) {
	t.Helper()
	page := strings.TrimSuffix(p.LocalURL, "saml2/idp/metadata.php") + "module.php/core/authenticate.php?as=people"
	visitor := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := visitor.Get(page)
	if err != nil {
		t.Fatalf("first visit of simplesamlphp: %v", err)
	}
	answer.Body.Close()
}

// prepare lays out the folder that SimpleSAMLphp works in.
func (p *SAMLIdP) prepare(t testing.TB, o SAMLOptions) {
	t.Helper()
	config, err := fs.Sub(samlConfig, "testdata/simplesamlphp")
	if err != nil {
		t.Fatalf("configuration of simplesamlphp: %v", err)
	}
	if err := os.CopyFS(filepath.Join(p.dir, "config"), config); err != nil {
		t.Fatalf("configuration of simplesamlphp: %v", err)
	}
	for _, folder := range []string{"data", "tmp", "www", "sp"} {
		if err := os.MkdirAll(filepath.Join(p.dir, folder), 0o755); err != nil {
			t.Fatalf("folder of simplesamlphp: %v", err)
		}
	}
	if err := os.Symlink("/usr/share/simplesamlphp/www", filepath.Join(p.dir, "www", "simplesaml")); err != nil {
		t.Fatalf("code of simplesamlphp: %v", err)
	}
	// The library knows RSA keys only.
	write(t, p.dir, "idp.pem", rsaKeyAndCertificate(t))
	if o.People == nil {
		o.People = Everybody()
	}
	p.SetUsers(t, o.People)
	p.SessionSeconds(t, o.SessionSeconds)
}

// Metadata is the provider's metadata document as it stands.
func (p *SAMLIdP) Metadata(t testing.TB) []byte {
	t.Helper()
	answer, err := http.Get(p.LocalURL)
	if err != nil {
		t.Fatalf("metadata of simplesamlphp: %v", err)
	}
	defer answer.Body.Close()
	document, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("metadata of simplesamlphp: %s, %v\n%s", answer.Status, err, document)
	}
	return document
}

// Key is what the provider signs with.
func (p *SAMLIdP) Key(t testing.TB) crypto.Signer {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(p.dir, "idp.pem"), filepath.Join(p.dir, "idp.pem"))
	if err != nil {
		t.Fatalf("key of simplesamlphp: %v", err)
	}
	return pair.PrivateKey.(crypto.Signer)
}

// AddSP makes a service provider known by its metadata.
func (p *SAMLIdP) AddSP(t testing.TB, metadata []byte) {
	t.Helper()
	p.sps++
	write(t, p.dir, fmt.Sprintf("sp/%d.xml", p.sps), string(metadata))
}

// SetUsers replaces the provider's people.
func (p *SAMLIdP) SetUsers(t testing.TB, people People) {
	t.Helper()
	write(t, p.dir, "people.json", encode(t, people))
}

// SessionSeconds says how long the provider's sessions last from now on; 0 is eight hours.
func (p *SAMLIdP) SessionSeconds(t testing.TB, seconds int) {
	t.Helper()
	if seconds == 0 {
		seconds = 8 * 60 * 60
	}
	p.Knob(t, "session", seconds)
}

// Knob changes a setting from the next request on. "idp" is a map of options of the provider, "sp" of options of every
// service provider, by SimpleSAMLphp's names: "saml20.sign.response", "assertion.encryption", "NameIDFormat",
// "signature.algorithm" and so on. nil sets it back.
func (p *SAMLIdP) Knob(t testing.TB, name string, value any) {
	t.Helper()
	p.knobs[name] = value
	write(t, p.dir, "knobs.json", encode(t, p.knobs))
}
