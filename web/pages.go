package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed pages/style.css
var styleSheet string

// assetPath is where the style sheet is served, on every origin.
const assetPath = "/_sso/assets/"

// clearAsset is the style sheet of the logged-out page that empties the browser's cache.
const clearAsset = "clear.css"

// pages are the parsed pages, by name.
type pages struct {
	byName map[string]*template.Template
	style  string // the style sheet's name, with its hash
}

func parsePages() (pages, error) {
	sum := sha256.Sum256([]byte(styleSheet))
	p := pages{byName: map[string]*template.Template{}, style: "style." + hex.EncodeToString(sum[:8]) + ".css"}
	entries, err := pageFiles.ReadDir("pages")
	if err != nil {
		return p, fmt.Errorf("pages: %w", err)
	}
	for _, entry := range entries {
		name := strings.TrimSuffix(entry.Name(), ".html")
		if name == "layout" {
			continue
		}
		t := template.New("layout.html").Funcs(template.FuncMap{"date": date, "machine": timestamp})
		if p.byName[name], err = t.ParseFS(pageFiles, "pages/layout.html", "pages/"+entry.Name()); err != nil {
			return p, fmt.Errorf("page %s: %w", name, err)
		}
	}
	return p, nil
}

// date is t for people, in UTC.
func date(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04") }

// shown is what the layout is given.
type shown struct {
	Title string
	Style string // URL of the style sheet
	Home  string // URL of the account page
	Clear string // URL of the style sheet that empties the cache; "": none
	Data  any
}

// show writes a page. Nothing of a page is from elsewhere, nothing runs in it, nothing frames it.
func (s *server) show(w http.ResponseWriter, v visit, status int, name, title string, data any) error {
	page := shown{Title: title, Style: assetPath + s.pages.style, Home: s.URL.String() + "/", Data: data}
	if name == "bye" {
		page.Clear = assetPath + clearAsset
	}
	var body bytes.Buffer
	if err := s.pages.byName[name].Execute(&body, page); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	s.harden(w, v)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(body.Bytes()) // an error means that the browser is gone
	return nil
}

// pagePolicy is what our pages may load and do: nothing of others, and nothing that runs.
const pagePolicy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// harden sets the headers of every page. form-action is 'self' because none of our posts is answered by a redirect to
// another host: Chromium and Safari would hold that redirect to it.
func (s *server) harden(w http.ResponseWriter, v visit) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if h.Get("Content-Security-Policy") == "" {
		h.Set("Content-Security-Policy", pagePolicy)
	}
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Referrer-Policy") == "" {
		h.Set("Referrer-Policy", "same-origin")
	}
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if v.SSO && strings.HasPrefix(s.URL.String(), "https:") { // an app's origin is the app's to harden
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// leave sends the browser to another origin by a page of ours that says so: the navigation that a form began ends here,
// and with it the hold that the form's page has on redirects.
func (s *server) leave(w http.ResponseWriter, v visit, url, title, text string) error {
	w.Header().Set("Refresh", "0; url="+url)
	w.Header().Set("Referrer-Policy", "no-referrer")
	return s.show(w, v, http.StatusOK, "going", title, going{url, text})
}

// going is a page that is gone in a moment.
type going struct{ URL, Text string }

// move sends the browser on by a redirect. url is absolute or a path, and ours when a form led here.
func move(w http.ResponseWriter, url string) error {
	h := w.Header()
	h.Set("Location", url)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// asset serves the style sheet under its hashed name, and the empty one whose answer clears the browser's cache. That
// has to come after the page that was left went into the cache, so the logged-out page loads it.
func (s *server) asset(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	switch r.PathValue("name") {
	case s.pages.style:
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		http.ServeContent(w, r, "style.css", time.Time{}, strings.NewReader(styleSheet))
	case clearAsset:
		h.Set("Cache-Control", "no-store")
		if site := r.Header.Get("Sec-Fetch-Site"); site == "" || site == "same-origin" {
			h.Set("Clear-Site-Data", `"cache"`)
		}
	default:
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNotFound)
	}
}
