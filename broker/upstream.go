package broker

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"leasehold/idp"
	"leasehold/provision"
)

// LogoutMessage is a log-out message as it came; its fields are the protocol's business.
type LogoutMessage = idp.Message

// Reply is what goes to an identity provider.
type Reply = idp.Reply

// The ways in which log-out messages come.
const (
	ByRedirect    = idp.Redirect
	ByPost        = idp.Post
	BySOAP        = idp.SOAP
	ByBackChannel = idp.BackChannel
)

// Upstreams finds leases by their sessions at identity providers. A thing that is not there is ErrNotFound.
type Upstreams interface {
	// Upstream is what a lease remembers of its session.
	Upstream(ctx context.Context, id provision.LeaseID) (provision.Upstream, error)
	// Handled lists leases that remember a handle, at most limit.
	Handled(ctx context.Context, handle string, limit int) ([]provision.LeaseID, error)
	// Asked lists leases of a connection that have not ended and about which its provider is to be asked by now: at most
	// limit, the longest due first.
	Asked(ctx context.Context, c provision.ConnectionID, now time.Time, limit int) ([]provision.Lease, error)
}

// loggedOutFor is how long a session that ended upstream refuses the logins of it that are under way: as long as they
// live, and a little for clocks.
const loggedOutFor = attemptLife + 5*time.Minute

// LogoutFrom ends what an identity provider says has ended there, at one connection, and returns its answer. It ends
// within the call: whoever gets the answer knows that no check that begins then lets anything of it in. What was refused
// ends nothing, and is counted in the audit.
func (b *Broker) LogoutFrom(ctx context.Context, id provision.ConnectionID, m LogoutMessage) (Reply, error) {
	c, provider, err := b.speaker(ctx, id)
	if err != nil {
		return Reply{}, err
	}
	ender, ok := provider.(idp.Ender)
	if !ok {
		return Reply{}, provision.ErrNotFound
	}
	l, err := ender.ReadLogout(ctx, m)
	if err != nil {
		return Reply{}, b.unheard(c, err)
	}
	err = b.endNamed(ctx, c, l)
	var denied *provision.DeniedError
	if errors.As(err, &denied) {
		return Reply{}, b.unheard(c, idp.Reject(denied.Reason, "message %s was used before", l.Spend.ID))
	}
	answerer, ok := provider.(idp.Answerer)
	if !ok {
		return Reply{}, err
	}
	b.log("log-out from upstream", err)
	return answerer.AnswerLogout(l, err == nil)
}

// speaker is a connection and what speaks its protocol.
func (b *Broker) speaker(ctx context.Context, id provision.ConnectionID) (provision.Connection, idp.Provider, error) {
	c, err := b.Registry.Connection(ctx, id)
	if err == nil && c.Removal != "" {
		err = provision.ErrNotFound
	}
	if err != nil {
		return c, nil, err
	}
	provider, err := b.providers.of(ctx, c)
	if err != nil {
		return c, nil, fmt.Errorf("connection %s: %w: %w", c.ID, provision.ErrUnavailable, err)
	}
	return c, provider, nil
}

// unheard is a log-out message that was refused. Anybody can send such, so that they are counted and not written one by
// one; what was expected and what came stays in the error.
func (b *Broker) unheard(c provision.Connection, err error) error {
	var no *idp.Rejected
	if !errors.As(err, &no) {
		return fmt.Errorf("connection %s: %w: %w", c.ID, provision.ErrUnavailable, err)
	}
	b.tally.note(stroke{Kind: provision.EventLogoutProtocol, Tenant: c.Tenant, Connection: c.ID, Reason: no.Check})
	return fmt.Errorf("log-out: %w: %w", &provision.DeniedError{Reason: no.Check, Tenant: c.Tenant}, no.Err)
}

// endNamed ends the sessions that a log-out names. First it notes that they are over, so that no login of them that is under
// way comes after; then it ends what there is; last it uses the message up, so that after a crash the same message can
// be sent again.
func (b *Broker) endNamed(ctx context.Context, c provision.Connection, l idp.Logout) error {
	handles, err := b.named(ctx, c, l.Name, l.Sessions)
	if err != nil {
		return err
	}
	var over []provision.Spent
	if len(l.Sessions) > 0 {
		over = b.over(c, handles)
	}
	if err := b.spend(ctx, over, l.Spend); err != nil {
		return err
	}
	unnamed, err := b.unnamed(ctx, c, l.Name)
	if err != nil {
		return err
	}
	handles = append(handles, unnamed...)
	for _, handle := range handles {
		if err := b.endHandled(ctx, c, handle); err != nil {
			return err
		}
	}
	if err := b.spend(ctx, []provision.Spent{l.Spend}, l.Spend); err != nil {
		return err
	}
	b.settledAll(ctx) // also what a process ended that was killed before the others had heard
	return nil
}

