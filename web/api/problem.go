package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"leasehold/broker"
	"leasehold/provision"
)

// Problem is what went wrong (RFC 9457). Of what is not there, and of what the caller does not reach, it is the same to the
// last byte.
type Problem struct {
	Title  string   `json:"title" doc:"What went wrong, in general"`
	Status int      `json:"status" doc:"The HTTP status"`
	Reason string   `json:"reason" doc:"A stable code: of docs/reasons.md, or of the list in docs/api.md"`
	Detail string   `json:"detail,omitempty" doc:"What went wrong here; for people"`
	Faults []string `json:"faults,omitempty" doc:"What is wrong with the input, one by one"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Reason + ": " + p.Detail }

// GetStatus is for huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is for huma.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// The reasons of the API, beside those of docs/reasons.md.
const (
	reasonNotFound = "not_found"
	reasonConflict = "conflict"
	reasonManaged  = "managed_by_manifest"
	reasonRevision = "revision_mismatch"
	reasonMatch    = "revision_missing"
	reasonInvalid  = "input_invalid"
	reasonReused   = "idempotency_mismatch"
	reasonFault    = "internal"
)

// Reasons lists the reasons of the API, beside provision's, with what each means.
func Reasons() map[string]string {
	return map[string]string{
		reasonNotFound: "There is nothing there, or nothing that the token reaches.",
		reasonConflict: "It is in no state for that, or something else stands in the way; `detail` says what.",
		reasonManaged:  "The manifests own it. Change it there, or have them leave it out.",
		reasonRevision: "It has another revision than `If-Match` says. Read it again.",
		reasonMatch:    "A change wants `If-Match` with the `ETag` of what was read, or `If-None-Match: *` for something new.",
		reasonInvalid:  "The input cannot be used; `detail` and `faults` say why.",
		reasonReused:   "Another request had this `Idempotency-Key`.",
		reasonFault:    "A fault of ours. The log has it under the `X-Request-Id`.",
	}
}

func problem(status int, reason, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Reason: reason, Detail: detail}
}

// problemOf is the answer for an error. What is not known here says nothing of itself.
func problemOf(err error) *Problem {
	var said *Problem
	var denied *provision.DeniedError
	switch {
	case errors.As(err, &said):
		return said
	case errors.As(err, &denied):
		return problem(statusOf(denied.Reason), string(denied.Reason), "")
	case errors.Is(err, broker.ErrStale):
		return problem(http.StatusPreconditionFailed, reasonRevision, "")
	case errors.Is(err, broker.ErrOtherRequest):
		return problem(http.StatusUnprocessableEntity, reasonReused, "")
	case errors.Is(err, broker.ErrInvalid):
		return problem(http.StatusUnprocessableEntity, reasonInvalid, err.Error())
	case errors.Is(err, broker.ErrManaged):
		return problem(http.StatusConflict, reasonManaged, "")
	case errors.Is(err, provision.ErrUnavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return problem(http.StatusServiceUnavailable, string(provision.StoreUnavailable), "")
	case errors.Is(err, provision.ErrNotFound):
		return problem(http.StatusNotFound, reasonNotFound, "")
	case errors.Is(err, provision.ErrConflict):
		return problem(http.StatusConflict, reasonConflict, err.Error())
	case errors.Is(err, provision.ErrDenied):
		return problem(http.StatusForbidden, string(provision.OfficeMissing), "")
	}
	return problem(http.StatusInternalServerError, reasonFault, "")
}

func statusOf(r provision.Reason) int {
	switch r {
	case provision.TokenInvalid:
		return http.StatusUnauthorized
	case provision.ElevationOver, provision.ElevationAsked:
		return http.StatusConflict
	case provision.RateLimited:
		return http.StatusTooManyRequests
	case provision.StoreUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusForbidden
}

// ours turns the library's own errors, which are about the form of a request, into problems.
func ours(_ huma.Context, _ string, v any) (any, error) {
	theirs, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := problem(theirs.Status, reasonInvalid, theirs.Detail)
	if theirs.Status >= http.StatusInternalServerError {
		return problem(theirs.Status, reasonFault, ""), nil
	}
	for _, e := range theirs.Errors {
		if e != nil { // without the value: it may be a secret
			p.Faults = append(p.Faults, e.Location+": "+e.Message)
		}
	}
	return p, nil
}

// GetHeaders is for huma: what goes with a problem.
func (p *Problem) GetHeaders() http.Header {
	switch p.Status {
	case http.StatusUnauthorized:
		return http.Header{"Www-Authenticate": {`Bearer realm="leasehold"`}}
	case http.StatusTooManyRequests:
		return http.Header{"Retry-After": {"10"}}
	case http.StatusServiceUnavailable:
		return http.Header{"Retry-After": {"5"}}
	}
	return nil
}

// write answers with a problem, where the library is not asked.
func (p *Problem) write(w http.ResponseWriter) {
	h := w.Header()
	maps.Copy(h, p.GetHeaders())
	h.Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the peer is gone if it fails
}
