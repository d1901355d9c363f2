package setup

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web"
)

// door is what a link shows before it is opened. Looking uses nothing up: programs that look through mail do, too.
func (t turn) door() error {
	looked, err := t.guide.LookAt(t.r.Context(), t.r.PathValue("token"), t.pass)
	if err != nil {
		return err
	}
	if looked.Mine {
		return move(t.w, root)
	}
	t.w.Header().Set("Referrer-Policy", "no-referrer") // the address is the secret
	return t.show(http.StatusOK, "door", "Set up single sign-on", shown{Data: looked})
}

// open binds the link to this browser.
func (t turn) open() error {
	fresh, x, err := t.guide.Open(t.r.Context(), t.r.PathValue("token"), t.v.From)
	if err != nil {
		return err
	}
	web.SetCookie(t.w, cookiePass, fresh, max(1, int(x.Expires.Sub(t.now()).Seconds())))
	return move(t.w, root)
}

// overview leads to the step that comes next.
func (t turn) overview() error {
	s, err := t.view()
	if err != nil {
		return err
	}
	return move(t.w, root+s.Next)
}

// step shows one step's page.
func step(name string) func(turn) error {
	return func(t turn) error { return t.page(http.StatusOK, name, nil) }
}

// page shows a step's page, perhaps with what is wrong.
func (t turn) page(status int, name string, wrong *broker.SetupError) error {
	s, err := t.view()
	if err != nil {
		return err
	}
	s.Step = name
	return t.show(status, name, titleOf(name), shown{View: s, Wrong: wrong})
}

// did leads on after a form did something, or shows the form's page again with what is wrong.
func (t turn) did(err error, here, next string) error {
	var wrong *broker.SetupError
	switch {
	case err == nil:
		return move(t.w, root+next)
	case errors.As(err, &wrong):
	case errors.Is(err, provision.ErrConflict):
		wrong = &broker.SetupError{Say: "That does not go now.", Err: err}
	default:
		return err
	}
	return t.page(http.StatusConflict, here, wrong)
}

func (t turn) chooseVendor() error {
	chosen := guideOf(t.r.PostForm.Get("vendor"))
	p := provision.Protocol(protocolOf(t.r.PostForm.Get("protocol")))
	return t.did(t.guide.Vendor(t.r.Context(), t.pass, chosen.Key, p, t.v.From), "vendor", "provider")
}

// draftSAML takes metadata by address, file or paste; the first of them that there is.
func (t turn) draftSAML() error {
	if _, err := t.view(); err != nil { // nothing is read for whoever has no pass
		return err
	}
	if err := t.r.ParseMultipartForm(maxPosted); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return t.did(&broker.SetupError{Say: "That is too large, or cannot be read.", Err: err}, "provider", "")
	}
	d := broker.SAMLDraft{URL: strings.TrimSpace(t.r.PostForm.Get("url")), Document: []byte(strings.TrimSpace(t.r.PostForm.Get("metadata")))}
	if d.URL == "" && len(d.Document) == 0 {
		d.Document = posted(t.r, "file")
	}
	if d.URL == "" && len(d.Document) == 0 {
		return t.did(&broker.SetupError{Say: "Nothing was given.", Err: errors.New("give the address of the metadata, or the file, or paste it")}, "provider", "")
	}
	return t.did(t.guide.DraftSAML(t.r.Context(), t.pass, d, t.v.From), "provider", "domain")
}

// posted is a file of a form; empty when there is none.
func posted(r *http.Request, name string) []byte {
	file, _, err := r.FormFile(name)
	if err != nil {
		return nil
	}
	defer file.Close()
	document, _ := io.ReadAll(io.LimitReader(file, maxPosted)) // what is cut off is no metadata
	return document
}

func (t turn) draftOIDC() error {
	f := t.r.PostForm
	d := broker.OIDCDraft{Issuer: f.Get("issuer"), ClientID: f.Get("client_id"), Secret: []byte(strings.TrimSpace(f.Get("secret"))), TrustEmail: f.Get("trust_email") != "", Entra: f.Get("entra") != ""}
	return t.did(t.guide.DraftOIDC(t.r.Context(), t.pass, d, t.v.From), "provider", "domain")
}

