package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"leasehold/provision"
	"leasehold/web/api"
)

// question is one thing to ask the server.
type question struct {
	method, path string
	query        url.Values
	order        any    // sent as JSON; nil: nothing is
	about        string // what is not there when nothing is; "": as the path says
	once         string // a name under which it is done once; "": each time
	match        string // the revision that is changed; "": whichever
}

// get, put, post and remove ask the API.
func get(path string, query url.Values) question {
	return question{method: http.MethodGet, path: api.Prefix + path, query: query}
}

func put(path string, order any) question {
	return question{method: http.MethodPut, path: api.Prefix + path, order: order}
}

func post(path string, order any) question {
	return question{method: http.MethodPost, path: api.Prefix + path, order: order}
}

func remove(path string, query url.Values) question {
	return question{method: http.MethodDelete, path: api.Prefix + path, query: query}
}

// atHost asks what is no part of the API, and answered on the server's own machine alone.
func atHost(method, path string, query url.Values, order any) question {
	return question{method: method, path: path, query: query, order: order}
}

// reach is the server that can answer q.
func (s *surroundings) reach(q question) (admin, error) {
	if s.server == "" || !strings.HasPrefix(q.path, api.Prefix+"/") {
		return s.admin()
	}
	if !provision.IsWebURL(s.server) {
		return admin{}, usageError{fmt.Errorf("--server %s: write https://…; http is for loopback names only, for whoever reads the way has the token", printable(s.server))}
	}
	token := s.token
	if token == "" && s.tokenFile != "" {
		text, err := os.ReadFile(s.tokenFile)
		if err != nil {
			return admin{}, fmt.Errorf("token: %w", err)
		}
		token = strings.TrimSpace(string(text))
	}
	if token == "" {
		return admin{}, usageError{errors.New("--server wants a token, in $LEASEHOLD_TOKEN or in the file that $LEASEHOLD_TOKEN_FILE names; make one with: leasehold token create")}
	}
	if !strings.HasPrefix(token, "lht_") {
		return admin{}, usageError{errors.New("what stands in $LEASEHOLD_TOKEN, or in the file of $LEASEHOLD_TOKEN_FILE, is no token of the API: those begin with lht_")}
	}
	return admin{http: farClient(), base: strings.TrimSuffix(s.server, "/"), token: token, say: s}, nil
}

// farClient speaks to a server that is shown a token: to no other host than was named, and past no proxy in the clear.
func farClient() http.Client {
	way := &http.Transport{DialContext: dialHere, Proxy: proxyOf, ForceAttemptHTTP2: true}
	return http.Client{Transport: way, Timeout: execPatience, CheckRedirect: stayHere}
}

// dialHere dials loopback for the names that are its own (RFC 6761, 6.3), whatever a resolver says of them: to these a token is
// sent in the clear.
func dialHere(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if name := strings.TrimSuffix(strings.ToLower(host), "."); err == nil && (name == "localhost" || strings.HasSuffix(name, ".localhost")) {
		c, err := new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		if err == nil {
			return c, nil
		}
		if c, other := new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("::1", port)); other == nil {
			return c, nil
		}
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// proxyOf is the proxy of the environment, for what it cannot read.
func proxyOf(r *http.Request) (*url.URL, error) {
	if r.URL.Scheme != "https" {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}

// ask asks the server that the command line is about, and reads the answer into v.
func (s *surroundings) ask(q question, v any) error {
	a, err := s.reach(q)
	if err != nil {
		return err
	}
	return a.ask(q, v)
}

// errMore is an answer that is not the last: asked for again, it goes on.
var errMore = errors.New("there is more to do; ask again")

// ask sends one question and reads the answer into v.
func (a admin) ask(q question, v any) error {
	response, err := a.send(q)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusAccepted:
		return errMore
	case response.StatusCode == http.StatusNoContent:
		return nil
	case response.StatusCode != http.StatusOK:
		return refusal(q, response)
	}
	if err := json.NewDecoder(response.Body).Decode(v); err != nil {
		return fmt.Errorf("%s answers what is not Leasehold's: %w", a.base, err)
	}
	return nil
}

// sends is how often a question is sent whose answer was lost on the way.
const sends = 3

// send sends a question. From afar a change has a name, so that it may be sent again when its answer was lost: it is done
// once.
func (a admin) send(q question) (*http.Response, error) {
	if a.path == "" && q.once == "" && (q.method == http.MethodPost || q.method == http.MethodPut) {
		q.once = strings.ToLower(rand.Text())
	}
	for n := 1; ; n++ {
		request, err := a.request(q)
		if err != nil {
			return nil, err
		}
		response, err := a.http.Do(request)
		var never *net.OpError
		switch {
		case err == nil:
			return response, nil
		case a.path != "" || q.once == "" || n == sends || a.say.ctx.Err() != nil, errors.As(err, &never) && never.Op == "dial":
			return nil, a.unreached(err)
		}
		time.Sleep(time.Second)
	}
}

func (a admin) request(q question) (*http.Request, error) {
	var payload bytes.Buffer
	if q.order != nil {
		if err := json.NewEncoder(&payload).Encode(q.order); err != nil {
			return nil, err
		}
	}
	query := url.Values{}
	for key, values := range q.query {
		if values[0] != "" {
			query[key] = values
		}
	}
	request, err := http.NewRequestWithContext(a.say.ctx, q.method, a.base+q.path+"?"+query.Encode(), &payload)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "Idempotency-Key": q.once, "If-Match": q.match} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	if a.token != "" {
		request.Header.Set("Authorization", "Bearer "+a.token)
	}
	return request, nil
}

