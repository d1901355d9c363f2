package api

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"

	"leasehold/broker"
)

// cursors seals where a list goes on: it may be the name or the number of something that is not the reader's to see. One is
// good for the list and the tenant that it was given for.
type cursors struct{ aead cipher.AEAD }

func newCursors(key []byte) (cursors, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return cursors{}, fmt.Errorf("key of cursors: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return cursors{}, fmt.Errorf("key of cursors: %w", err)
	}
	return cursors{aead}, nil
}

func (c cursors) seal(m broker.Mandate, list, after string) string {
	if after == "" {
		return ""
	}
	nonce := make([]byte, c.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return base64.RawURLEncoding.EncodeToString(c.aead.Seal(nonce, nonce, []byte(after), []byte(list+"\x00"+string(m.Tenant))))
}

func (c cursors) open(m broker.Mandate, list, cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cursor)
	if n := c.aead.NonceSize(); err == nil && len(sealed) > n {
		var after []byte
		if after, err = c.aead.Open(nil, sealed[:n], sealed[n:], []byte(list+"\x00"+string(m.Tenant))); err == nil {
			return string(after), nil
		}
	}
	return "", problem(http.StatusUnprocessableEntity, reasonInvalid, "cursor: it was not given for this list")
}