// domain shows the domains, and while one waits for its proof looks again each time the page is loaded.
func (t turn) domain() error {
	s, err := t.view()
	if err != nil {
		return err
	}
	seen := map[provision.Domain][]broker.Look{}
	for _, d := range s.Domains {
		if !d.Waits {
			continue
		}
		if seen[d.Domain], err = t.guide.Check(t.r.Context(), t.pass, d.Domain); err != nil {
			return err
		}
		t.w.Header().Set("Refresh", "8")
	}
	if s, err = t.view(); err != nil { // as it is now
		return err
	}
	for i, d := range s.Domains {
		s.Domains[i].Looks = seen[d.Domain]
	}
	s.Step = "domain"
	return t.show(http.StatusOK, s.Step, titleOf(s.Step), shown{View: s})
}

func (t turn) claim() error {
	return t.did(t.guide.Claim(t.r.Context(), t.pass, t.r.PostForm.Get("domain"), t.v.From), "domain", "domain")
}

func (t turn) test() error {
	browser, err := web.Browser(t.w, t.r)
	if err != nil {
		return err
	}
	going, err := t.guide.Test(t.r.Context(), t.pass, testPath, broker.Wish{Browser: browser, Requester: t.v.From})
	return t.leave(going, err, "test")
}

func (t turn) login() error {
	browser, err := web.Browser(t.w, t.r)
	if err != nil {
		return err
	}
	going, err := t.guide.FirstLogin(t.r.Context(), t.pass, root, broker.Wish{Browser: browser, Requester: t.v.From})
	return t.leave(going, err, "admin")
}

// leave sends the browser to the identity provider by a page that says so: browsers hold a redirect after a form to the
// form's own origin.
func (t turn) leave(going broker.Departure, err error, here string) error {
	var denied *provision.DeniedError
	if errors.As(err, &denied) && denied.Reason != provision.SetupUnknown && denied.Reason != provision.SetupOtherBrowser && denied.Reason != provision.RateLimited {
		means, do := denied.Reason.Meaning()
		return t.page(http.StatusConflict, here, &broker.SetupError{Say: means, Err: errors.New(bare(do))})
	}
	if err != nil {
		return err
	}
	t.w.Header().Set("Refresh", "0; url="+going.URL)
	t.w.Header().Set("Referrer-Policy", "no-referrer")
	return t.show(http.StatusOK, "going", "Taking you to your sign-in", shown{Data: going})
}

// response takes a response that somebody pasted.
func (t turn) response() error {
	return t.did(t.guide.Paste(t.r.Context(), t.pass, t.r.PostForm.Get("response"), t.v.From), "test", "test")
}

func (t turn) mapping() error {
	f := t.r.PostForm
	m := broker.Mapping{Email: f.Get("email"), Name: f.Get("name"), Groups: f.Get("groups"), Subject: f.Get("subject")}
	return t.did(t.guide.Map(t.r.Context(), t.pass, m, t.v.From), "test", "test")
}

func (t turn) enable() error {
	return t.did(t.guide.Enable(t.r.Context(), t.pass, t.v.From), "enable", "admin")
}

func (t turn) undo() error {
	return t.did(t.guide.Undo(t.r.Context(), t.pass, t.v.From), "enable", "enable")
}

func (t turn) restart() error {
	return t.did(t.guide.Restart(t.r.Context(), t.pass, t.v.From), "enable", "vendor")
}

// accept takes the office, and with it the setup is over.
func (t turn) accept() error {
	if err := t.guide.Accept(t.r.Context(), t.pass, t.v.Token, t.v.From); err != nil {
		return err
	}
	web.SetCookie(t.w, cookiePass, "", -1)
	return move(t.w, root+"done")
}

func (t turn) done() error {
	return t.show(http.StatusOK, "done", "You are the administrator", shown{})
}
