package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// What an event stream may take.
const (
	streamsPerApp = 16
	streamsInAll  = 256
	streamLook    = 250 * time.Millisecond // between two looks at the ledger
	streamBeat    = 15 * time.Second       // between two signs of life
	streamWrite   = 10 * time.Second       // for one write; who is slower is cut off, and resumes
	streamLife    = time.Hour              // then whoever listens shows a new token, and resumes
)

// streams counts those who listen.
type streams struct {
	mu  sync.Mutex
	all int
	by  map[provision.AppID]int
}

func newStreams() *streams { return &streams{by: map[provision.AppID]int{}} }

func (s *streams) enter(app provision.AppID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= streamsInAll || s.by[app] >= streamsPerApp {
		return false
	}
	s.all++
	s.by[app]++
	return true
}

func (s *streams) leave(app provision.AppID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.by[app]--; s.by[app] == 0 {
		delete(s.by, app)
	}
}

// events tells an app of ends of leases that were handed to it, as server-sent events (HTML, 9.2). Nothing is kept for
// a reader: each reads the ledger at its own pace.
func (s *server) events(w http.ResponseWriter, r *http.Request, v visit) error {
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	app, err := provision.AppID(""), provision.ErrNotFound
	if ok && len(bearer) < 256 {
		app, err = s.Gate.Listener(r.Context(), bearer)
	}
	switch {
	case errors.Is(err, provision.ErrNotFound):
		w.Header().Set("WWW-Authenticate", `Bearer realm="events"`)
		plain(w, http.StatusUnauthorized, "a token of an app that is told of ends is wanted")
		return nil
	case err != nil:
		return err
	case !s.streams.enter(app):
		w.Header().Set("Retry-After", "5")
		plain(w, http.StatusTooManyRequests, "too many listen already")
		return nil
	}
	defer s.streams.leave(app)
	cursor, whole, err := s.Gate.Resume(r.Context(), r.Header.Get("Last-Event-ID"))
	if err != nil {
		return err
	}
	place, err := s.Gate.Place(r.Context(), cursor)
	if err != nil {
		return err
	}
	out := stream{w: w, control: http.NewResponseController(w), app: app, cursor: cursor}
	if err := out.begin(whole, place); err == nil {
		s.follow(r, &out)
	}
	return nil // it has been answered
}

// follow writes what happens until somebody leaves.
func (s *server) follow(r *http.Request, out *stream) {
	look, beat := time.NewTicker(streamLook), time.NewTicker(streamBeat)
	life := time.NewTimer(streamLife)
	defer life.Stop()
	defer look.Stop()
	defer beat.Stop()
	for {
		var err error
		select {
		case <-r.Context().Done():
			return
		case <-s.Stop:
			return
		case <-life.C:
			return
		case <-beat.C:
			err = s.sayAlive(r, out)
		case <-look.C:
			err = s.tellNews(r, out)
		}
		if err != nil {
			return
		}
	}
}

// sayAlive is a sign of life, with the place to resume from.
func (s *server) sayAlive(r *http.Request, out *stream) error {
	place, err := s.Gate.Place(r.Context(), out.cursor)
	if err != nil {
		return err
	}
	return out.write(": alive\nid: " + place + "\n\n")
}

// tellNews writes what has happened since the last look. A ledger that cannot answer ends the stream: whoever resumes
// it misses nothing.
func (s *server) tellNews(r *http.Request, out *stream) error {
	for {
		ends, cursor, err := s.Gate.EndsSince(r.Context(), out.app, out.cursor)
		if err != nil {
			return err
		}
		before := out.cursor
		var text strings.Builder
		for _, d := range ends {
			text.WriteString(sayEnded(d))
		}
		if out.cursor = cursor; text.Len() > 0 {
			if err := out.write(text.String()); err != nil {
				return err
			}
		}
		if len(ends) == 0 || cursor == before {
			return nil
		}
	}
}

// sayEnded is one event.
func sayEnded(d provision.Delivery) string {
	data, _ := json.Marshal(struct { // texts and a time: it cannot fail
		Lease   provision.LeaseID   `json:"lease"`
		Account provision.AccountID `json:"account"`
		Cause   provision.Cause     `json:"cause"`
		Time    time.Time           `json:"time"`
	}{d.Lease, d.Account, d.Cause, d.At.UTC()})
	return "event: lease.ended\nid: " + broker.PlaceOf(d.Seq, d.Event) + "\ndata: " + string(data) + "\n\n"
}

// stream is one reader.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	app     provision.AppID
	cursor  int64
}

// begin answers, and says when nobody can tell what the reader has missed.
func (s *stream) begin(whole bool, place string) error {
	if err := s.control.SetReadDeadline(time.Time{}); err != nil { // the server's own would end the request
		return err
	}
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would keep it back
	h.Set("X-Content-Type-Options", "nosniff")
	s.w.WriteHeader(http.StatusOK)
	if whole {
		return s.write(": resumed\n\n")
	}
	return s.write("event: reset\nid: " + place + "\ndata: {}\n\n")
}

func (s *stream) write(text string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
