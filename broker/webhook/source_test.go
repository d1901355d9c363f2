package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/broker/outbound"
	"leasehold/broker/webhook"
)

// service is one that makes credentials, as somebody would write it: it takes what is signed, and does a thing once.
type service struct {
	t     *testing.T
	mu    sync.Mutex
	users map[string]string    // name: password
	until map[string]time.Time // name: when it ends
	asked []string             // ids, in the order in which they came
}

var signing = []byte("an example, and no secret at all")

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	id := r.Header.Get("Webhook-Id")
	stamp, bad := strconv.ParseInt(r.Header.Get("Webhook-Timestamp"), 10, 64)
	if err != nil || bad != nil || time.Since(time.Unix(stamp, 0)).Abs() > 5*time.Minute || r.Header.Get("Webhook-Signature") != webhook.Sign([][]byte{signing}, id, time.Unix(stamp, 0), body) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var wish webhook.Wish
	if err := json.Unmarshal(body, &wish); err != nil || wish.Data.Tenant != "acme" || wish.Data.Source != "cloud" || r.Header.Get("Idempotency-Key") != id {
		s.t.Errorf("asked %s, %v, by %v", body, err, r.Header)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, id)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	switch name := wish.Data.Name; wish.Type {
	case "secret.issue":
		if s.users[name] == "" {
			s.users[name] = fmt.Sprint("made-", len(s.asked))
		}
		s.until[name] = wish.Data.Until
		fmt.Fprintf(w, `{"name": %q, "username": "svc-1", "password": %q, "address": "https://cloud.example/api", "more": 1}`, name, s.users[name])
	case "secret.renew":
		s.until[name] = wish.Data.Until
		fmt.Fprintf(w, `{"name": %q}`, name)
	case "secret.revoke":
		delete(s.users, name)
		fmt.Fprintf(w, `{"name": %q}`, name)
	}
}

func sourceAt(url string) webhook.Source {
	return webhook.Source{HTTP: outbound.New(loopback), URL: url, Secrets: [][]byte{signing}, Tenant: "acme", ID: "cloud", Now: time.Now}
}

func TestAServiceIsAskedBySignedWishesAndDoesEachOnce(t *testing.T) {
	t.Parallel()
	s := &service{t: t, users: map[string]string{}, until: map[string]time.Time{}}
	server := httptest.NewServer(s)
	defer server.Close()
	source, until := sourceAt(server.URL), time.Now().Add(time.Minute).UTC().Truncate(time.Second)
	for range 2 {
		handed, err := source.Issue(t.Context(), broker.UserOrder{Name: "lh_1", Password: "ours is not sent", Until: until})
		if err != nil || handed != (broker.Handed{Address: "https://cloud.example/api", Username: "svc-1", Password: "made-1"}) {
			t.Fatalf("handed %+v, %v", handed, err)
		}
	}
	if !s.until["lh_1"].Equal(until) {
		t.Errorf("until %s, want %s", s.until["lh_1"], until)
	}
	if err := source.Renew(t.Context(), "lh_1", until.Add(time.Minute)); err != nil || !s.until["lh_1"].Equal(until.Add(time.Minute)) {
		t.Errorf("renewed until %s, %v", s.until["lh_1"], err)
	}
	for range 2 {
		if err := source.Revoke(t.Context(), "lh_1"); err != nil || len(s.users) != 0 {
			t.Errorf("it knows %v, %v", s.users, err)
		}
	}
	want := fmt.Sprintf("[lh_1.issue lh_1.issue lh_1.renew.%d]", until.Add(time.Minute).Unix())
	if got := fmt.Sprint(s.asked[:3]); got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
	first, again := s.asked[3], s.asked[4] // whoever answers an id again as before does not leave the second look undone
	if first == again || !strings.HasPrefix(first, "lh_1.revoke.") || !strings.HasPrefix(again, "lh_1.revoke.") {
		t.Errorf("asked to revoke by %s and %s", first, again)
	}
	source.Secrets = [][]byte{[]byte("of somebody else, and long enough")}
	if _, err := source.Issue(t.Context(), broker.UserOrder{Name: "lh_2", Until: until}); err == nil || len(s.users) != 0 {
		t.Errorf("by another's secret: %v", err)
	}
}

