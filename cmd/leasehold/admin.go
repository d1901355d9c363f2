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
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"leasehold/config"
)

// admin speaks to the running server.
type admin struct {
	http http.Client
	path string // of the socket
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
	return admin{http.Client{Transport: &http.Transport{DialContext: dial}}, path, s}, nil
}

// question is one verb, as the server takes it.
type question struct {
	method, path string
	query        url.Values
	order        any // sent as JSON; nil: nothing is
}

func get(path string, query url.Values) question { return question{http.MethodGet, path, query, nil} }

func post(path string, query url.Values, order any) question {
	return question{http.MethodPost, path, query, order}
}

// ask sends one verb and reads the answer into v.
func (a admin) ask(q question, v any) error {
	var payload io.Reader
	if q.order != nil {
		text, err := json.Marshal(q.order)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(a.say.ctx, q.method, "http://admin"+q.path+"?"+q.query.Encode(), payload)
	if err != nil {
		return err
	}
	response, err := a.http.Do(request)
	if err != nil {
		return a.unreached(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var no said
		if err := json.NewDecoder(response.Body).Decode(&no); err != nil || no.Error == "" {
			return errors.New("server: " + response.Status)
		}
		return no.err()
	}
	return json.NewDecoder(response.Body).Decode(v)
}

// unreached says why there is no answer, and what to do.
func (a admin) unreached(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no server is running with this configuration (nobody listens at %s); start one with: leasehold serve --config %s", a.path, a.say.config)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s is closed to you; only root and the owner of the server's process may use it", a.path)
	case a.say.ctx.Err() != nil:
		return errors.New("stopped before the server answered; what was asked may have been done")
	}
	return fmt.Errorf("server: %w", err)
}

// show asks for v and prints it: as JSON when that is wanted, else by text.
func show[V any](s *surroundings, q question, text func(io.Writer, V)) error {
	a, err := s.admin()
	if err != nil {
		return err
	}
	var v V
	if err := a.ask(q, &v); err != nil {
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
		text := printable(fmt.Sprint(c))
		if text == "" {
			text = "-"
		}
		fmt.Fprint(w, text)
	}
	fmt.Fprintln(w)
}

// printable is text as it can stand in a column on an operator's screen. Names come from identity providers: nothing of
// them steers the terminal, or turns the text around (Unicode, UAX #9).
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c == '\t' || c == '\n' {
			return ' '
		}
		if c < ' ' || c >= 0x7f && c < 0xa0 || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 {
			return '�'
		}
		return c
	}, text)
}

// at is an instant as people read it, in their own time zone.
func at(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 -07:00") }

// joined is a list in one column.
func joined[T any](items []T) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = fmt.Sprint(item)
	}
	return strings.Join(texts, ",")
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

// list prints a part of a list; of what could go on it says how.
func list[V any](s *surroundings, q question, head string, columns func(V) []any, id func(V) string) error {
	return show(s, q, func(w io.Writer, items []V) {
		table(head, columns)(w, items)
		if limit, _ := strconv.Atoi(q.query.Get("limit")); len(items) > 0 && len(items) == limit {
			fmt.Fprintf(s.stderr, "there may be more: --after %s\n", id(items[len(items)-1]))
		}
	})
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

// reasoned is because for what nobody may do without saying why.
type reasoned struct {
	Reason string `required:"" help:"Why; kept in the audit." placeholder:"TEXT"`
}

// Validate implements kong's Validatable.
func (r reasoned) Validate() error {
	if strings.TrimSpace(r.Reason) == "" {
		return errors.New("--reason is empty; say why")
	}
	return nil
}

func (r reasoned) query() url.Values { return url.Values{"reason": {r.Reason}} }
