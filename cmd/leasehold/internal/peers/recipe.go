package peers

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Recipe is a reverse proxy set up by the published files of deploy/, in which only the values that they mark as
// EXAMPLE are replaced.
type Recipe struct {
	CA        *CA
	Port      int    // that the proxy serves all sites on, over TLS
	Leasehold int    // loopback port of the gateway's public listener
	Replicas  []int  // of further gateways beside it, for nginx
	SSO       string // name of the SSO host, like sso.broker.test; "": the gateway is reached without the proxy
	Clients   string // a header in which a test says from which address it comes; "": none, it comes from loopback
	Apps      []Site
}

// Site is an app behind the proxy.
type Site struct {
	Host       string // its name, like app.other.test
	App        int    // loopback port of the app
	RemoteUser bool   // it trusts X-Remote-User
	NoStore    bool   // its pages are kept out of caches
}

// Origin is where browsers find a site of the recipe.
func (r Recipe) Origin(host string) string { return fmt.Sprintf("https://%s:%d", host, r.Port) }

// Nginx starts nginx by the recipe in deploy/nginx.
func (r Recipe) Nginx(t testing.TB) {
	t.Helper()
	var conf strings.Builder
	if r.Clients != "" {
		conf.WriteString("set_real_ip_from 127.0.0.0/8;\nreal_ip_header " + r.Clients + ";\n")
	}
	gateways := local(r.Leasehold)
	for _, other := range r.Replicas { // as the recipe says: a line each, with max_fails=0
		gateways = strings.TrimSuffix(gateways, " max_fails=0") + " max_fails=0; server " + local(other) + " max_fails=0"
	}
	conf.WriteString(substitute(t, "nginx/leasehold.conf", "127.0.0.1:8080", gateways))
	if r.SSO != "" {
		conf.WriteString(substitute(t, "nginx/sso.example.com.conf", r.nginxServer(t, "sso.example.com", r.SSO)...))
	}
	for _, app := range r.Apps {
		file, upstream := "wiki.example.com", "127.0.0.1:3000"
		if app.RemoteUser {
			file, upstream = "calendar.example.com", "127.0.0.1:5232"
		}
		values := append(r.nginxServer(t, file, app.Host), upstream, local(app.App))
		if app.NoStore {
			values = append(values, "# include", "include")
		}
		conf.WriteString(substitute(t, "nginx/"+file+".conf", values...))
	}
	Nginx(t, conf.String())
}

// nginxServer is what every server block of the recipe has replaced.
func (r Recipe) nginxServer(t testing.TB, example, host string) []string {
	t.Helper()
	certFile, keyFile := r.CA.TLS(t, host)
	return []string{
		"listen 443", "listen " + local(r.Port),
		"server_name " + example, "server_name " + host,
		"/etc/ssl/" + example + ".crt", certFile,
		"/etc/ssl/" + example + ".key", keyFile,
		"$leasehold_host " + example, fmt.Sprintf("$leasehold_host %s:%d", host, r.Port),
	}
}

// Caddy starts Caddy by the recipe in deploy/caddy.
func (r Recipe) Caddy(t testing.TB) {
	t.Helper()
	var conf strings.Builder
	// These are for a Caddy that shares its machine with others, and not about Leasehold.
	conf.WriteString("{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind " + loopback + "\n}\n")
	conf.WriteString(substitute(t, "caddy/leasehold.caddy", "127.0.0.1:8080", local(r.Leasehold)))
	if r.SSO != "" {
		conf.WriteString(substitute(t, "caddy/sso.example.com.caddy", append(r.caddySite(t, "sso.example.com", r.SSO), "127.0.0.1:8080", local(r.Leasehold))...))
	}
	for _, app := range r.Apps {
		file, upstream := "wiki.example.com", "127.0.0.1:3000"
		if app.RemoteUser {
			file, upstream = "calendar.example.com", "127.0.0.1:5232"
		}
		values := append(r.caddySite(t, file, app.Host), upstream, local(app.App))
		if app.NoStore {
			values = append(values, "# import", "import")
		}
		conf.WriteString(substitute(t, "caddy/"+file+".caddy", values...))
	}
	Caddy(t, conf.String(), r.Port)
}

// caddySite is what every site of the recipe has replaced.
func (r Recipe) caddySite(t testing.TB, example, host string) []string {
	t.Helper()
	certFile, keyFile := r.CA.TLS(t, host)
	return []string{
		"/etc/ssl/" + example + ".crt", certFile,
		"/etc/ssl/" + example + ".key", keyFile,
		example + " {", fmt.Sprintf("%s:%d {", host, r.Port),
	}
}

// substitute is a file of deploy/ with values replaced, each given as old, new. A value is replaced on lines that are
// marked as EXAMPLE, and must stand on one; on a line without the mark it is a mistake in the recipe.
func substitute(t testing.TB, file string, values ...string) string {
	t.Helper()
	text := recipeFile(t, file)
	for at := 0; at < len(values); at += 2 {
		if !strings.Contains(text, values[at]) {
			t.Fatalf("recipe %s: no %q to replace", file, values[at])
		}
	}
	replacer := strings.NewReplacer(values...)
	lines := strings.SplitAfter(text, "\n")
	for at, line := range lines {
		replaced := replacer.Replace(line)
		if replaced == line {
			continue
		}
		if !strings.Contains(line, "# EXAMPLE") {
			t.Fatalf("recipe %s: line %d has an example value and no mark: %s", file, at+1, line)
		}
		lines[at] = replaced
	}
	return strings.Join(lines, "") + "\n"
}

// recipeFile reads a file of deploy/.
func recipeFile(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deploy(t), file))
	if err != nil {
		t.Fatalf("read recipe: %v", err)
	}
	return string(text)
}

// deploy is the folder deploy/ of the checkout.
func deploy(t testing.TB) string {
	t.Helper()
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("find the checkout")
	}
	return filepath.Join(filepath.Dir(here), "../../../../deploy")
}
