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
		"machine": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	}
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
	Data                 any
}

// pagePolicy is what pages may load and do: our own style sheets and script, and nothing of others.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// show writes a page.
func (c *Console) show(v *visit, status int, name, title string, data any) error {
	page := shown{
		Title: title, Style: c.style, Sheet: assetPath + hashed("console.css", styleSheet), Script: assetPath + hashed("console.js", script),
		Tabs: tabs(), Here: here(v.r.URL.Path), Who: v.who.Account.Email.String(), Tenant: v.who.Tenant.Name, Everywhere: v.m.Everywhere, Write: v.m.Write, Data: data,
	}
	var body bytes.Buffer
	if err := c.pages[name].Execute(&body, page); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	h := v.w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	v.w.Write(body.Bytes()) // an error means that the browser is gone
	return nil
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
