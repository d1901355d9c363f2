package oidctest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"time"
)

// Revoke takes back every refresh token.
func (op *OP) Revoke() {
	op.mu.Lock()
	defer op.mu.Unlock()
	for token := range op.grants {
		op.grants[token] = false
	}
}

// renew redeems a refresh token, once (RFC 6749, 6).
func (op *OP) renew(w http.ResponseWriter, token string) (fault string) {
	if !op.grants[token] {
		return "invalid_grant"
	}
	op.grants[token] = false
	say(w, op.tokens(login{}), op.Tamper.Response)
	return ""
}

// LogoutToken is a log-out token (OIDC Back-Channel Logout 2.4) about a sub and a sid, either of which may be "". change,
// which may be nil, has the last word on its header and its claims.
func (op *OP) LogoutToken(sub, sid string, change func(header, claims map[string]any)) string {
	now := time.Now
	if op.Now != nil {
		now = op.Now
	}
	claims := map[string]any{
		"iss": op.Issuer, "aud": ClientID, "iat": now().Unix(), "exp": now().Add(2 * time.Minute).Unix(), "jti": rand.Text(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	for name, value := range map[string]string{"sub": sub, "sid": sid} {
		if value != "" {
			claims[name] = value
		}
	}
	header := map[string]any{"alg": op.Key.Algorithm, "kid": op.Key.ID, "typ": "logout+jwt"}
	if change != nil {
		change(header, claims)
	}
	payload, _ := json.Marshal(claims)
	return op.Key.Sign(header, payload)
}
