package setup

import (
	"cmp"
	"strings"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// view is a setup as its pages show it.
type view struct {
	broker.Progress
	Guide    vendorGuide
	Protocol string // that the page is about
	Given    given
	Step     string // that is shown
	Next     string // that comes next
	Steps    []stepView
	Values   []valueRow
	Domains  []domainView
	Checks   []broker.TrialLine
	Hints    []string
	Warnings []string
	Means    string // of the test's reason
	Do       string
	Options  []option // of a mapping
	Mapped   broker.Mapping
	Account  provision.Account // of this browser's session, when it came in by the invitation
}

// given is what stands in the fields about the provider.
type given struct{ URL, Issuer, ClientID string }

// stepView is one step in the list of all.
type stepView struct {
	Name, Title string
	Done, Now   bool
}

// valueRow is one value to copy to the provider.
type valueRow struct{ Label, Value string }

// domainView is a claim, and what became of looking for its proof.
type domainView struct {
	broker.Showing
	Domain provision.Domain
	Proved bool
	Waits  bool   // it is looked for again each time the page is loaded
	Says   string // what was found last
	Looks  []broker.Look
}

// option is one thing that the last test login said, to choose for a mapping.
type option struct{ Name, Sample string }

func stepNames() []string { return []string{"vendor", "provider", "domain", "test", "enable", "admin"} }

// titleOf is the title of a step's page.
func titleOf(step string) string {
	return map[string]string{
		"vendor": "Your identity provider", "provider": "Connect it", "domain": "Prove your domain", "test": "Test login",
		"enable": "Enable", "admin": "Become the administrator",
	}[step]
}

// view reads how far the setup of this browser has come.
func (t turn) view() (view, error) {
	progress, err := t.guide.Progress(t.r.Context(), t.pass)
	if err != nil {
		return view{}, err
	}
	s := view{Progress: progress, Guide: guideOf(progress.Setup.Vendor)}
	s.Account, _ = t.guide.Here(t.r.Context(), progress.Setup, t.v.Token)
	s.Protocol = protocolOf(cmp.Or(t.r.FormValue("by"), string(progress.Setup.Protocol), string(progress.Connection.Protocol)))
	s.Given = given{progress.Connection.MetadataURL, progress.Connection.Issuer, progress.Connection.ClientID}
	if f := t.r.PostForm; f.Get("by") != "" { // what was not taken is not to be typed again
		s.Given = given{f.Get("url"), f.Get("issuer"), f.Get("client_id")}
	}
	s.domains()
	s.values()
	s.checks()
	s.options()
	s.next()
	return s, nil
}

// next is the first step that is not done.
func (s *view) next() {
	c := s.Connection
	proved := false
	for _, d := range s.Domains {
		proved = proved || d.Proved
	}
	done := map[string]bool{
		"vendor": s.Setup.Vendor != "", "provider": c.ID != "", "domain": proved && c.ID != "", "test": s.Setup.Tested != 0 || c.ID != "" && !c.Disabled,
		"enable": c.ID != "" && !c.Disabled,
	}
	for _, name := range stepNames() {
		if s.Next == "" && !done[name] {
			s.Next = name
		}
		s.Steps = append(s.Steps, stepView{name, titleOf(name), done[name], name == s.Next})
	}
}

// Enabled reports whether the connection is in force.
func (s view) Enabled() bool { return s.Connection.ID != "" && !s.Connection.Disabled }

// Tested reports whether the connection may be enabled as it is.
func (s view) Tested() bool { return s.Setup.Tested != 0 && s.Setup.Tested == s.Connection.Revision }

// values are what the provider has to be told, with its own names for them.
func (s *view) values() {
	at := s.URL + "/idp/" + string(s.Setup.Connection)
	if s.Protocol == string(provision.OIDC) {
		s.Values = []valueRow{{s.Guide.Redirect, at + "/callback"}}
		return
	}
	s.Values = []valueRow{{s.Guide.EntityID, at + "/metadata"}, {s.Guide.ACS, at + "/acs"}}
}

func (s *view) domains() {
	for _, c := range s.Claims {
		d := domainView{Showing: c, Domain: c.Claim.Domain, Proved: c.Claim.State == provision.ClaimVerified}
		d.Waits = c.Claim.State == provision.ClaimPending && c.Name != ""
		d.Says = saysOf(c.Claim)
		s.Domains = append(s.Domains, d)
	}
}

// saysOf is what was found when a claim's proof was looked for last.
func saysOf(c provision.Claim) string {
	switch {
	case c.Proof != provision.ProofDNS:
		return "Whoever runs this service has vouched for it."
	case c.LastTried.IsZero():
		return "Nobody has looked yet."
	}
	return map[provision.Answer]string{
		provision.Proved: "The record is there.", provision.Absent: "The name answers, without this record.", provision.Wildcard: "The record is there, but under every other name, too: a wildcard proves nothing.",
		provision.Foreign: "The record is there, but another organisation owns the domain here.", provision.Unknown: "Nobody could tell: the domain’s name servers did not answer.",
	}[c.Answer]
}

// checks shows what the last test login stood up to.
func (s *view) checks() {
	if s.Trial == nil {
		return
	}
	t := *s.Trial
	s.Checks = t.Lines()
	s.Means, s.Do = t.Reason.Meaning()
	s.Hints = provision.VendorCalled(s.Setup.Vendor).Advise(t.Reason)
	s.Warnings = broker.SubjectWarnings(t, s.Connection)
}

// options are what the last test login said that can be chosen for a mapping.
func (s *view) options() {
	if s.Trial == nil {
		return
	}
	for _, c := range s.Trial.Claims {
		if c.Name != "NameID" {
			s.Options = append(s.Options, option{c.Name, strings.Join(c.Values, ", ")})
		}
	}
	a := s.Connection.Attributes
	s.Mapped = broker.Mapping{Email: a["email"], Name: a["name"], Groups: a["groups"], Subject: s.Connection.Subject}
}

// SubjectBy is how a subject is chosen by the name of an attribute or a claim.
func (s view) SubjectBy(name string) string {
	if s.Connection.Protocol == provision.OIDC {
		return "claim:" + name
	}
	return "attribute:" + name
}

// When is t for people; "" when it never was.
func (s view) When(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return date(t)
}

// Guides are the makes to choose from.
func (view) Guides() []vendorGuide { return guides() }

// Todo is what to do at the provider, by protocol.
func (s view) Todo() map[string][]string {
	return map[string][]string{string(provision.SAML): s.Guide.SAML, string(provision.OIDC): s.Guide.OIDC}
}

// field is one fact, and what it may be taken from.
type field struct {
	Key, Label string
	Choices    []choice
}

// choice is one thing that a fact may be taken from.
type choice struct {
	Value, Text string
	Chosen      bool
}

// Fields are the facts of a mapping, with what the last test login said as choices.
func (s view) Fields() []field {
	own := "nameid"
	text := "the NameID"
	if s.Connection.Protocol == provision.OIDC {
		own, text = "sub", "the claim sub"
	}
	subject := field{"subject", "Subject: what people are known by, for good", []choice{{own, text, s.Mapped.Subject == own || s.Mapped.Subject == ""}}}
	if s.Mapped.Subject == "tid+oid" || s.Guide.Entra && s.Connection.Protocol == provision.OIDC {
		subject.Choices = append(subject.Choices, choice{"tid+oid", "directory and object id (tid and oid)", s.Mapped.Subject == "tid+oid"})
	}
	for _, o := range s.Options {
		subject.Choices = append(subject.Choices, choice{s.SubjectBy(o.Name), o.Text(), s.Mapped.Subject == s.SubjectBy(o.Name)})
	}
	return []field{s.fact("email", "E-mail address", s.Mapped.Email), s.fact("name", "Name", s.Mapped.Name), s.fact("groups", "Groups", s.Mapped.Groups), subject}
}

func (s view) fact(key, label, mapped string) field {
	f := field{key, label, []choice{{"", "where it usually stands", mapped == ""}}}
	there := mapped == ""
	for _, o := range s.Options {
		f.Choices = append(f.Choices, choice{o.Name, o.Text(), o.Name == mapped})
		there = there || o.Name == mapped
	}
	if !there { // what is mapped did not come this time
		f.Choices = append(f.Choices, choice{mapped, mapped, true})
	}
	return f
}

// Text is an option with what stood there.
func (o option) Text() string {
	sample := o.Sample
	if len(sample) > 60 {
		sample = strings.ToValidUTF8(sample[:60], "") + "…"
	}
	return o.Name + " = " + sample
}
