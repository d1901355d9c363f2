package saml

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ErrNotChained is about new metadata that the old ones do not vouch for: another entity, or not one key in common. They
// may be right (a provider was rebuilt), but a person has to say so.
var ErrNotChained = errors.New("metadata do not follow from the former ones")

// Refreshed judges newly fetched metadata against those in force. nil: they may take their place. An error that is
// ErrNotChained: put the connection on hold until somebody confirms them. Any other: they are unusable, keep the old.
func Refreshed(inForce, fetched []byte, now time.Time) error {
	before, err := readMetadata(inForce)
	if err != nil {
		return fmt.Errorf("metadata in force: %w", err)
	}
	after, err := ParseMetadata(fetched, now)
	if err != nil {
		return err
	}
	if before.EntityID != after.EntityID {
		return fmt.Errorf("%w: entityID %q, was %q", ErrNotChained, brief(after.EntityID), brief(before.EntityID))
	}
	for _, kept := range before.Certificates {
		for _, there := range after.Certificates {
			if sameKey(kept.PublicKey, there.PublicKey) {
				return nil
			}
		}
	}
	return fmt.Errorf("%w: none of the former %d signing keys is among the new %d", ErrNotChained, len(before.Certificates), len(after.Certificates))
}

// Tell says by whom and by which keys metadata are trusted: the entityID, and the SHA-256 fingerprints of the signing
// certificates, which is what an identity provider's own pages show.
func Tell(doc []byte) string {
	m, err := readMetadata(doc)
	if err != nil {
		return "metadata that cannot be read"
	}
	var keys []string
	for _, c := range m.Certificates {
		keys = append(keys, fmt.Sprintf("%x", sha256.Sum256(c.Raw)))
	}
	slices.Sort(keys)
	return fmt.Sprintf("entityID %q, certificates %s", brief(m.EntityID), strings.Join(keys, " "))
}

// Fetch gets a metadata document. What the client may reach, how long it may take and whether it follows redirects is
// the client's business: the address is a tenant's.
func Fetch(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch metadata: %w", err)
	}
	request.Header.Set("Accept", "application/samlmetadata+xml, application/xml, text/xml") // SAML Metadata 4.1.1
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetch metadata: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch metadata: the server answered %s", response.Status)
	}
	doc, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("fetch metadata: %w", err)
	case len(doc) > maxDocument:
		return nil, fmt.Errorf("fetch metadata: more than %d bytes", maxDocument)
	}
	return doc, nil
}

func sameKey(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}
