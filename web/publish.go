package web

import (
	"net/http"

	"leasehold/provision"
)

// metadata is what an identity provider needs to know of us (SAML Metadata 4.1.1).
func (s *server) metadata(w http.ResponseWriter, r *http.Request, v visit) error {
	c := provision.ConnectionID(r.PathValue("connection"))
	if !provision.ValidName(string(c)) {
		return provision.ErrNotFound
	}
	document, err := s.Gate.Metadata(r.Context(), c)
	if err != nil {
		return err
	}
	return publish(w, "application/samlmetadata+xml", document)
}

// jwks is the public keys of the signed assertion.
func (s *server) jwks(w http.ResponseWriter, r *http.Request, v visit) error {
	return publish(w, "application/jwk-set+json", s.Gate.JWKS())
}

// publish writes a document that anybody may keep for five minutes.
func publish(w http.ResponseWriter, kind string, document []byte) error {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("X-Content-Type-Options", "nosniff")
	w.Write(document) // an error means that the peer is gone
	return nil
}
