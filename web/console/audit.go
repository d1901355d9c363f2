package console

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"leasehold/provision"
	"leasehold/web"
)

// auditPage is a part of the audit, with what it is cut to.
type auditPage struct {
	part[provision.Event]
	Kind, Reason, Account, Ref, Since, Until, Tenant string
	Kinds                                            []string
	Export                                           string // address of all that the filter chooses
}

// chosen is what the filter of an address chooses. What cannot be read chooses nothing less: it is ignored.
func (v *visit) chosen() (provision.EventQuery, auditPage) {
	page := auditPage{
		Kind: v.query("kind"), Reason: v.query("reason"), Account: v.query("account"), Ref: v.query("ref"),
		Since: v.query("since"), Until: v.query("until"), Tenant: v.query("tenant"), Kinds: slices.Sorted(slices.Values(provision.EventKinds())),
	}
	q := provision.EventQuery{Tenant: v.tenant(), Kind: page.Kind, Reason: page.Reason, Account: provision.AccountID(page.Account), Ref: page.Ref}
	if t, err := time.Parse(time.DateOnly, page.Since); err == nil {
		q.Since = t
	}
	if t, err := time.Parse(time.DateOnly, page.Until); err == nil { // that day is in
		q.Until = t.AddDate(0, 0, 1)
	}
	return q, page
}

// audit is what happened.
func (c *Console) audit(v *visit) error {
	q, page := v.chosen()
	q.Limit = rows
	found, err := v.desk.FindEvents(v.r.Context(), v.m, q, v.query("before"))
	if err != nil {
		return err
	}
	page.part = cut(v, found, "before")
	query := v.r.URL.Query()
	query.Del("before")
	page.Export = "/admin/audit.jsonl?" + query.Encode()
	return c.show(v, http.StatusOK, "audit", "Audit", page)
}

// exportBatch is how many events are read at once for an export.
const exportBatch = 500

// export streams all that the filter chooses, a JSON line each, the newest first: what happens meanwhile is not in it.
func (c *Console) export(v *visit) error {
	q, _ := v.chosen()
	q.Limit = exportBatch
	found, err := v.desk.FindEvents(v.r.Context(), v.m, q, "")
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/jsonl")
	h.Set("Content-Disposition", `attachment; filename="audit.jsonl"`)
	out, stream := json.NewEncoder(v.w), http.NewResponseController(v.w)
	for len(found.Items) > 0 {
		_ = stream.SetWriteDeadline(time.Now().Add(30 * time.Second)) // of each batch, where the server has one
		for _, e := range found.Items {
			q.Before = e.Seq
			if !v.m.Everywhere {
				e.Seq = 0 // it counts every tenant's
			}
			if err := out.Encode(web.LineOf(e)); err != nil {
				return nil // the browser is gone
			}
		}
		if found.Next == "" || stream.Flush() != nil {
			return nil
		}
		if found, err = v.desk.FindEvents(v.r.Context(), v.m, q, ""); err != nil {
			return cutShort(v.w)
		}
	}
	return nil
}

// cutShort breaks an answer off that has begun, so that whoever reads it knows that it is not whole.
func cutShort(w http.ResponseWriter) error {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // over HTTP/2 a page follows instead, which is no line of JSON
		return http.ErrAbortHandler
	}
	return conn.Close()
}
