package oidc

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"leasehold/idp"
	"leasehold/provision"
)

// fetch gets a JSON object of at most limit bytes, showing the access token, if there is one.
func (p *Provider) fetch(ctx context.Context, url, accessToken string, limit int64) (object, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	if accessToken != "" {
		request.Header.Set("Authorization", "Bearer "+accessToken) // RFC 6750, 2.1
	}
	answer, err := p.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d", url, answer.StatusCode) // its text is nobody's business
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", url, err)
	}
	if int64(len(text)) > limit {
		return nil, idp.Reject(provision.MessageTooLarge, "%s answers with more than %d bytes", url, limit)
	}
	o, err := readObject(text)
	return o, refused(provision.DocumentMalformed, url, err)
}
