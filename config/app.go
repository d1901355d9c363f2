package config

import (
	"strings"
	"time"

	"leasehold/provision"
)

// appFile is an app in a manifest.
type appFile struct {
	At place
	// Name of the app: lower-case letters, digits and hyphens.
	ID name `key:"id" required:"true"`
	// Where browsers reach it: https://host or https://host:port. http is for loopback names only. No two apps share one.
	Origins []provision.Origin `key:"origins" required:"true"`
	// What the app is told about a person: `leasehold` (all X-Leasehold headers) or `remote-user` (one header).
	Headers string `key:"headers" default:"leasehold"`
	// What Remote-User is, with `headers: remote-user` only: `id` (the default), `email` or `name`.
	User string `key:"user"`
	// Ids of the tenants whose people may enter. None: nobody.
	Tenants []name `key:"tenants"`
	// What a person needs beside that.
	Require requireFile `key:"require"`
	// Paths that are let through without a session, for GET and HEAD: exact, or with `/*` at the end.
	Public []string `key:"public"`
	// The app asks for a new login this long after a person entered. It can only shorten a session. 0: it does not ask.
	MaxSession time.Duration `key:"max_session"`
	// Whether its check takes workloads: their handles come as bearer tokens, which the recipes keep from the app.
	Workloads bool `key:"workloads" default:"off"`
	// Whether no check stands before it. Workloads show it signed tokens, good for 5 minutes at most even when their lease
	// has ended.
	OffPath bool `key:"off_path" default:"off"`
	// How the app is told of ends of access; without it, it is not.
	Notify notifyFile `key:"notify"`
}

// requireFile is what a person needs.
type requireFile struct {
	// One of these roles is needed. None: no role is.
	Roles []string `key:"roles"`
}

// notifyFile is how an app is told.
type notifyFile struct {
	// Where signed messages are sent: https, or http on a loopback name. Empty: the app only listens to the event stream.
	URL string `key:"url"`
	// File of the secret that signs them, and that opens the event stream: 24 bytes or more, or `whsec_` and base64.
	SecretFile string `key:"secret_file"`
	// Environment variable of that secret, in place of a file.
	SecretEnv string `key:"secret_env"`
}

// hookFile is where signed messages go.
type hookFile struct {
	// Where they are sent.
	URL string `key:"url"`
	// File of the secret that signs them: 24 bytes or more, or `whsec_` and base64.
	SecretFile string `key:"secret_file"`
}

func (c *collector) app(file appFile) provision.App {
	c.once(file.At, "id", "app", string(file.ID))
	for i, origin := range file.Origins {
		c.once(file.At, item("origins", i), "origin", origin.String())
		if c.judge.Origin == nil || origin.IsZero() {
			continue
		}
		if err := c.judge.Origin(origin); err != nil {
			file.At.fault(item("origins", i), "%v", err)
		}
	}
	file.check()
	c.hook(file)
	app := provision.App{
		ID:         provision.AppID(file.ID),
		Origins:    file.Origins,
		Headers:    file.Headers,
		User:       file.user(),
		Tenants:    names[provision.TenantID](file.Tenants),
		Roles:      file.Require.Roles,
		Public:     file.Public,
		MaxSession: file.MaxSession,
		Workloads:  file.Workloads,
		OffPath:    file.OffPath,
		Notify:     provision.Notify{URL: file.Notify.URL},
		Owner:      provision.ByManifest,
	}
	if app.MistakesWorkloads() {
		file.At.fault("user", "is told of a workload as the name of its rule, which may be a person's name; write id, or leave workloads out")
	}
	return app
}

func (a appFile) check() {
	if a.At.has("origins") && len(a.Origins) == 0 {
		a.At.fault("origins", "is empty; write the origin that browsers reach the app at")
	}
	switch a.Headers {
	case "leasehold":
		if a.User != "" {
			a.At.fault("user", "is for headers: remote-user only; leave it out")
		}
	case "remote-user":
		oneOf(a.At, "user", a.user(), "id", "email", "name")
	default:
		oneOf(a.At, "headers", a.Headers, "leasehold", "remote-user")
	}
	for i, path := range a.Public {
		exact := strings.TrimSuffix(path, "/*")
		if path != "" && (path[0] != '/' || strings.ContainsAny(exact, "*?#")) {
			a.At.fault(item("public", i), "%q is no path; write /path, or /path/* for all below it", path)
		}
	}
}

func (a appFile) user() string {
	if a.Headers == "remote-user" && a.User == "" {
		return "id"
	}
	return a.User
}
