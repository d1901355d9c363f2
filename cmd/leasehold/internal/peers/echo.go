package peers

import (
	"encoding/json"
	"html/template"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// Echoed is what the echo app answers: the request as it arrived.
type Echoed struct {
	Method string      `json:"method"`
	Host   string      `json:"host"`
	Path   string      `json:"path"` // with its query, as it came
	Header http.Header `json:"header"`
	Body   string      `json:"body"`
}

// Echo starts an app that answers what it was sent: as JSON, or as a page with a form for who asks for HTML. It returns
// its loopback port.
func Echo(t testing.TB) int {
	t.Helper()
	return serve(t, http.HandlerFunc(echo))
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(w, "read body", http.StatusBadRequest)
		return
	}
	e := Echoed{Method: r.Method, Host: r.Host, Path: r.RequestURI, Header: r.Header, Body: string(body)}
	w.Header().Set("Cache-Control", "max-age=60") // as careless as apps are
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(e)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = echoPage().Execute(w, e)
}

// Names are the headers' names in order.
func (e Echoed) Names() []string { return slices.Sorted(maps.Keys(e.Header)) }

func echoPage() *template.Template {
	return template.Must(template.New("echo").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Echo app</title>
<style>body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}td{padding:.1rem 1rem .1rem 0;vertical-align:top}td+td{word-break:break-all}</style>
<h1>Echo app</h1>
<p id="request">{{.Method}} {{.Path}} at {{.Host}}</p>
<form method="post" action="/save"><label>Say something <input name="words"></label> <button>Save</button></form>
<p><a id="next" href="/next?a=1&amp;b=2">Another page</a> · <a id="logout" href="/_sso/logout">Log out</a></p>
{{with .Body}}<p>You said: <samp id="body">{{.}}</samp></p>{{end}}
<table>{{range $name := .Names}}<tr><td>{{$name}}<td id="{{$name}}">{{range index $.Header $name}}{{.}} {{end}}{{end}}</table>`))
}

// serve runs a handler on a free loopback port until the test ends.
func serve(t testing.TB, h http.Handler) int {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().(*net.TCPAddr).Port
}
