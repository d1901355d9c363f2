package demo

import (
	"html/template"
	"net/http"
	"slices"
	"strings"
)

// App is the demo app: it shows what the gateway tells it, and would be any app that trusts headers.
type App struct{}

// ServeHTTP implements http.Handler.
func (App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	type told struct{ Name, Value string }
	var headers []told
	for name, values := range r.Header {
		if strings.HasPrefix(name, "X-Leasehold-") {
			headers = append(headers, told{name, strings.Join(values, ", ")})
		}
	}
	slices.SortFunc(headers, func(a, b told) int { return strings.Compare(a.Name, b.Name) })
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = appPage().Execute(w, struct {
		Name, Path string
		Headers    []told
	}{r.Header.Get("X-Leasehold-Name"), r.URL.RequestURI(), headers})
}

func appPage() *template.Template {
	return template.Must(template.New("app").Parse(`<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Demo app</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:8vh auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;table-layout:fixed}td{border-top:1px solid #8886;padding:.4rem;vertical-align:top;overflow-wrap:anywhere}td:first-child{width:14rem;font-family:monospace}</style>
<h1>Hello, {{.Name}}</h1><p>This app has no login of its own. It is at <code>{{.Path}}</code>, and this is what it was told:</p>
<table>{{range .Headers}}<tr><td>{{.Name}}</td><td>{{.Value}}</td></tr>{{end}}</table>
<p><a href="/_sso/logout">Log out</a></p>`))
}