// spend writes what is used up and not yet noted, unless once was used before: then it is a refusal.
func (b *Broker) spend(ctx context.Context, used []provision.Spent, once provision.Spent) error {
	_, err := b.amend(ctx, provision.Target{Spend: append(slices.Clone(used), once)}, func(s provision.State) (provision.Change, error) {
		there := func(x provision.Spent) bool {
			return slices.ContainsFunc(s.Spent, func(y provision.Spent) bool { return y.Kind == x.Kind && y.Scope == x.Scope && y.ID == x.ID })
		}
		if there(once) {
			return provision.Change{}, &provision.DeniedError{Reason: provision.Replayed}
		}
		return provision.Change{Spent: slices.DeleteFunc(slices.Clone(used), there)}, nil
	})
	return err
}

// endHandled ends every lease that remembers a handle.
func (b *Broker) endHandled(ctx context.Context, c provision.Connection, handle string) error {
	for {
		found, err := b.Upstreams.Handled(ctx, handle, reapBatch)
		if err != nil || len(found) == 0 {
			return err
		}
		err = b.write(ctx, found, func(id provision.LeaseID, s provision.State, ids provision.IDs) provision.Change {
			return b.endedUpstream(id, s, ids, c.ID, provision.CauseUpstreamLogout)
		})
		if err != nil || len(found) < reapBatch {
			return err
		}
	}
}

// endedUpstream is the end of a lease for what its identity provider said, or did not say. A lease that is not there any
// more loses what it remembers.
func (b *Broker) endedUpstream(id provision.LeaseID, s provision.State, ids provision.IDs, c provision.ConnectionID, cause provision.Cause) provision.Change {
	if l := s.Former.Lease; l.Connection != c || !l.EndedAt.IsZero() {
		return provision.Change{Upstreams: []provision.Upstream{{Lease: id}}}
	}
	end := provision.End{Leases: []provision.LeaseID{id}, Cause: cause, Actor: provision.Actor{Kind: provision.System, ID: string(c), Via: "identity provider"}}
	return provision.EndLeases(s.OfFormer(), end, ids, b.Ledger.Now())
}

// write changes leases in one commit. Memory forgets those that ended, whether the commit is known to have happened or not.
func (b *Broker) write(ctx context.Context, leases []provision.LeaseID, change func(provision.LeaseID, provision.State, provision.IDs) provision.Change) error {
	draws := make(map[provision.LeaseID]provision.IDs, len(leases))
	for _, id := range leases {
		var err error
		if draws[id], err = b.ids(); err != nil {
			return err
		}
	}
	changes, touched := make(map[provision.LeaseID]provision.Change, len(leases)), make(map[provision.LeaseID][]provision.LeaseID, len(leases))
	news := provision.NewsID(draw())
	err := b.Ledger.End(ctx, leases, func(id provision.LeaseID, s provision.State) provision.Change {
		c := change(id, s, draws[id])
		if len(c.Events) > 0 { // without one nothing ended, and nobody has to forget anything
			touched[id] = altered(c, s)
			b.inform(&c, touched[id], news)
		}
		changes[id] = c
		return c
	})
	for id, c := range changes {
		if len(c.Events) > 0 {
			b.forget(c, touched[id])
		}
		if err == nil {
			b.countEnded(c)
		}
	}
	return err
}

// recall notes in a request what a lease would remember of its session upstream, and which sessions must not be over.
func (b *Broker) recall(ctx context.Context, r *provision.Request, c provision.Connection, s provision.UpstreamSession) error {
	if s.IsZero() || c.ID == "" {
		return nil
	}
	ofPerson, err := b.named(ctx, c, s.Matched, nil)
	if err != nil {
		return err
	}
	ofSessions, err := b.named(ctx, c, s.Matched, s.Indexes)
	if len(s.Indexes) == 0 && err == nil {
		ofSessions, err = b.unnamed(ctx, c, s.Matched)
	}
	if err != nil {
		return err
	}
	var nameless []string
	if c.Protocol == provision.OIDC { // whose log-outs may name a session alone
		if nameless, err = b.named(ctx, c, "", s.Indexes); err != nil {
			return err
		}
	}
	r.Upstream.Session = s
	r.Upstream.Handles = slices.Concat(ofPerson, ofSessions, nameless)
	slices.Sort(r.Upstream.Handles)
	r.Upstream.Handles = slices.Compact(r.Upstream.Handles)
	if len(s.Indexes) > 0 {
		r.Over = b.over(c, append(ofSessions, nameless...))
	}
	if c.Liveness.On() {
		r.Asks = b.Ledger.Now().Add(jittered(c.Liveness.Every))
	}
	return nil
}

