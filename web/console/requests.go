package console

import (
	"net/http"

	"leasehold/broker"
)

// requests lists the requests for roles that wait for a word. Who may say it is for the policy: the page of roles for a
// while asks them.
func (c *Console) requests(v *visit) error {
	found, err := v.desk.Petitions(v.r.Context(), v.m, v.page())
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "requests", "Requests for roles", list[broker.Petition]{cut(v, found, "after"), string(v.tenant())})
}