func TestAWrongAnswerHandsNothingOverAndTakesNothingBack(t *testing.T) {
	t.Parallel()
	for what, x := range map[string]struct {
		status     int
		kind, body string
		revokes    bool // it is no answer to issue alone
	}{
		"a failure":                 {500, "application/json", `{"name": "lh_1", "password": "hunter2"}`, false},
		"it is unknown there":       {404, "application/json", `{"name": "lh_1"}`, false},
		"a redirect":                {302, "application/json", `{"name": "lh_1", "password": "hunter2"}`, false},
		"a page":                    {200, "text/html", `<p>hunter2</p>`, false},
		"JSON that says it is none": {200, "text/plain", `{"name": "lh_1", "password": "hunter2"}`, false},
		"half of it":                {200, "application/json", `{"name": "lh_1", "password": "hunter2"`, false},
		"two":                       {200, "application/json", `{"name": "lh_1", "password": "hunter2"} {}`, false},
		"nothing":                   {204, "", "", false},
		"another's":                 {200, "application/json", `{"name": "lh_2", "password": "hunter2"}`, false},
		"of nobody":                 {200, "application/json", `{"password": "hunter2"}`, false},
		"no password":               {200, "application/json", `{"name": "lh_1"}`, true},
		"a password with a break":   {200, "application/json", `{"name": "lh_1", "password": "hunter2\nroot"}`, true},
		"an address without end":    {200, "application/json", `{"name": "lh_1", "password": "hunter2", "address": "` + strings.Repeat("a", 3000) + `"}`, true},
		"a user without end":        {200, "application/json", `{"name": "lh_1", "password": "hunter2", "username": "` + strings.Repeat("a", 300) + `"}`, true},
		"too much":                  {200, "application/json", `{"name": "lh_1", "password": "hunter2", "more": "` + strings.Repeat("a", 17<<10) + `"}`, false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", x.kind)
			w.Header().Set("Location", "/")
			w.WriteHeader(x.status)
			io.WriteString(w, x.body)
		}))
		source := sourceAt(server.URL)
		handed, err := source.Issue(t.Context(), broker.UserOrder{Name: "lh_1", Until: time.Now()})
		if err == nil || handed != (broker.Handed{}) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: handed %+v, %v", what, handed, err)
		}
		if err := source.Revoke(t.Context(), "lh_1"); (err == nil) != x.revokes {
			t.Errorf("%s: revoke: %v", what, err)
		}
		server.Close()
	}
}

func TestAServiceThatHangsOrNeverStopsIsLeftInTime(t *testing.T) {
	t.Parallel()
	for what, serve := range map[string]http.HandlerFunc{
		"it hangs": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"it drips": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for r.Context().Err() == nil {
				io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		},
		"it floods": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // or nobody sees that whoever asked has gone
			serve(w, r)
		}))
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		began := time.Now()
		_, err := sourceAt(server.URL).Issue(ctx, broker.UserOrder{Name: "lh_1", Until: time.Now()})
		cancel()
		if took := time.Since(began); err == nil || took > 2*time.Second {
			t.Errorf("%s: %v after %s", what, err, took)
		}
		server.CloseClientConnections()
		server.Close()
	}
}

func TestAServiceIsReachedOnlyWhereItMayBe(t *testing.T) {
	t.Parallel()
	reached := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer server.Close()
	source := sourceAt(server.URL)
	source.HTTP = outbound.New(outbound.Config{})
	_, private := source.Issue(t.Context(), broker.UserOrder{Name: "lh_1", Until: time.Now()})
	_, clear := sourceAt("http://broker.acme.invalid/").Issue(t.Context(), broker.UserOrder{Name: "lh_1", Until: time.Now()})
	_, unsigned := webhook.Source{HTTP: outbound.New(loopback), URL: server.URL, Now: time.Now}.Issue(t.Context(), broker.UserOrder{Name: "lh_1", Until: time.Now()})
	for _, err := range []error{private, clear, unsigned} {
		if err == nil || reached {
			t.Errorf("%v; it was reached: %t", err, reached)
		}
	}
}
