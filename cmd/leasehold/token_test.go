package main

import (
	"io"
	"net/http"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// askAPI asks the API with a token, as a program does.
func (d *desk) askAPI(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("api TOKEN METHOD PATH")
	}
	var body io.Reader
	if args[1] != http.MethodGet {
		body = strings.NewReader("{}")
	}
	r, err := http.NewRequest(args[1], "http://127.0.0.1:"+d.port+"/api/v1"+args[2], body)
	ts.Check(err)
	r.Host = "sso.localhost:" + d.port
	r.Header.Set("Authorization", "Bearer "+args[0])
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	ts.Check(err)
	_, err = io.WriteString(ts.Stdout(), strings.Fields(response.Status)[0]+"\n"+string(text))
	ts.Check(err)
}
