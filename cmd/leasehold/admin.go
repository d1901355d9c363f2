package main

import (
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
	"time"

	"leasehold/config"
)

// admin speaks to a running server: to the one on this machine by its admin socket, or to another by its API.
type admin struct {
	http  http.Client
	base  string // before each path
	path  string // of the socket; "": it is spoken to from afar
	token string // what is shown there
	say   *surroundings
}

// socketName is where a server listens for its operator, below its data folder.
const socketName = "admin.sock"

// admin finds the running server on this machine by the configuration.
func (s *surroundings) admin() (admin, error) {
	if s.server != "" {
		return admin{}, fmt.Errorf("this is done on the server's own machine, not from afar: leave out --server, and unset LEASEHOLD_TOKEN (see docs/architecture.md)")
	}
	c, faults := config.Load(s.config, s.environ)
	if len(faults) > 0 {
		return admin{}, faults
	}
	path := filepath.Join(c.Data, socketName)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	return admin{http: http.Client{Transport: &http.Transport{DialContext: dial}}, base: "http://admin", path: path, say: s}, nil
}

// unreached says why there is no answer, and what to do.
func (a admin) unreached(err error) error {
	switch {
	case a.say.ctx.Err() != nil:
		return errors.New("stopped before the server answered; what was asked may have been done")
	case a.path == "":
		return fmt.Errorf("%s cannot be reached: %w", a.base, errors.Unwrap(err))
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no server is running with this configuration (nobody listens at %s); start one with: leasehold serve --config %s", a.path, a.say.config)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s is closed to you; only root and the owner of the server's process may use it", a.path)
	}
	return fmt.Errorf("server: %w", err)
}

// show asks for v and prints it: as JSON when that is wanted, else by text.
func show[V any](s *surroundings, q question, text func(io.Writer, V)) error {
	var v V
	if err := s.ask(q, &v); err != nil {
		return err
	}
	return s.print(v, func(w io.Writer) { text(w, v) })
}

// print prints what was answered: as JSON when that is wanted, else by text.
func (s *surroundings) print(v any, text func(io.Writer)) error {
	if s.json {
		return s.printJSON(v)
	}
	w := tabwriter.NewWriter(s.stdout, 2, 8, 2, ' ', 0)
	text(w)
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

// sheet is how a list is printed: its head, a row an item, and by which id it goes on.
type sheet[V any] struct {
	head    string
	columns func(V) []any
	id      func(V) string
}

// list asks for a part of a list, and prints it.
func list[V any](s *surroundings, q question, t sheet[V]) error {
	items, err := gather[V](s, q)
	if err != nil {
		return err
	}
	return t.print(s, q, items)
}

// listAtHost is list of what is no part of the API.
func listAtHost[V any](s *surroundings, path string, query url.Values, t sheet[V]) error {
	q, items := atHost(http.MethodGet, path, query, nil), []V{}
	if err := s.ask(q, &items); err != nil {
		return err
	}
	return t.print(s, q, items)
}

// print prints items; of what could go on it says how.
func (t sheet[V]) print(s *surroundings, q question, items []V) error {
	return s.print(items, func(w io.Writer) {
		table(t.head, t.columns)(w, items)
		if len(items) == 0 || len(items) != limitOf(q.query) {
			return
		}
		if id := t.id(items[len(items)-1]); id != "" {
			fmt.Fprintf(s.stderr, "there may be more: --after %s\n", id)
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

// saying is a reason, as the API takes it.
type saying struct {
	Reason string `json:"reason,omitempty"`
}

// because is why something is done.
type because struct {
	Reason string `help:"Why; kept in the audit." placeholder:"TEXT"`
}

func (b because) query() url.Values { return url.Values{"reason": {b.Reason}} }
func (b because) order() saying     { return saying(b) }

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
func (r reasoned) order() saying     { return saying(r) }
