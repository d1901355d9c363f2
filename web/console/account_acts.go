package console

import (
	"slices"

	"leasehold/broker"
	"leasehold/provision"
)

// accountAct is something that is done about an account.
type accountAct struct {
	name, title string
	text        string
	danger, why bool
	typed       bool // its e-mail address has to be typed
	fields      func(v *visit, x broker.Person) []field
	offered     func(v *visit, x broker.Person) bool
	right       broker.Right // to one of broker.AccountVerbs; "": do says what is done
	do          func(v *visit, o broker.Order, id provision.AccountID) (provision.Account, error)
}

// needs is the right to an act.
func (a accountAct) needs() broker.Right {
	switch {
	case a.right != "":
		return a.right
	case a.name == "dismiss":
		return "accounts.appoint"
	}
	return broker.Right("accounts." + a.name)
}

// in offers an act for accounts in some states.
func in(states ...provision.AccountState) func(*visit, broker.Person) bool {
	return func(_ *visit, x broker.Person) bool { return slices.Contains(states, x.Account.State) }
}

// was offers an act for accounts in a state, and for those that were deleted in it.
func was(state provision.AccountState) func(*visit, broker.Person) bool {
	return func(_ *visit, x broker.Person) bool {
		return x.Account.State == state || x.Account.State == provision.Deleted && x.Account.Before == state
	}
}

// accountActs is everything that can be done about an account.
func accountActs() []accountAct {
	const pending, active, dormant, suspended, revoked = provision.Pending, provision.Active, provision.Dormant, provision.Suspended, provision.Revoked
	return append([]accountAct{
		{name: "end", title: "End all sessions", text: "Every session of this account ends now, in every app. The next login begins a new one.", danger: true,
			offered: func(_ *visit, x broker.Person) bool { return len(x.Leases) > 0 }, right: "accounts.end"},
		{name: "approve", title: "Approve", text: "The account is let in at its next login. It needs a sign-in first.", offered: in(pending), right: "accounts.approve"},
		{name: "suspend", title: "Suspend", text: "Every session ends now, and nobody logs in to the account until you release it.", danger: true, offered: in(pending, active, dormant), right: "accounts.suspend"},
		{name: "release", title: "Release", text: "The suspension is lifted. Nobody is let in by it: a new login is needed.", offered: was(suspended), right: "accounts.release"},
		{name: "revoke", title: "Revoke", text: "Every session ends now, and the account is closed for good, unless you restore it by name.", danger: true, why: true, offered: in(pending, active, dormant, suspended), right: "accounts.revoke"},
		{name: "restore", title: "Restore", text: "The revocation is lifted. The next login resumes the account.", why: true, offered: was(revoked), right: "accounts.restore"},
		{name: "delete", title: "Delete and erase", text: "Every session ends now, and the personal data of the account are erased: its name, its addresses, its sign-ins, and what the audit holds of them. This cannot be undone.",
			danger: true, why: true, typed: true, offered: in(pending, active, dormant, suspended, revoked), right: "accounts.delete"},
	}, moreActs()...)
}

// moreActs are those about sign-ins and offices.
func moreActs() []accountAct {
	living := in(provision.Pending, provision.Active, provision.Dormant)
	return []accountAct{
		{name: "link", title: "Add a sign-in", text: "Whoever signs in with this subject at this connection is let in to the account. Be sure that it is the same person.",
			offered: in(provision.Pending, provision.Active, provision.Dormant, provision.Suspended), fields: linkFields,
			do: func(v *visit, o broker.Order, id provision.AccountID) (provision.Account, error) {
				return v.desk.LinkAccount(v.r.Context(), o, id, v.key())
			}},
		{name: "unlink", title: "Remove a sign-in", text: "Whoever signs in with it is not let in to this account any more. Sessions that began with it end.", danger: true,
			offered: func(_ *visit, x broker.Person) bool { return len(x.Links) > 0 }, fields: linkFields,
			do: func(v *visit, o broker.Order, id provision.AccountID) (provision.Account, error) {
				return v.desk.UnlinkAccount(v.r.Context(), o, id, v.key())
			}},
		{name: "appoint", title: "Appoint", text: "The account is given an office: of an administrator of its tenant, or of an operator, who administers all of them.", danger: true, offered: living,
			fields: officeFields, do: func(v *visit, o broker.Order, id provision.AccountID) (provision.Account, error) {
				return v.desk.Appoint(v.r.Context(), o, id, provision.Office(v.form("office")), true)
			}},
		{name: "dismiss", title: "Dismiss", text: "The office is taken from the account, at once.", danger: true,
			offered: func(_ *visit, x broker.Person) bool { return len(x.Account.Offices) > 0 },
			fields:  officeFields, do: func(v *visit, o broker.Order, id provision.AccountID) (provision.Account, error) {
				return v.desk.Appoint(v.r.Context(), o, id, provision.Office(v.form("office")), false)
			}},
	}
}

// key is the sign-in that the form names.
func (v *visit) key() provision.LinkKey {
	return provision.LinkKey{Connection: provision.ConnectionID(v.form("connection")), Subject: v.r.PostForm.Get("subject")}
}

func linkFields(v *visit, _ broker.Person) []field {
	return []field{
		{Name: "connection", Label: "Connection", Hint: "Its id, as the list of connections has it.", Value: v.query("connection")},
		{Name: "subject", Label: "Subject", Hint: "What the identity provider calls this person: the NameID, or sub.", Value: v.r.URL.Query().Get("subject")},
	}
}

func officeFields(v *visit, _ broker.Person) []field {
	choices := []string{string(provision.TenantAdminOffice)}
	if v.m.Everywhere {
		choices = append(choices, string(provision.OperatorOffice))
	}
	return []field{{Name: "office", Label: "Office", Choices: choices, Value: v.query("office")}}
}

// accountAct is the account that an address names, with what is to be done about it.
func (c *Console) accountAct(v *visit) (accountAct, broker.Person, question, error) {
	x, err := v.desk.Account(v.r.Context(), v.m, provision.AccountID(v.id()))
	if err != nil {
		return accountAct{}, x, question{}, err
	}
	acts := accountActs()
	at := slices.IndexFunc(acts, func(a accountAct) bool { return a.name == v.r.PathValue("act") })
	if at < 0 {
		return accountAct{}, x, question{}, provision.ErrNotFound
	}
	a := acts[at]
	q := question{Title: a.title, Of: title(x.Account), Text: []string{a.text}, Button: a.title, Danger: a.danger, Why: a.why, Back: "/admin/accounts/" + string(x.Account.ID)}
	if a.typed {
		if q.Typed = x.Account.Email.String(); q.Typed == "" {
			q.Typed = string(x.Account.ID)
		}
	}
	if a.fields != nil {
		q.Fields = a.fields(v, x)
	}
	return a, x, q, nil
}

// askAccountAct asks before something is done about an account.
func (c *Console) askAccountAct(v *visit) error {
	_, _, q, err := c.accountAct(v)
	if err != nil {
		return err
	}
	return c.ask(v, q)
}

// doAccountAct does it.
func (c *Console) doAccountAct(v *visit) error {
	a, x, q, err := c.accountAct(v)
	if err != nil {
		return err
	}
	if ok, err := c.answered(v, q); !ok {
		return err
	}
	if a.right != "" {
		_, err = v.desk.OnAccount(v.r.Context(), v.order(), a.right, x.Account.ID)
	} else {
		_, err = a.do(v, v.order(), x.Account.ID)
	}
	return c.settled(v, q, err)
}
