// Package demo holds what the demo stands in for a company's own: two identity providers, an app, and a DNS server. All
// of it is real as far as the gateway can tell; none of it is for anything but a demo.
package demo

import (
	"html/template"
	"net/http"
)

// Person is somebody at the demo's identity providers. The password is "demo" for all.
type Person struct {
	Login  string // what is typed
	Email  string // what the providers assert
	Name   string
	Groups []string
	Note   string // what will happen, for the login page
}

// Domain is the e-mail domain that the demo tenant proves.
const Domain = "acme.test"

// People are those at the demo's identity providers. Mallory's address looks like one of the tenant's, and is not.
func People() []Person {
	return []Person{
		{"alice", "alice@" + Domain, "Alice Example", []string{"engineering"}, "is let in, with the role engineer"},
		{"bob", "bob@" + Domain, "Bob Example", []string{"sales"}, "is let in, without a role"},
		{"carol", "carol@" + Domain, "Carol Example", []string{"contractors"}, "is refused: her group is not allowed"},
		{"mallory", "alice@acrne.test", "Mallory (looks like Alice)", []string{"engineering"}, "is refused: acrne.test is not acme.test"},
	}
}

func find(login, password string) (Person, bool) {
	for _, p := range People() {
		if p.Login == login && password == "demo" {
			return p, true
		}
	}
	return Person{}, false
}

// signIn shows the login page of a provider; the form posts back to the same address.
func signIn(w http.ResponseWriter, provider, hint, wrong string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = signInPage().Execute(w, struct {
		Provider, Hint, Wrong string
		People                []Person
	}{provider, hint, wrong, People()})
}

func signInPage() *template.Template {
	return template.Must(template.New("sign-in").Parse(`<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Sign in at {{.Provider}}</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:10vh auto;padding:0 1rem}
label{display:block;margin-top:1rem}input,button{font:inherit;width:100%;box-sizing:border-box;padding:.5rem;margin-top:.25rem}
button{margin-top:1.5rem}.wrong{color:#b3261e}dt{font-weight:600}dd{margin:0 0 .5rem}</style>
<h1>{{.Provider}}</h1><p>A demo identity provider. The password is <code>demo</code>.</p>
{{with .Wrong}}<p class="wrong" role="alert">{{.}}</p>{{end}}
<form method="post"><label for="login">Login</label><input id="login" name="login" value="{{.Hint}}" autocomplete="username" autofocus>
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password">
<button>Sign in</button></form><h2>Who there is</h2><dl>{{range .People}}<dt>{{.Login}}</dt><dd>{{.Email}} {{.Note}}</dd>{{end}}</dl>`))
}
