package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"

	"leasehold/provision"
	"leasehold/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed pages/console.css
var styleSheet string

//go:embed pages/console.js
var script string

// assetPath is where the console's own style sheet and script are.
const assetPath = "/admin/assets/"

// asset is one of them.
type asset struct{ kind, text string }

// assets are all of them, under names that change with what they hold.
func assets() map[string]asset {
	return map[string]asset{
		hashed("console.css", styleSheet): {"text/css; charset=utf-8", styleSheet},
		hashed("console.js", script):      {"text/javascript; charset=utf-8", script},
	}
}

func hashed(name, text string) string {
	sum := sha256.Sum256([]byte(text))
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:8]) + ext
}

// asset serves one of them. Anybody may have it: it says nothing of what is governed.
func (c *Console) asset(w http.ResponseWriter, r *http.Request, _ web.Visitor) error {
	a, ok := c.assets[r.PathValue("name")]
	if !ok {
		return provision.ErrNotFound
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(a.text))
	return nil
}

// parsePages parses every page with the layout, by its name.
func parsePages() (map[string]*template.Template, error) {
	byName := map[string]*template.Template{}
	entries, err := pageFiles.ReadDir("pages")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		name := strings.TrimSuffix(entry.Name(), ".html")
		if name == "layout" || name == "parts" {
			continue
		}
		t := template.New("layout.html").Funcs(functions())
		if byName[name], err = t.ParseFS(pageFiles, "pages/layout.html", "pages/parts.html", "pages/"+entry.Name()); err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
	}
	return byName, nil
}

// functions are what pages may call.
func functions() template.FuncMap {
	return template.FuncMap{
		"date":    func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04") },
		"day":     func(t time.Time) string { return t.UTC().Format("2 Jan 2006") },
		"since":   func(t time.Time) bool { return !t.IsZero() },
		"anchor":  anchor,
		"creates": creates,
		"modes":   modes,
		"cut":     shortened,
		"unlink": func(a provision.Account, l provision.Link) string {
			return address("/admin/accounts/"+string(a.ID)+"/unlink", "connection", string(l.Connection), "subject", l.Subject)
		},
		"machine": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	}
}

// longest is how much of a text that somebody else chose a list shows, in letters.
const longest = 100

// shortened is text as a list shows it.
func shortened(text string) string {
	if letters := []rune(text); len(letters) > longest {
		return string(letters[:longest]) + "…"
	}
	return text
}

// anchor is text as an id of HTML.
func anchor(text string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}, strings.ToLower(text))
}

// shown is what the layout is given.
type shown struct {
	Title                string
	Style, Sheet, Script string // URLs
	Tabs                 []tab
	Here                 string // the tab's URL
	Who, Tenant          string
	Everywhere           bool
	Write                bool
	Done                 string // what was done before this page was shown
	Data                 any
}

// pagePolicy is what pages may load and do: our own style sheets and script, and nothing of others.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// show writes a page to whoever holds an office.
func (c *Console) show(v *visit, status int, name, title string, data any) error {
	return c.write(v.w, status, name, shown{
		Title: title, Tabs: tabs(), Here: here(v.r.URL.Path), Who: v.who.Account.Email.String(), Tenant: first(v.who.Tenant.Name, string(v.who.Tenant.ID)),
		Everywhere: v.m.Everywhere, Write: v.m.Write, Done: done(v), Data: data,
	})
}

// write writes a page.
func (c *Console) write(w http.ResponseWriter, status int, name string, page shown) error {
	page.Style, page.Sheet, page.Script = c.style, assetPath+hashed("console.css", styleSheet), assetPath+hashed("console.js", script)
	var body bytes.Buffer
	if err := c.pages[name].Execute(&body, page); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(body.Bytes()) // an error means that the browser is gone
	return nil
}

// done is what was done before this page was shown; "": nothing. Only words of ours are shown.
func done(v *visit) string {
	said := v.query("done")
	for _, known := range []string{"Create an account", "End this session", "Attest the domain", "Try again", "Give up", "Suspend the tenant", "Resume the tenant", "Withdraw the setup link"} {
		if said == known {
			return said
		}
	}
	if n, ok := strings.CutPrefix(said, "Version "); ok && said == inForce(number(strings.TrimSuffix(n, policyTakesHold))) {
		return said
	}
	for _, a := range accountActs() {
		if said == a.title {
			return said
		}
	}
	for _, a := range connectionActs() {
		if said == a.title {
			return said
		}
	}
	return ""
}

// here is the tab to which a path belongs.
func here(path string) string {
	best := "/admin"
	for _, t := range tabs() {
		if path == t.URL || strings.HasPrefix(path, t.URL+"/") && len(t.URL) > len(best) {
			best = t.URL
		}
	}
	return best
}
