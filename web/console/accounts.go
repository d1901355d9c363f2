package console

import (
	"net/http"

	"leasehold/provision"
)

// accounts is the list of accounts.
func (c *Console) accounts(v *visit) error {
	found, err := v.reach.Accounts(v.r.Context(), provision.Page{After: v.r.URL.Query().Get("after"), Limit: 50})
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "accounts", "Accounts", found)
}
