package web

import (
	"encoding/json"
	"net/http"

	"leasehold/provision"
)

// handedOver is a credential, told once.
type handedOver struct {
	Lease      provision.LeaseID      `json:"lease_id"`
	Credential provision.CredentialID `json:"credential_id"`
	Address    string                 `json:"address"`
	Username   string                 `json:"username"`
	Password   string                 `json:"password"`
	Expires    int                    `json:"expires_in"`
}

// handSecret hands a workload a user of a source, for as long as its lease.
func (s *server) handSecret(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := s.mayBegin(r); err != nil {
		return err
	}
	id := r.PathValue("secret")
	if !provision.ValidName(id) {
		return provision.ErrNotFound
	}
	over, err := s.Gate.HandOver(r.Context(), provision.TenantID(r.PathValue("tenant")), provision.SecretID(id), bearer(r.Header), v.From)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(handedOver{ // an error means that the peer is gone
		Lease: over.Lease, Credential: over.ID, Address: over.Address, Username: over.Username, Password: over.Password, Expires: max(int(over.Expires.Sub(s.Now()).Seconds()), 0),
	})
	return nil
}
