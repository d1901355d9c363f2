package broker

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"leasehold/provision"
)

// Guide is what the holder of a setup link may do: register one connection of one tenant, step by step, and nothing else.
// A pass is the value of the cookie of the browser that opened the link; it is the only thing that opens a setup again.
type Guide struct {
	*Broker
	Prover *Prover
}

// Looked is a setup link as it looks before it is opened.
type Looked struct {
	Tenant string // its name
	Mine   bool   // this browser opened it already
}

// LookAt is what a setup link says to whoever has it. Nothing is used up by it: programs look at links, too.
func (g *Guide) LookAt(ctx context.Context, token, pass string) (Looked, error) {
	x, err := g.byToken(ctx, token)
	if err != nil {
		return Looked{}, err
	}
	t, err := g.Registry.Tenant(ctx, x.Tenant)
	if err != nil {
		return Looked{}, err
	}
	l := Looked{Tenant: t.Name}
	if l.Mine = x.Browser != ""; l.Mine && !heldBy(x, pass) {
		return Looked{}, g.strange(x, provision.SetupOtherBrowser)
	}
	return l, nil
}

// Open binds the setup to the browser that asks: the pass that comes back is its, and nobody else's from then on.
func (g *Guide) Open(ctx context.Context, token string, from provision.Requester) (pass string, x provision.Setup, err error) {
	x, err = g.byToken(ctx, token)
	if err != nil {
		return "", x, err
	}
	if x.Browser != "" {
		return "", x, g.strange(x, provision.SetupOtherBrowser)
	}
	pass, hash, err := newPass(x.ID)
	if err != nil {
		return "", x, err
	}
	_, err = g.write(ctx, x, from, func(s provision.State, a provision.Act) (provision.Change, error) {
		return provision.OpenSetup(s, hash, a)
	})
	if errors.Is(err, provision.ErrConflict) { // two who opened it at once: the other one has it
		err = g.strange(x, provision.SetupOtherBrowser)
	}
	return pass, x, err
}

// byToken is the setup that a token opens, as long as it does.
func (g *Guide) byToken(ctx context.Context, token string) (provision.Setup, error) {
	if g.Setups == nil || len(token) > 100 {
		return provision.Setup{}, &provision.DeniedError{Reason: provision.SetupUnknown}
	}
	return g.live(ctx, provision.SetupOf(token))
}

func (g *Guide) live(ctx context.Context, id provision.SetupID) (provision.Setup, error) {
	x, err := g.Setups.Setup(ctx, id)
	switch {
	case errors.Is(err, provision.ErrNotFound):
		return x, &provision.DeniedError{Reason: provision.SetupUnknown}
	case err != nil:
		return x, err
	}
	stands, err := g.stands(ctx, x)
	switch {
	case err != nil:
		return provision.Setup{}, err
	case !stands:
		return provision.Setup{}, g.strange(x, provision.SetupUnknown)
	}
	return x, nil
}

// errLooked ends a look at the ledger: nothing is written.
var errLooked = errors.New("only looked")

// stands reports whether a setup and all that it hangs on still stand, as one snapshot.
func (g *Guide) stands(ctx context.Context, x provision.Setup) (stands bool, err error) {
	_, err = g.Ledger.Amend(ctx, provision.Target{Tenant: x.Tenant, Setup: x.ID}, func(s provision.State) (provision.Change, error) {
		stands = s.Setup.Stands(s.Tenant, s.Installation, g.Ledger.Now())
		return provision.Change{}, errLooked
	})
	if errors.Is(err, errLooked) {
		err = nil
	}
	return stands && err == nil, err
}

// strange notes that somebody tried a setup's link in vain: one event a setup's tenant, reason and minute.
func (g *Guide) strange(x provision.Setup, reason provision.Reason) error {
	g.tally.note(stroke{Kind: provision.EventSetup, Tenant: x.Tenant, Connection: x.Connection, Reason: reason})
	return &provision.DeniedError{Reason: reason, Tenant: x.Tenant}
}

// passBytes are the name of a setup and a secret of 256 bits.
const passBytes = 16 + 32

func newPass(id provision.SetupID) (pass, hash string, err error) {
	room := make([]byte, passBytes)
	if _, err := hex.Decode(room, []byte(strings.TrimPrefix(string(id), "setup_"))); err != nil {
		return "", "", fmt.Errorf("setup %s: %w", id, provision.ErrCorrupt)
	}
	if _, err := rand.Read(room[16:]); err != nil {
		return "", "", err
	}
	return base64.RawURLEncoding.EncodeToString(room), hashOf(room[16:]), nil
}

func hashOf(secret []byte) string {
	sum := sha256.Sum256(secret)
	return hex.EncodeToString(sum[:])
}

