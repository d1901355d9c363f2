package broker

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"leasehold/provision"
)

// firstLinkName is the name, among the keys, of what is kept of the first operator's link. There is one at most.
const firstLinkName = "link/first-operator"

// FirstLinkLife is how long the first operator's link is good.
const FirstLinkLife = time.Hour

// firstLink is what is kept of it: enough to know it again, and no more.
type firstLink struct {
	Hash  []byte // SHA-256 of the token
	Until time.Time
}

// InviteOperator makes the token of a new link by which somebody of the operators' tenant becomes the first operator, in
// the place of any former one. It is "" where there is an operator, or where nobody may be one.
func (b *Broker) InviteOperator(ctx context.Context) (string, error) {
	if vacant, err := b.vacant(ctx); err != nil || !vacant {
		return "", err
	}
	token := draw() + draw()
	hash := sha256.Sum256([]byte(token))
	kept, err := json.Marshal(firstLink{hash[:], b.Ledger.Now().Add(FirstLinkLife)})
	if err != nil {
		return "", err
	}
	if err := b.Keys.Drop(ctx, firstLinkName); err != nil {
		return "", fmt.Errorf("first operator's link: %w", err)
	}
	if err := b.Keys.Put(ctx, firstLinkName, kept); err != nil {
		return "", fmt.Errorf("first operator's link: %w", err)
	}
	if _, err := b.invited(ctx, token); errors.Is(err, provision.ErrNotFound) {
		return "", nil // another process has started at the same time, and its link is the one that counts
	} else if err != nil {
		return "", err
	}
	return token, nil
}

// vacant reports whether there may be operators, and is none.
func (b *Broker) vacant(ctx context.Context) (bool, error) {
	if b.Operators == "" {
		return false, nil
	}
	held, err := b.Search.FindAccounts(ctx, provision.AccountQuery{Tenant: b.Operators, Office: provision.OperatorOffice, Limit: 1})
	return len(held) == 0, err
}

// invited is ErrNotFound unless token is that of a link that is good.
func (b *Broker) invited(ctx context.Context, token string) (firstLink, error) {
	missing := fmt.Errorf("first operator's link: %w", provision.ErrNotFound)
	text, err := b.Keys.Standing(ctx, firstLinkName)
	if errors.Is(err, provision.ErrNotFound) {
		return firstLink{}, missing
	}
	if err != nil {
		return firstLink{}, err
	}
	var kept firstLink
	if err := json.Unmarshal(text, &kept); err != nil {
		return kept, fmt.Errorf("first operator's link: %w", provision.ErrCorrupt)
	}
	hash := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(hash[:], kept.Hash) != 1 || !b.Ledger.Now().Before(kept.Until) {
		return firstLink{}, missing
	}
	return kept, nil
}

// Invited says who would become the first operator by a link: the holder of a session of the operators' tenant. A link
// that is not good, or not needed any more, is ErrNotFound; somebody of another tenant is refused.
func (b *Broker) Invited(ctx context.Context, token, session string) (provision.Standing, error) {
	s, err := b.Session(ctx, session, b.URL)
	if err != nil {
		return s, err
	}
	if _, err := b.invited(ctx, token); err != nil {
		return provision.Standing{}, err
	}
	vacant, err := b.vacant(ctx)
	switch {
	case err != nil:
		return provision.Standing{}, err
	case !vacant:
		return provision.Standing{}, fmt.Errorf("first operator's link: %w", provision.ErrNotFound)
	case s.Tenant.ID != b.Operators || s.Account.Tenant != b.Operators:
		return provision.Standing{}, &provision.DeniedError{Reason: provision.OfficeMissing, Tenant: s.Tenant.ID, Contact: s.Tenant.Contact}
	}
	return s, nil
}

// BecomeOperator makes the holder of a session the first operator, by the link, once: the appointment, its event and the
// mark that the link is spent are one commit.
func (b *Broker) BecomeOperator(ctx context.Context, token, session string, from provision.Requester) error {
	s, err := b.Invited(ctx, token, session)
	if err != nil {
		return err
	}
	kept, err := b.invited(ctx, token)
	if err != nil {
		return err
	}
	deed := Deed{Actor: provision.Actor{Kind: provision.Person, ID: string(s.Account.ID), Via: "first operator's link"}, Requester: from}
	spent := provision.Spent{Kind: "link", Scope: "first-operator", ID: fmt.Sprintf("%x", kept.Hash), Until: kept.Until}
	target := provision.Target{Account: s.Account.ID, Spend: []provision.Spent{spent}}
	appoint := provision.Appoint(provision.OperatorOffice)
	_, err = b.change(ctx, deed, target, func(s provision.State, a provision.Act) (provision.Change, error) {
		if len(s.Spent) > 0 {
			return provision.Change{}, fmt.Errorf("first operator's link: %w", provision.ErrNotFound)
		}
		c, err := appoint(s, a)
		c.Spent = append(c.Spent, spent)
		return c, err
	})
	if err == nil { // what is left of it is void already
		b.log("drop first operator's link", b.Keys.Drop(ctx, firstLinkName))
	}
	return err
}
