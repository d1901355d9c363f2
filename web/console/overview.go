package console

import "net/http"

// overview is what needs attention.
func (c *Console) overview(v *visit) error {
	return c.show(v, http.StatusOK, "overview", "Overview", nil)
}
