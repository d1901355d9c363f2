package peers

import (
	"fmt"
	"testing"
)

// Radicale starts a real calendar app that believes X-Remote-User. It returns its loopback port. A PROPFIND of / says
// whom it thinks it talks to.
func Radicale(t testing.TB) int {
	t.Helper()
	dir, port := t.TempDir(), Port(t)
	config := write(t, dir, "config", fmt.Sprintf(`[server]
hosts = %s
[auth]
type = http_x_remote_user
[rights]
type = owner_only
[storage]
filesystem_folder = %s/collections
`, local(port), dir))
	start(t, "radicale", dir, local(port), nil, "radicale", "--config", config)
	return port
}
