package provision

import "errors"

// The errors a store or a verb returns, beside wrapped I/O errors.
var (
	ErrNotFound    = errors.New("not found")
	ErrConflict    = errors.New("conflict")
	ErrDenied      = errors.New("denied")
	ErrExpired     = errors.New("expired")
	ErrUnavailable = errors.New("unavailable")
	ErrCorrupt     = errors.New("corrupt")
)

// DeniedError is a refusal at the broker's edge. It is ErrDenied.
type DeniedError struct {
	Reason  Reason
	Check   string   // of an exchange: which check failed; it names no value
	Ref     string   // what a person quotes to an administrator; never a secret
	Tenant  TenantID // whose rules refused, when that is known
	Contact string   // whom to ask there
}

func (e *DeniedError) Error() string { return "denied: " + string(e.Reason) }

// Is makes a DeniedError match ErrDenied.
func (e *DeniedError) Is(target error) bool { return target == ErrDenied }
