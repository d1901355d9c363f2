package peers

import (
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

//go:embed testdata/oidc-provider
var oidcServer embed.FS

// OIDCClient is a client that the provider knows (OIDC Dynamic Registration 2).
type OIDCClient struct {
	ID              string   `json:"client_id"`
	Secret          string   `json:"client_secret"` // letters and digits
	RedirectURIs    []string `json:"redirect_uris"`
	AfterLogoutURIs []string `json:"post_logout_redirect_uris,omitempty"`
	Backchannel     string   `json:"backchannel_logout_uri,omitempty"`
	BackchannelSID  bool     `json:"backchannel_logout_session_required,omitempty"`
	SigningAlg      string   `json:"id_token_signed_response_alg,omitempty"` // RS256 or ES256
}

// OIDCOptions are what the OpenID provider is started with. The zero value is plain HTTP on loopback without clients.
type OIDCOptions struct {
	CA             *CA    // nil: plain HTTP on loopback
	Host           string // with a CA, the name of the issuer; every process finds 127.0.0.1 without help
	Port           int    // of the issuer; 0: a free one
	Clients        []OIDCClient
	People         People         // nil: Everybody
	SessionSeconds int            // how long its own sessions last; 0: eight hours
	Claims         map[string]any // added to everybody's ID token, like session_expiry or tid
	UserinfoOnly   bool           // e-mail, name and groups come from userinfo alone (OIDC Core 5.4)
	ACR            string         // said of every login
}

// OIDCIdP is a running OpenID provider.
type OIDCIdP struct {
	Issuer string

	dir     string
	process *process
}

// OIDCProvider starts an OpenID provider, the certified npm package oidc-provider.
func OIDCProvider(t testing.TB, o OIDCOptions) *OIDCIdP {
	t.Helper()
	dir := t.TempDir()
	origin, port := o.CA.origin(t, o.Host, o.Port)
	p := &OIDCIdP{Issuer: origin, dir: dir}
	p.prepare(t, o)
	env := []string{"PEER_DIR=" + dir, "PEER_PORT=" + strconv.Itoa(port), "NODE_ENV=production"}
	if o.CA != nil { // it calls its clients
		env = append(env, "NODE_EXTRA_CA_CERTS="+o.CA.File)
	}
	p.process = start(t, "oidc-provider", dir, local(port), env, "node", "server.mjs")
	return p
}

// Hush makes the provider answer nobody, until Speak.
func (p *OIDCIdP) Hush(t testing.TB) { p.process.signal(t, syscall.SIGSTOP) }

// Speak makes the provider answer again.
func (p *OIDCIdP) Speak(t testing.TB) { p.process.signal(t, syscall.SIGCONT) }

// prepare lays out the folder that the provider works in.
func (p *OIDCIdP) prepare(t testing.TB, o OIDCOptions) {
	t.Helper()
	server, err := fs.Sub(oidcServer, "testdata/oidc-provider")
	if err != nil {
		t.Fatalf("server of oidc-provider: %v", err)
	}
	if err := os.CopyFS(p.dir, server); err != nil {
		t.Fatalf("server of oidc-provider: %v", err)
	}
	if err := os.Symlink(nodeModules(t), filepath.Join(p.dir, "node_modules")); err != nil {
		t.Fatalf("packages of oidc-provider: %v", err)
	}
	if o.People == nil {
		o.People = Everybody()
	}
	if o.SessionSeconds == 0 {
		o.SessionSeconds = 8 * 60 * 60
	}
	if o.Clients == nil {
		o.Clients = []OIDCClient{}
	}
	p.SetUsers(t, o.People)
	write(t, p.dir, "settings.json", encode(t, map[string]any{
		"issuer": p.Issuer, "clients": o.Clients, "session": o.SessionSeconds, "claims": o.Claims, "userinfo_only": o.UserinfoOnly, "acr": o.ACR,
	}))
}

// SetUsers replaces the provider's people.
func (p *OIDCIdP) SetUsers(t testing.TB, people People) {
	t.Helper()
	write(t, p.dir, "people.json", encode(t, people))
}

// nodeModules is where .ci/run put the npm packages: PEERS_NODE_MODULES, or a folder of the user's cache.
func nodeModules(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("PEERS_NODE_MODULES")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatalf("cache folder: %v", err)
		}
		dir = filepath.Join(cache, "leasehold", "npm", "node_modules")
	}
	if _, err := os.Stat(filepath.Join(dir, "oidc-provider")); err != nil {
		t.Fatalf("npm packages (.ci/run installs them): %v", err)
	}
	return dir
}
