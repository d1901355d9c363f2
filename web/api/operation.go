package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"leasehold/broker"
	"leasehold/provision"
)

// asking is who sent a request, and under which name it is done once.
type asking struct {
	mandate     broker.Mandate
	once, print string
}

type askingKey struct{}

// maxBody is how long a body may be: metadata of 1 MiB, as JSON.
const maxBody = 3 << 20

var keyForm = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,64}$`)

// asked is the context of a request that m sends. A request with an Idempotency-Key is known again by all that it says.
func (a *API) asked(w http.ResponseWriter, r *http.Request, m broker.Mandate) (context.Context, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	who := asking{mandate: m, once: r.Header.Get("Idempotency-Key")}
	if who.once == "" {
		return context.WithValue(r.Context(), askingKey{}, who), nil
	}
	if !keyForm.MatchString(who.once) {
		return nil, problem(http.StatusUnprocessableEntity, reasonInvalid, "Idempotency-Key: 1 to 64 letters, digits and . _ : -")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			return nil, problem(http.StatusRequestEntityTooLarge, reasonInvalid, "")
		}
		return nil, problem(http.StatusBadRequest, reasonInvalid, "the body cannot be read")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %s\n%s\n%s\n", r.Method, r.URL.RequestURI(), r.Header.Get("If-Match"), r.Header.Get("If-None-Match"))
	sum.Write(body)
	who.print = hex.EncodeToString(sum.Sum(nil))
	return context.WithValue(r.Context(), askingKey{}, who), nil
}

// order is what m asks for in ctx, and why.
func order(ctx context.Context, m broker.Mandate, why string) broker.Order {
	who, _ := ctx.Value(askingKey{}).(asking)
	return broker.Order{Mandate: m, Why: why, Once: who.once, Print: who.print}
}

// operation is one line of the table of operations: "POST /accounts/{account}/end 200".
type operation struct {
	route   string
	right   broker.Right
	summary string
}

// does registers an operation: do is called with who asks.
func does[I, O any](a *API, x operation, do func(context.Context, broker.Mandate, *I) (*O, error)) {
	method, path, _ := strings.Cut(x.route, " ")
	kind, verb, _ := strings.Cut(string(x.right), ".")
	op := huma.Operation{
		Method: method, Path: path, Summary: x.summary, OperationID: operationID(method, path), Tags: []string{kind}, MaxBodyBytes: maxBody,
		Description: "Wants the right `" + kind + "." + verb + "`.",
		Extensions:  map[string]any{"x-right": string(x.right)},
		Responses:   map[string]*huma.Response{"default": a.problems()},
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		who, ok := ctx.Value(askingKey{}).(asking)
		if !ok {
			return nil, problemOf(&provision.DeniedError{Reason: provision.TokenInvalid})
		}
		out, err := do(ctx, who.mandate, in)
		if err != nil {
			a.note(ctx, who.mandate, err)
			return nil, problemOf(err)
		}
		return out, nil
	})
}

// operationID is an operation's name: "post-accounts-account-end".
func operationID(method, path string) string {
	return strings.ToLower(method) + strings.NewReplacer("/", "-", "{", "", "}", "").Replace(path)
}

func (a *API) problems() *huma.Response {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(typeOf[Problem](), true, "Problem")
	return &huma.Response{Description: "A problem (RFC 9457)", Content: map[string]*huma.MediaType{problemType: {Schema: schema}}}
}

// PageIn is which part of a list is asked for.
type PageIn struct {
	Tenant string `query:"tenant" doc:"Only of this tenant"`
	Cursor string `query:"cursor" doc:"What the former part said under next"`
	After  string `query:"after" maxLength:"300" doc:"In place of a cursor: what has an id, begins after this one"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"At most so many"`
}

// List is a part of a list.
type List[V any] struct {
	Link string `header:"Link" doc:"rel=next, while there is more (RFC 8288)"`
	Body struct {
		Items []V    `json:"items"`
		Next  string `json:"next,omitempty" doc:"The cursor of the next part; not there: this is the last"`
	}
}

// One is one thing, with its revision where it has one.
type One[V any] struct {
	ETag string `header:"ETag" doc:"Its revision, for If-Match"`
	Body V
}

// None is an answer that says nothing but that it is done.
type None struct{}

// Deleted is how far a deletion came.
type Deleted struct {
	Status int // 204: done; 202: there is more, and asked for again it goes on
}

// deletionPatience is how long one request may delete: less than an answer may take.
const deletionPatience = 20 * time.Second

// deleting does as much of a deletion as one answer has time for.
func deleting(ctx context.Context, do func(context.Context) error) (*Deleted, error) {
	bounded, cancel := context.WithTimeout(ctx, deletionPatience)
	defer cancel()
	err := do(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return &Deleted{http.StatusAccepted}, nil
	}
	return &Deleted{http.StatusNoContent}, err
}

// page is the part that in asks of a list.
func (a *API) page(m broker.Mandate, list string, in PageIn) (provision.Page, error) {
	after, err := a.cursors.open(m, list, in.Cursor)
	after = cmp.Or(after, in.After)
	return provision.Page{Tenant: provision.TenantID(in.Tenant), After: after, Limit: in.Limit}, err
}

// listing is which part of which list, and by whom.
type listing struct {
	mandate broker.Mandate
	list    string
	in      PageIn
}

// listed is a part of a list as it is answered.
func listed[T, V any](a *API, of listing, part broker.Part[T], view func(T) V) *List[V] {
	var l List[V]
	l.Body.Items = make([]V, 0, len(part.Items))
	for _, item := range part.Items {
		l.Body.Items = append(l.Body.Items, view(item))
	}
	if l.Body.Next = a.cursors.seal(of.mandate, of.list, part.Next); l.Body.Next != "" {
		l.Link = fmt.Sprintf(`<?cursor=%s&limit=%d`, l.Body.Next, of.in.Limit)
		if provision.ValidName(of.in.Tenant) {
			l.Link += "&tenant=" + of.in.Tenant
		}
		l.Link += `>; rel="next"`
	}
	return &l
}

// also keeps something that was asked for in the address of the next part.
func also(link, key, value string) string {
	if value == "" || link == "" {
		return link
	}
	return "<?" + url.Values{key: {value}}.Encode() + "&" + link[len("<?"):]
}

// lists registers the operation of a list.
func lists[T, V any](a *API, x operation, read func(context.Context, broker.Mandate, provision.Page) (broker.Part[T], error), view func(T) V) {
	does(a, x, func(ctx context.Context, m broker.Mandate, in *PageIn) (*List[V], error) {
		p, err := a.page(m, x.route, *in)
		if err != nil {
			return nil, err
		}
		part, err := read(ctx, m, p)
		if err != nil {
			return nil, err
		}
		return listed(a, listing{m, x.route, *in}, part, view), nil
	})
}

// MatchIn says which revision somebody saw.
type MatchIn struct {
	Match string `header:"If-Match" doc:"The ETag of what was read"`
	New   string `header:"If-None-Match" doc:"* for something that must not be there yet"`
	Key   string `header:"Idempotency-Key" doc:"Asked for again under it within a day, it is done once"`
}

// seen is that revision.
func (in MatchIn) seen() (int64, error) {
	switch {
	case in.New == "*" && in.Match == "":
		return broker.IsNew, nil
	case in.New == "" && in.Match == "*":
		return broker.AnyOne, nil
	case in.New == "" && in.Match != "":
		n, err := strconv.ParseInt(strings.Trim(in.Match, `"`), 10, 64)
		if err == nil && n > 0 {
			return n, nil
		}
		return 0, broker.ErrStale
	}
	return 0, problem(http.StatusPreconditionRequired, reasonMatch, "")
}

