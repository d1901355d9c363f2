package peers

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Nginx starts nginx with conf as its http block. "snippets/leasehold-….conf" in it are the files of deploy/nginx.
func Nginx(t testing.TB, conf string) {
	t.Helper()
	listens := regexp.MustCompile(`(?m)^\s*listen (127\.0\.0\.1:\d+)`).FindStringSubmatch(conf)
	if listens == nil {
		t.Fatal("nginx: conf listens nowhere on 127.0.0.1")
	}
	dir := t.TempDir()
	snippets, err := filepath.Glob(filepath.Join(deploy(t), "nginx", "leasehold-*.conf"))
	if err != nil || len(snippets) == 0 {
		t.Fatalf("nginx: no snippets in deploy: %v", err)
	}
	for _, path := range snippets {
		write(t, dir, "snippets/"+filepath.Base(path), recipeFile(t, "nginx/"+filepath.Base(path)))
	}
	write(t, dir, "nginx.conf", nginxMain(dir)+conf+"}\n")
	start(t, "nginx", dir, listens[1], nil, "nginx", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr")
}

// nginxMain is the part of nginx.conf that a distribution brings, up to the http block's inside.
func nginxMain(dir string) string {
	var main strings.Builder
	if os.Getuid() == 0 {
		main.WriteString("user root;\n") // the test's folder is closed to others
	}
	fmt.Fprintf(&main, "daemon off;\nworker_processes 1;\npid %s/nginx.pid;\nerror_log stderr info;\nevents { worker_connections 512; }\nhttp {\naccess_log %s/access.log;\nserver_names_hash_bucket_size 128;\n", dir, dir)
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&main, "%s_temp_path %s/%s;\n", kind, dir, kind)
	}
	return main.String()
}

// Caddy starts Caddy with a Caddyfile that serves on port.
func Caddy(t testing.TB, caddyfile string, port int) {
	t.Helper()
	dir := t.TempDir()
	config := write(t, dir, "Caddyfile", caddyfile)
	env := []string{"HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir}
	start(t, "caddy", dir, loopback+":"+strconv.Itoa(port), env, "caddy", "run", "--config", config, "--adapter", "caddyfile")
}
