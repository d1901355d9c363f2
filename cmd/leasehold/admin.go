package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"

	"leasehold/config"
)

// admin speaks to the running server.
type admin struct {
	http http.Client
	say  *surroundings
}

// socketName is where a server listens for its operator, below its data folder.
const socketName = "admin.sock"

// admin finds the running server by the configuration.
func (s *surroundings) admin() (admin, error) {
	c, faults := config.Load(s.config, s.environ)
	if len(faults) > 0 {
		return admin{}, faults
	}
	path := filepath.Join(c.Data, socketName)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	return admin{http.Client{Transport: &http.Transport{DialContext: dial}}, s}, nil
}

// ask sends one verb and reads the answer into v.
func (a admin) ask(method, path string, query url.Values, body, v any) error {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(a.say.ctx, method, "http://admin"+path+"?"+query.Encode(), payload)
	if err != nil {
		return err
	}
	response, err := a.http.Do(request)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
			return errors.New("no server is running with this configuration; start one with: leasehold serve --config " + a.say.config)
		}
		return fmt.Errorf("server: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var no said
		if err := json.NewDecoder(response.Body).Decode(&no); err != nil || no.Error == "" {
			return errors.New("server: " + response.Status)
		}
		return errors.New(no.Error)
	}
	return json.NewDecoder(response.Body).Decode(v)
}

// show asks for v and prints it: as JSON when that is wanted, else by text.
func show[V any](s *surroundings, method, path string, query url.Values, body any, text func(io.Writer, V)) error {
	a, err := s.admin()
	if err != nil {
		return err
	}
	var v V
	if err := a.ask(method, path, query, body, &v); err != nil {
		return err
	}
	if s.json {
		return s.printJSON(v)
	}
	w := tabwriter.NewWriter(s.stdout, 2, 8, 2, ' ', 0)
	text(w, v)
	return w.Flush()
}

func (s *surroundings) printJSON(v any) error {
	e := json.NewEncoder(s.stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// row prints columns.
func row(w io.Writer, columns ...any) {
	for i, c := range columns {
		if i > 0 {
			fmt.Fprint(w, "\t")
		}
		text := fmt.Sprint(c)
		if text == "" {
			text = "-"
		}
		fmt.Fprint(w, text)
	}
	fmt.Fprintln(w)
}

// table prints a head and a row an item.
func table[V any](head string, columns func(V) []any) func(io.Writer, []V) {
	return func(w io.Writer, items []V) {
		fmt.Fprintln(w, strings.ReplaceAll(head, " ", "\t"))
		for _, item := range items {
			row(w, columns(item)...)
		}
	}
}

// listing is the part of a list that a command asks for.
type listing struct {
	Tenant string `help:"Only of this tenant." placeholder:"ID"`
	After  string `help:"Begin after this id." placeholder:"ID"`
	Limit  int    `help:"At most so many." default:"100"`
}

func (l listing) query() url.Values {
	return url.Values{"tenant": {l.Tenant}, "after": {l.After}, "limit": {fmt.Sprint(l.Limit)}}
}

// one names an object.
type one struct {
	ID string `arg:"" help:"Its id."`
}

func (o one) path(kind string) string { return "/" + kind + "/" + url.PathEscape(o.ID) }

// because is why something is done.
type because struct {
	Reason string `help:"Why; kept in the audit." placeholder:"TEXT"`
}

func (b because) query() url.Values { return url.Values{"reason": {b.Reason}} }