// tag is a revision as an ETag (RFC 9110, 8.8.3); of what has none, there is none.
func tag(revision int64) string {
	if revision <= 0 {
		return ""
	}
	return `"` + strconv.FormatInt(revision, 10) + `"`
}

// ReasonIn is why something is done.
type ReasonIn struct {
	Key  string `header:"Idempotency-Key" doc:"Asked for again under it within a day, it is done once"`
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"1000" doc:"Why; kept in the audit"`
	} `required:"false"`
}

var dayPart = regexp.MustCompile(`^(\d{1,5})d(.*)$`)

// duration reads a length of time: 90d, 1d12h, 30m; "" is 0.
func duration(key, text string) (time.Duration, error) {
	days, rest := 0, text
	if m := dayPart.FindStringSubmatch(text); m != nil {
		days, _ = strconv.Atoi(m[1]) // at most five digits
		rest = m[2]
	}
	var d time.Duration
	var err error
	if rest != "" {
		d, err = time.ParseDuration(rest)
	}
	if err != nil || d < 0 || d > 100*365*24*time.Hour || days > 100*365 {
		return 0, fmt.Errorf("%s: %q is no length of time; write it as in 90d, 24h, 30m or 10s: %w", key, text, broker.ErrInvalid)
	}
	return d + time.Duration(days)*24*time.Hour, nil
}

// lasts is a length of time as it is read by duration; "" for none.
func lasts(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// domainOf reads a domain.
func domainOf(text string) (provision.Domain, error) {
	d, err := provision.ParseDomain(text)
	if err != nil {
		return d, fmt.Errorf("domain: %w: %w", err, broker.ErrInvalid)
	}
	return d, nil
}