// refusal is what an answer says that is none.
func refusal(q question, response *http.Response) error {
	body := json.NewDecoder(io.LimitReader(response.Body, 1<<20))
	if response.Header.Get("Content-Type") == "application/json" {
		var no said
		if err := body.Decode(&no); err == nil && no.Error != "" {
			return no.err()
		}
	}
	var p api.Problem
	if err := body.Decode(&p); err != nil || p.Reason == "" {
		return errors.New("server: " + response.Status)
	}
	return q.refused(p)
}

// refused is a problem in words. What is not there is named by who asked: the API does not say.
func (q question) refused(p api.Problem) error {
	means, _ := provision.Reason(p.Reason).Meaning()
	detail := cmp.Or(p.Detail, api.Reasons()[p.Reason], means)
	what, known := strings.CutSuffix(detail, ": "+provision.ErrConflict.Error())
	switch {
	case p.Status == http.StatusNotFound:
		return fmt.Errorf("%s: %w", q.what(), provision.ErrNotFound)
	case p.Status == http.StatusConflict && known && !strings.HasSuffix(what, provision.ErrNotFound.Error()):
		return errors.New(printable(what))
	case p.Status == http.StatusConflict && p.Detail != "":
		return errors.New(printable(detail))
	case p.Status == http.StatusConflict:
		detail = q.what() + ": " + detail
	}
	return errors.New(printable(strings.Join(append([]string{p.Reason, detail}, p.Faults...), ": ")))
}

// what names what a question is about.
func (q question) what() string {
	kind, rest, _ := strings.Cut(strings.TrimPrefix(q.path, api.Prefix+"/"), "/")
	id, _, _ := strings.Cut(rest, "/")
	if name, err := url.PathUnescape(id); err == nil && id != "" && q.about == "" {
		return strings.TrimSuffix(strings.Replace(kind, "ies", "ys", 1), "s") + " " + name
	}
	if q.about == "" {
		return "tenant " + q.query.Get("tenant")
	}
	return q.about
}

// maxListed is how much of a list the API gives at once.
const maxListed = 500

// limitOf is how much of a list is asked for.
func limitOf(query url.Values) int {
	limit, _ := strconv.Atoi(query.Get("limit"))
	if limit <= 0 {
		return 100
	}
	return limit
}

// gather asks for a list, part by part, until there is as much of it as is wanted, or no more.
func gather[V any](s *surroundings, q question) ([]V, error) {
	a, err := s.reach(q)
	if err != nil {
		return nil, err
	}
	items, limit := []V{}, limitOf(q.query)
	q.query = maps.Clone(q.query)
	for len(items) < limit {
		q.query.Set("limit", strconv.Itoa(min(maxListed, limit-len(items))))
		var part listed[V]
		if err := a.ask(q, &part); err != nil {
			return nil, err
		}
		if items = append(items, part.Items...); part.Next == "" {
			break
		}
		q.query.Del("after")
		q.query.Set("cursor", part.Next)
	}
	return items, nil
}

// listed is a part of a list, and where the next one begins.
type listed[V any] struct {
	Items []V    `json:"items"`
	Next  string `json:"next"`
}
