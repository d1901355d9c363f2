// Package web is what browsers and reverse proxies meet: the pages of the SSO host, the paths under /_sso/ on every
// app's origin, and the check that a proxy asks before it lets a request through. It speaks HTTP, keeps cookies and
// shows pages; what is allowed is the broker's to say.
//
// Everything it serves stands in one table, in web.go. What a refusal looks like stands in another, in errors.go.
package web