// readPass is the setup that a pass names, and its secret's hash.
func readPass(pass string) (id provision.SetupID, hash string, ok bool) {
	room, err := base64.RawURLEncoding.DecodeString(pass)
	if err != nil || len(room) != passBytes {
		return "", "", false
	}
	return provision.SetupID("setup_" + hex.EncodeToString(room[:16])), hashOf(room[16:]), true
}

func heldBy(x provision.Setup, pass string) bool {
	id, hash, ok := readPass(pass)
	return ok && id == x.ID && x.Browser != "" && subtle.ConstantTimeCompare([]byte(hash), []byte(x.Browser)) == 1
}

// held is the setup of the browser that holds a pass.
func (g *Guide) held(ctx context.Context, pass string) (provision.Setup, error) {
	id, _, ok := readPass(pass)
	if !ok || g.Setups == nil {
		return provision.Setup{}, &provision.DeniedError{Reason: provision.SetupUnknown}
	}
	x, err := g.live(ctx, id)
	if err == nil && !heldBy(x, pass) {
		err = g.strange(x, provision.SetupOtherBrowser)
	}
	if err != nil {
		return provision.Setup{}, err
	}
	return x, nil
}

// acting is the setup of the browser that holds a pass, for one more act: whoever has a link does not fill the ledger.
func (g *Guide) acting(ctx context.Context, pass string) (provision.Setup, error) {
	x, err := g.held(ctx, pass)
	if err == nil {
		err = g.acts.keeps(string(x.ID), x.Tenant, g.Now())
	}
	if err != nil {
		return provision.Setup{}, err
	}
	return x, nil
}

// write does one step of a setup, on its own behalf.
func (g *Guide) write(ctx context.Context, x provision.Setup, from provision.Requester, step func(provision.State, provision.Act) (provision.Change, error)) (provision.Change, error) {
	a, err := g.act(Deed{Actor: x.Actor(), Requester: from})
	if err != nil {
		return provision.Change{}, err
	}
	return g.amendSetup(ctx, x, func(s provision.State) (provision.Change, error) {
		if s.Setup.Revision != x.Revision { // another tab was faster
			return provision.Change{}, fmt.Errorf("setup %s was changed meanwhile: %w", x.ID, provision.ErrConflict)
		}
		return step(s, a)
	})
}

// Progress is how far a setup has come.
type Progress struct {
	Setup      provision.Setup
	Tenant     provision.Tenant
	Connection provision.Connection // zero: none is made yet
	Claims     []Showing            // of the tenant
	Trial      *Trial               // the last test login; nil: there is none, or it was forgotten
	URL        string               // of the SSO host
}

// Progress is that of the browser that holds a pass.
func (g *Guide) Progress(ctx context.Context, pass string) (p Progress, err error) {
	p.URL = g.URL.String()
	if p.Setup, err = g.held(ctx, pass); err != nil {
		return p, err
	}
	if p.Tenant, err = g.Registry.Tenant(ctx, p.Setup.Tenant); err != nil {
		return p, err
	}
	if p.Connection, err = g.Registry.Connection(ctx, p.Setup.Connection); err != nil && !errors.Is(err, provision.ErrNotFound) {
		return p, err
	}
	claims, err := g.Registry.Claims(ctx, provision.Page{Tenant: p.Setup.Tenant})
	if err != nil {
		return p, err
	}
	for _, c := range claims {
		if !c.Withdrawn() {
			p.Claims = append(p.Claims, g.Prover.showing(c))
		}
	}
	t, err := g.trial(ctx, string(p.Setup.ID))
	switch {
	case errors.Is(err, provision.ErrNotFound):
		return p, nil
	case err != nil:
		return p, err
	}
	if !t.forStrangers() {
		t.Found = ""
	}
	if t.Connection == p.Setup.Connection {
		p.Trial = &t
	}
	return p, nil
}

// Vendor notes whose make the identity provider is, and what it is to speak.
func (g *Guide) Vendor(ctx context.Context, pass, vendor string, p provision.Protocol, from provision.Requester) error {
	x, err := g.acting(ctx, pass)
	if err != nil || x.Vendor == vendor && x.Protocol == p {
		return err
	}
	_, err = g.write(ctx, x, from, func(s provision.State, a provision.Act) (provision.Change, error) {
		return provision.ChooseVendor(s, vendor, p, a)
	})
	return err
}

// Claim says that a domain is the tenant's, which is to be proved by DNS, and lets the connection assert it.
func (g *Guide) Claim(ctx context.Context, pass, name string, from provision.Requester) error {
	x, err := g.acting(ctx, pass)
	if err != nil {
		return err
	}
	d, err := provision.ParseDomain(strings.TrimSpace(name))
	if err != nil {
		return &SetupError{"That is no domain that can be proved.", err}
	}
	if err := g.newClaim(ctx, x, d, from); err != nil {
		return err
	}
	c, err := g.Registry.Connection(ctx, x.Connection)
	if errors.Is(err, provision.ErrNotFound) {
		return nil // its draft takes the tenant's domains
	}
	if err != nil || c.Asserts(d) {
		return err
	}
	return g.redraft(ctx, x, from, func(c *provision.Connection) { c.Domains = append(c.Domains, d) })
}