// over are sessions as spent things: what is noted when they end, and asked about when one logs somebody in.
func (b *Broker) over(c provision.Connection, handles []string) []provision.Spent {
	all := make([]provision.Spent, len(handles))
	for i, handle := range handles {
		all[i] = provision.Spent{Kind: provision.LoggedOut, Scope: string(c.ID), ID: handle, Until: b.Now().Add(loggedOutFor)}
	}
	return all
}

// named are the handles of sessions of somebody, or with none the one of all that somebody has there. Without a name,
// they are those of sessions whose person is not said.
func (b *Broker) named(ctx context.Context, c provision.Connection, name string, sessions []string) ([]string, error) {
	secret, err := b.Keys.Named(ctx, pseudonymKeyName(c.Tenant))
	if err != nil {
		return nil, err
	}
	handle := func(parts ...string) string {
		mac := hmac.New(sha256.New, secret)
		for _, part := range append([]string{"upstream", string(c.ID)}, parts...) {
			fmt.Fprintf(mac, "%d:%s", len(part), part)
		}
		return fmt.Sprintf("%x", mac.Sum(nil)[:16])
	}
	if len(sessions) == 0 {
		if name == "" {
			return nil, nil
		}
		return []string{handle("person", name)}, nil
	}
	handles := make([]string, len(sessions))
	for i, session := range sessions {
		handles[i] = handle("session", name, session)
	}
	return handles, nil
}

// unnamed is the handle of sessions of somebody that nobody named: none of them is known not to be the one that ended.
func (b *Broker) unnamed(ctx context.Context, c provision.Connection, name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	return b.named(ctx, c, name, []string{""}) // no protocol lets a session have that name
}

// upstream is what a live lease remembers of its session, and the lease. ErrNotFound: nothing.
func (b *Broker) upstream(ctx context.Context, id provision.LeaseID) (provision.UpstreamSession, provision.Upstream, provision.Lease, error) {
	var none provision.UpstreamSession
	u, err := b.Upstreams.Upstream(ctx, id)
	if err != nil {
		return none, u, provision.Lease{}, err
	}
	s, err := b.Ledger.Lease(ctx, id)
	if err != nil {
		return none, u, s.Lease, err
	}
	kept, err := b.Keys.openUpstream(u, s.Account.Key)
	if err == nil && kept.UpstreamSession.IsZero() {
		err = provision.ErrNotFound
	}
	u.Whence = kept.Whence // for whoever writes it again
	return kept.UpstreamSession, u, s.Lease, err
}

// whence is where a lease of an account with that key began; zero when nobody knows, because it began before that was kept.
func (b *Broker) whence(ctx context.Context, id provision.LeaseID, wrapped []byte) (provision.Whence, error) {
	u, err := b.Upstreams.Upstream(ctx, id)
	if errors.Is(err, provision.ErrNotFound) {
		return provision.Whence{}, nil
	}
	if err != nil {
		return provision.Whence{}, err
	}
	kept, err := b.Keys.openUpstream(u, wrapped)
	return kept.Whence, err
}

// kept is what the row beside a lease keeps sealed.
type kept struct {
	provision.UpstreamSession
	Whence provision.Whence `json:",omitzero"`
}

func (k *Keyring) openUpstream(u provision.Upstream, wrapped []byte) (opened kept, err error) {
	aead, err := k.accountKey(u.Account, wrapped)
	if err != nil {
		return opened, err
	}
	plain, err := open(aead, u.Sealed, upstreamName(u.Lease))
	if err != nil {
		return opened, fmt.Errorf("session of lease %s: %w", u.Lease, provision.ErrCorrupt)
	}
	return opened, json.Unmarshal(plain, &opened)
}

// sealUpstream closes what a lease remembers under its account's key. Without one nothing is remembered.
func (k *Keyring) sealUpstream(u provision.Upstream, wrapped []byte) (provision.Upstream, error) {
	if u.Session.IsZero() && u.Whence == (provision.Whence{}) {
		return u, nil
	}
	aead, err := k.accountKey(u.Account, wrapped)
	if err == nil {
		u.Sealed, err = sealValue(aead, kept{u.Session, u.Whence}, upstreamName(u.Lease))
	}
	u.Session, u.Whence = provision.UpstreamSession{}, provision.Whence{}
	return u, err
}

func upstreamName(id provision.LeaseID) string { return "upstream:" + string(id) }
