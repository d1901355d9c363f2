package web

import (
	"net/http"
	"slices"

	"leasehold/broker"
	"leasehold/provision"
)

// account is the page about oneself. Without a session it is the login page.
func (s *server) account(w http.ResponseWriter, r *http.Request, v visit) error {
	return s.showAccount(w, r, v, nil)
}

// showAccount shows the page, after an agent that was refused with what it says.
func (s *server) showAccount(w http.ResponseWriter, r *http.Request, v visit, refused error) error {
	value, err := token(r, v)
	if err != nil {
		return err
	}
	me, err := s.Gate.Me(r.Context(), value, v.Origin)
	if s.answer(denial(err)).Status == http.StatusUnauthorized {
		return move(w, "/login")
	}
	if err != nil {
		return err
	}
	desk, err := s.Gate.Privileges(r.Context(), value, v.Origin)
	if err != nil {
		return err
	}
	agents, status := agencyOf(me), http.StatusOK
	if len(desk.Live)+len(desk.Mine) > 0 && len(agents.Rules) == 0 { // time runs, or somebody answers; and nobody writes
		w.Header().Set("Refresh", "10")
	}
	if refused != nil {
		t := s.trouble(v, refused)
		s.log(v, t, refused)
		status, agents.Form, agents.Wrong, agents.Do, agents.Ref = t.Status, r.PostForm, t.Say, t.Do, t.Ref
	}
	return s.show(w, v, status, "account", "Your account", mine{me, s.anotherURL(""), elevating{Privileges: desk}, agents})
}

// mine is what the account page shows.
type mine struct {
	broker.Me
	Another  string
	Elevated elevating
	Agents   agency
}

// session is one of the sessions, as the page shows it.
type session struct {
	provision.Lease
	From provision.Whence
	This bool // the page is seen in it
}

// Browser is the browser that began it, in words; "" when nobody knows.
func (s session) Browser() string { return browserName(s.From.UserAgent) }

// Shown are the newest sessions, and among them always the one that the page is seen in. All of them, shown or not, can
// be ended at once.
func (m mine) Shown() (shown []session) {
	for _, l := range m.Newest() {
		shown = append(shown, session{l, m.Began[l.ID], l.ID == m.Standing.Lease.ID})
	}
	return shown
}

// Older is how many sessions are not shown.
func (m mine) Older() int { return len(m.Sessions()) - len(m.Newest()) }

// ForAWhile reports whether there is anything to say about roles for a while.
func (m mine) ForAWhile() bool {
	d := m.Elevated.Privileges
	return len(d.Rules)+len(d.Live)+len(d.Mine)+len(d.ForMe) > 0
}

// Roles are those that the person has all the time.
func (m mine) Roles() []string { return m.Standing.Roles() }

// Addable lists the connections at which no sign-in of the account is yet.
func (m mine) Addable() []provision.Connection {
	return slices.DeleteFunc(slices.Clone(m.Connections), func(c provision.Connection) bool {
		return slices.ContainsFunc(m.Links, func(l provision.Link) bool { return l.Connection == c.ID })
	})
}

// endOne ends one of one's own sessions; the one it is asked in is a log-out.
func (s *server) endOne(w http.ResponseWriter, r *http.Request, v visit) error {
	value, err := token(r, v)
	if err != nil {
		return err
	}
	standing, err := s.Gate.Session(r.Context(), value, v.Origin)
	if err != nil {
		return err
	}
	id := provision.LeaseID(r.PostForm.Get("lease"))
	if id == standing.Lease.ID {
		return s.logout(w, r, v)
	}
	if err := s.Gate.EndLease(r.Context(), value, v.Origin, id, v.From); err != nil {
		return err
	}
	return move(w, "/")
}

// endAll ends all of one's own sessions, this one among them.
func (s *server) endAll(w http.ResponseWriter, r *http.Request, v visit) error {
	value, err := token(r, v)
	if err != nil {
		return err
	}
	offer, err := s.Gate.Offering(r.Context(), value, v.Origin, func() error {
		return s.Gate.EndAll(r.Context(), value, v.Origin, v.From)
	})
	if err != nil {
		return err
	}
	return s.seeOff(w, r, v, offer)
}

// link begins the login by which a sign-in is added to the account. When this session's own login is too old for that,
// it comes first.
func (s *server) link(w http.ResponseWriter, r *http.Request, v visit) error {
	value, err := token(r, v)
	if err != nil {
		return err
	}
	wish := broker.Wish{Connection: provision.ConnectionID(r.PostForm.Get("connection")), AddSignIn: true, Session: value}
	if !provision.ValidName(string(wish.Connection)) {
		return provision.ErrNotFound
	}
	err = s.depart(w, r, v, errand{}, wish)
	if denial(err) != provision.AuthTooOld {
		return err
	}
	return s.signInFirst(w, r, v, "To add a sign-in, first sign in once more the way you did before. Then come back here and add the other one within five minutes.")
}
