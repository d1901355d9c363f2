package provision

import "fmt"

// EndCredential has c taken back now, though its lease goes on.
func EndCredential(s State, c Credential, a Act) (Change, error) {
	if c.State != CredentialIssued {
		return Change{}, fmt.Errorf("credential %s is %s: %w", c.ID, c.State, ErrConflict)
	}
	c.State, c.Next = CredentialRevoking, a.Now
	return a.saying(a.credential(s, c, "ended")), nil
}

// RetryCredential has c, which its source did not take back, be tried again at once.
func RetryCredential(s State, c Credential, a Act) (Change, error) {
	if c.State != CredentialStuck && c.State != CredentialRevoking {
		return Change{}, fmt.Errorf("credential %s is %s: %w", c.ID, c.State, ErrConflict)
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
