package web

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"leasehold/broker"
	"leasehold/provision"
)

// The header profiles.
const (
	ProfileLeasehold  = "leasehold"   // X-Leasehold-…: everything, with a signed assertion
	ProfileRemoteUser = "remote-user" // X-Remote-User alone, for apps that trust that header
)

// maxHeader bounds each value in bytes. A longer one is left out whole: a list that was cut would be a lie.
const maxHeader = 4 << 10

// Present renders what an app is told about the holder of a lease: every header of its profile, with an empty value
// where there is none. The zero Identity is nobody.
func Present(a provision.App, who broker.Identity) map[string][]string {
	headers, _ := present(a, who)
	return headers
}

// present is Present, with the names of the headers from which something had to be left out, each once per thing.
func present(a provision.App, who broker.Identity) (map[string][]string, []string) {
	p := presentation{headers: map[string][]string{}}
	if a.Headers == ProfileRemoteUser {
		p.text("X-Remote-User", remoteUser(a, who))
		return p.headers, p.omitted
	}
	p.text("X-Leasehold-User", string(who.Account))
	p.text("X-Leasehold-Email", who.Email)
	p.text("X-Leasehold-Name", who.Name)
	p.list("X-Leasehold-Roles", who.Roles)
	p.list("X-Leasehold-Groups", who.Groups)
	p.text("X-Leasehold-Tenant", string(who.Tenant))
	p.text("X-Leasehold-Lease", string(who.Lease))
	p.text("X-Leasehold-Actor", string(who.Workload.Actor))
	p.text("X-Leasehold-Expires", timestamp(who.Expires))
	p.text("X-Leasehold-Assertion", who.Assertion)
	return p.headers, p.omitted
}

// remoteUser is the one thing that profile remote-user tells.
func remoteUser(a provision.App, who broker.Identity) string {
	switch a.User {
	case "", "id":
		return string(who.Account)
	case "email":
		return who.Email
	case "name":
		return who.Name
	}
	return ""
}

// timestamp is t in RFC 3339, UTC; "" for the zero time.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// presentation is a set of headers being written.
type presentation struct {
	headers map[string][]string
	omitted []string
}

// text sets a header to one value.
func (p *presentation) text(name, value string) {
	if !isHeaderText(value) {
		p.omitted = append(p.omitted, name)
		value = ""
	}
	p.headers[name] = []string{value}
}

// list sets a header to values joined by commas. A value with a comma of its own would be two; it is left out.
func (p *presentation) list(name string, values []string) {
	var kept []string
	for _, value := range values {
		if value == "" || strings.Contains(value, ",") || !isHeaderText(value) {
			p.omitted = append(p.omitted, name)
			continue
		}
		kept = append(kept, value)
	}
	p.text(name, strings.Join(kept, ","))
}

// isHeaderText reports whether s can stand in a header as it is: UTF-8 without control characters, not too long.
func isHeaderText(s string) bool {
	return len(s) <= maxHeader && utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}
