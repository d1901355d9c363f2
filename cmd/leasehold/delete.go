package main

import (
	"errors"
	"fmt"
	"io"
)

type deleteTenant struct {
	one
	reasoned
}

// Run deletes a tenant.
func (c deleteTenant) Run(s *surroundings) error {
	return s.delete(c.ID, remove(c.path("tenants"), c.query()))
}

type deleteConnection struct {
	one
	reasoned
}

// Run deletes a connection.
func (c deleteConnection) Run(s *surroundings) error {
	return s.delete(c.ID, remove(c.path("connections"), c.query()))
}

// delete asks until nothing is left. Asked for again after it was interrupted, it goes on.
func (s *surroundings) delete(id string, q question) error {
	a, err := s.reach(q)
	if err != nil {
		return err
	}
	for err = errMore; errors.Is(err, errMore); {
		err = a.ask(q, nil)
	}
	if err != nil {
		return err
	}
	return s.print(struct {
		Done bool `json:"done"`
	}{true}, func(w io.Writer) {
		fmt.Fprintf(w, "%s is deleted; a manifest that still names it makes it anew, with nothing of what it was\n", id)
	})
}

type deleteAccount struct {
	one
	reasoned
}

// Run erases an account, and shows what is left.
func (c deleteAccount) Run(s *surroundings) error {
	if err := s.ask(remove(c.path("accounts"), c.query()), nil); err != nil {
		return err
	}
	return show(s, get(c.path("accounts"), nil), printAccount)
}
