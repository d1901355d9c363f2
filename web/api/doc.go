// Package api is the admin API: what broker.Desk does, over HTTP, with a description (OpenAPI 3.1) that is made of the code.
// Programs act in it with tokens, operators by the admin socket; a console calls the methods of API in-process, with the
// mandate of the session that it serves.
package api
