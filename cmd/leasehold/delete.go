package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

type deleteTenant struct {
	one
	reasoned
}

// Run deletes a tenant.
func (c deleteTenant) Run(s *surroundings) error {
	return s.delete(c.ID, post(c.path("tenants")+"/delete", c.query(), nil))
}

type deleteConnection struct {
	one
	reasoned
}

// Run deletes a connection.
func (c deleteConnection) Run(s *surroundings) error {
	return s.delete(c.ID, post(c.path("connections")+"/delete", c.query(), nil))
}

// delete asks until nothing is left. Asked for again after it was interrupted, it goes on.
func (s *surroundings) delete(id string, q question) error {
	a, err := s.admin()
	if err != nil {
		return err
	}
	for v := (deletedView{}); !v.Done; {
		if err := a.ask(q, &v); err != nil {
			return err
		}
	}
	if s.json {
		return s.printJSON(deletedView{true})
	}
	fmt.Fprintf(s.stdout, "%s is deleted; a manifest that still names it makes it anew, with nothing of what it was\n", id)
	return nil
}

// deletedView says whether a deletion is done.
type deletedView struct {
	Done bool `json:"done"`
}

// deletionPatience is how long one question may delete: less than an answer may take.
const deletionPatience = 20 * time.Second

// deleting does as much of a deletion as one answer has time for.
func deleting(r *http.Request, do func(context.Context) error) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), deletionPatience)
	defer cancel()
	err := do(ctx)
	if err != nil && ctx.Err() != nil && r.Context().Err() == nil {
		return deletedView{}, nil
	}
	return deletedView{err == nil}, err
}