// Check looks for the proof of one of the tenant's domains now, unless somebody has just looked, and says which resolver
// sees what.
func (g *Guide) Check(ctx context.Context, pass string, d provision.Domain) ([]Look, error) {
	x, err := g.acting(ctx, pass)
	if err != nil {
		return nil, err
	}
	shown, err := g.Prover.Show(ctx, x.Tenant, d)
	if err != nil || g.Ledger.Now().Sub(shown.Claim.LastTried) < proofPause {
		return nil, err
	}
	if _, err := g.Prover.Check(ctx, Deed{Actor: x.Actor()}, x.Tenant, d); err != nil && !errors.Is(err, provision.ErrConflict) {
		return nil, err
	}
	return g.Prover.Looks(ctx, shown.Claim), nil
}

// Test begins a login that is only tried, at the connection as it is.
func (g *Guide) Test(ctx context.Context, pass, back string, w Wish) (Departure, error) {
	x, err := g.acting(ctx, pass)
	if err != nil {
		return Departure{}, err
	}
	w.Connection, w.Email, w.Fresh, w.setup = x.Connection, "", true, ""
	w.try = &trying{name: string(x.ID), back: back, by: x.ID, mark: x.Actor()}
	return g.Begin(ctx, w)
}

// Paste judges a response that somebody pasted. It shows what is wrong; only a real test login shows that nothing is.
func (g *Guide) Paste(ctx context.Context, pass, pasted string, from provision.Requester) error {
	x, err := g.acting(ctx, pass)
	if err != nil {
		return err
	}
	c, err := g.Registry.Connection(ctx, x.Connection)
	if err != nil {
		return err
	}
	return g.paste(ctx, c, &trying{name: string(x.ID), by: x.ID, mark: x.Actor()}, pasted, from)
}

// Enable enables the connection as it was tested.
func (g *Guide) Enable(ctx context.Context, pass string, from provision.Requester) error {
	x, err := g.acting(ctx, pass)
	if err != nil {
		return err
	}
	_, err = g.write(ctx, x, from, provision.EnableSetup)
	return err
}

// Undo disables the connection again, and ends what came by it.
func (g *Guide) Undo(ctx context.Context, pass string, from provision.Requester) error {
	x, err := g.acting(ctx, pass)
	if err != nil {
		return err
	}
	id := provision.RevocationID("rev_" + draw())
	_, err = g.write(ctx, x, from, func(s provision.State, a provision.Act) (provision.Change, error) {
		return provision.UndoSetup(s, id, a)
	})
	return err
}

// Restart begins another connection in the place of one that was enabled and disabled again.
func (g *Guide) Restart(ctx context.Context, pass string, from provision.Requester) error {
	x, err := g.acting(ctx, pass)
	if err != nil {
		return err
	}
	next := freshConnection(x.Tenant)
	_, err = g.write(ctx, x, from, func(s provision.State, a provision.Act) (provision.Change, error) {
		return provision.RestartSetup(s, next, a)
	})
	return err
}

// FirstLogin begins a real login by the connection, which carries the setup's invitation and leads back to a path.
func (g *Guide) FirstLogin(ctx context.Context, pass, back string, w Wish) (Departure, error) {
	x, err := g.acting(ctx, pass)
	if err != nil {
		return Departure{}, err
	}
	w.Connection, w.Email, w.Fresh, w.setup, w.try = x.Connection, "", true, x.ID, nil
	w.Path = back
	return g.Begin(ctx, w)
}

// Accept makes the person who came in by the invitation, and whose session this is, the tenant's administrator. The setup
// is over then.
func (g *Guide) Accept(ctx context.Context, pass, session string, from provision.Requester) error {
	x, err := g.acting(ctx, pass)
	if err != nil {
		return err
	}
	who, err := g.Session(ctx, session, g.URL)
	if err != nil {
		return err
	}
	a, err := g.act(Deed{Actor: x.Actor(), Requester: from})
	if err != nil {
		return err
	}
	_, err = g.amendRegistered(ctx, provision.Target{Lease: who.Lease.ID, Setup: x.ID}, func(s provision.State) (provision.Change, error) {
		return provision.AcceptOffice(s, a)
	})
	return err
}

// Here is the account whose session a browser holds, if it is the one that came in by the setup's invitation.
func (g *Guide) Here(ctx context.Context, x provision.Setup, session string) (provision.Account, bool) {
	who, err := g.Session(ctx, session, g.URL)
	return who.Account, err == nil && x.Account != "" && who.Account.ID == x.Account
}
