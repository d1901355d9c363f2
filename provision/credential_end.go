package provision

import (
	"cmp"
	"fmt"
)

// EndCredential has c taken back now, though its lease goes on.
func EndCredential(s State, c Credential, a Act) (Change, error) {
	if c.State != CredentialIssued {
		return Change{}, fmt.Errorf("credential %s is %s: %w", c.ID, cmp.Or(c.State, CredentialRevoked), ErrConflict)
	}
	c.State, c.Next = CredentialRevoking, a.Now
	return a.saying(a.credential(s, c, "ended")), nil
}

// RetriedCredential lets one that is to be taken back have its turn now.
func RetriedCredential(s State, c Credential, a Act) (Change, error) {
	if c.State != CredentialStuck && c.State != CredentialRevoking {
		return Change{}, fmt.Errorf("credential %s is %s: %w", c.ID, cmp.Or(c.State, CredentialRevoked), ErrConflict)
	}
	c.Next = a.Now
	return a.saying(a.credential(s, c, "retried")), nil
}

// saying is a change with the words of whoever made it.
func (a Act) saying(c Change) Change {
	for i := range c.Events {
		c.Events[i].Personal.Detail = a.Why
	}
	return c
}
