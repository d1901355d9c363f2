// Package setup is the pages behind a setup link: a stranger at the customer registers an identity provider, proves a
// domain, tries a login, enables the connection and becomes the tenant's administrator. The pages work without script.
package setup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web"
)

// Guide is all that the pages ask of the broker.
type Guide interface {
	Door
	Provider
	Trier
	Switch
}

// Door opens links, and says how far a setup has come.
type Door interface {
	LookAt(ctx context.Context, token, pass string) (broker.Looked, error)
	Open(ctx context.Context, token string, from provision.Requester) (pass string, x provision.Setup, err error)
	Progress(ctx context.Context, pass string) (broker.Progress, error)
	Here(ctx context.Context, x provision.Setup, session string) (provision.Account, bool)
}

// Provider takes what the customer says about its identity provider and its domains.
type Provider interface {
	Vendor(ctx context.Context, pass, vendor string, p provision.Protocol, from provision.Requester) error
	DraftSAML(ctx context.Context, pass string, d broker.SAMLDraft, from provision.Requester) error
	DraftOIDC(ctx context.Context, pass string, d broker.OIDCDraft, from provision.Requester) error
	Map(ctx context.Context, pass string, m broker.Mapping, from provision.Requester) error
	Claim(ctx context.Context, pass, domain string, from provision.Requester) error
	Check(ctx context.Context, pass string, d provision.Domain) ([]broker.Look, error)
}

// Trier begins logins, those that are only tried and the first one that counts.
type Trier interface {
	Test(ctx context.Context, pass, back string, w broker.Wish) (broker.Departure, error)
	Paste(ctx context.Context, pass, pasted string, from provision.Requester) error
	FirstLogin(ctx context.Context, pass, back string, w broker.Wish) (broker.Departure, error)
}

// Switch puts the connection in force, and makes its first administrator.
type Switch interface {
	Enable(ctx context.Context, pass string, from provision.Requester) error
	Undo(ctx context.Context, pass string, from provision.Requester) error
	Restart(ctx context.Context, pass string, from provision.Requester) error
	Accept(ctx context.Context, pass, session string, from provision.Requester) error
}

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed pages/setup.css
var sheet string

// Paths of the pages.
const (
	root      = "/setup/"
	testPath  = root + "test"
	maxPosted = 3 << 20 // metadata of 1 MB, as a form encodes them
)

// cookiePass is the cookie of the browser that opened the link. Its prefix keeps other hosts from setting it.
const cookiePass = "__Host-lh-setup"

// pages are what New makes.
type pages struct {
	guide  Guide
	now    func() time.Time
	parsed map[string]*template.Template
	style  []string // URLs of the style sheets
	sheet  string   // the name of our own
}

// New is the pages, to be mounted at the SSO host. It fails only when they do not parse.
func New(g Guide, now func() time.Time) ([]web.Mount, error) {
	shared, err := web.Style()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(sheet))
	p := &pages{guide: g, now: now, parsed: map[string]*template.Template{}, sheet: "setup." + hex.EncodeToString(sum[:8]) + ".css"}
	p.style = []string{shared, root + "assets/" + p.sheet}
	entries, err := pageFiles.ReadDir("pages")
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	for _, entry := range entries {
		name, isPage := strings.CutSuffix(entry.Name(), ".html")
		if !isPage || name == "layout" {
			continue
		}
		t := template.New("layout.html").Funcs(template.FuncMap{"date": date, "join": strings.Join, "sentence": sentence, "bare": bare})
		if p.parsed[name], err = t.ParseFS(pageFiles, "pages/layout.html", "pages/"+entry.Name()); err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
	}
	return p.mounts(), nil
}

// mounts is everything that is served, and where.
func (p *pages) mounts() []web.Mount {
	var all []web.Mount
	for pattern, serve := range map[string]func(turn) error{
		"GET /setup/{token}":        turn.door,
		"POST /setup/{token}":       turn.open,
		"GET /setup/assets/{name}":  turn.asset,
		"GET /setup/{$}":            turn.overview,
		"GET /setup/vendor":         step("vendor"),
		"POST /setup/vendor":        turn.chooseVendor,
		"GET /setup/provider":       step("provider"),
		"POST /setup/provider/saml": turn.draftSAML,
		"POST /setup/provider/oidc": turn.draftOIDC,
		"GET /setup/domain":         turn.domain,
		"POST /setup/domain":        turn.claim,
		"GET " + testPath:           step("test"),
		"POST " + testPath:          turn.test,
		"POST /setup/response":      turn.response,
		"POST /setup/mapping":       turn.mapping,
		"GET /setup/enable":         step("enable"),
		"POST /setup/enable":        turn.enable,
		"POST /setup/undo":          turn.undo,
		"POST /setup/restart":       turn.restart,
		"GET /setup/admin":          step("admin"),
		"POST /setup/login":         turn.login,
		"POST /setup/accept":        turn.accept,
		"GET /setup/done":           turn.done,
	} {
		all = append(all, web.Mount{Pattern: pattern, Serve: p.turn(serve), MaxForm: maxPosted})
	}
	return all
}

// turn is one request, of a browser that may hold a pass.
type turn struct {
	*pages
	w    http.ResponseWriter
	r    *http.Request
	v    web.Visitor
	pass string // "": it holds none
}

func (p *pages) turn(serve func(turn) error) func(http.ResponseWriter, *http.Request, web.Visitor) error {
	return func(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
		pass, err := web.Cookie(r, cookiePass)
		if err != nil {
			return err
		}
		return serve(turn{p, w, r, v, pass})
	}
}

// date is t for people, in UTC.
func date(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04") + " UTC" }

// sentence is text that begins with a capital and ends with a full stop.
func sentence(v any) string {
	s := fmt.Sprint(v)
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

// bare is text without the marks that documents set code with.
func bare(s string) string { return strings.ReplaceAll(s, "`", "") }

// shown is what the layout is given.
type shown struct {
	Title string
	Style []string
	View  view
	Wrong *broker.SetupError // what to put right; nil: nothing
	Data  any
}

// show writes a page.
func (t turn) show(status int, name, title string, s shown) error {
	s.Title, s.Style = title, t.style
	var body bytes.Buffer
	if err := t.parsed[name].Execute(&body, s); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	t.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	t.w.WriteHeader(status)
	t.w.Write(body.Bytes()) // an error means that the browser is gone
	return nil
}

// asset serves our style sheet under its hashed name.
func (t turn) asset() error {
	if t.r.PathValue("name") != t.sheet {
		return provision.ErrNotFound
	}
	t.w.Header().Set("Content-Type", "text/css; charset=utf-8")
	t.w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(t.w, t.r, "setup.css", time.Time{}, strings.NewReader(sheet))
	return nil
}

// move leads on to another page of ours.
func move(w http.ResponseWriter, path string) error {
	w.Header().Set("Location", path)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}
