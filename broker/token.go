package broker

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"sync"

	"leasehold/provision"
)

// tokens makes and reads the values of session cookies: base64url(lease id || HMAC-SHA256(key, length-prefixed lease id
// and origin)). A forged one costs no look-up, and one of another origin is worthless here.
type tokens struct {
	macs sync.Pool // of hash.Hash under the key: to set one up takes longer than to use it
}

func newTokens(key []byte) (*tokens, error) {
	return &tokens{sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}, nil
}

// Token is the value of the session cookie of a lease at an origin.
func (b *Broker) Token(id provision.LeaseID, o provision.Origin) string {
	return b.token(id, o.String())
}

func (b *Broker) token(id provision.LeaseID, origin string) string {
	return base64.RawURLEncoding.EncodeToString(b.cookies.Load().use(b.Boottime()).sign([]byte(id), origin))
}

// pointsAt is readToken for whoever goes by the ledger: what memory holds of keys counts for as long as the rest of it, or
// for as long after it was read. Without a ledger nobody can tell, and the cookie may be good.
func (b *Broker) pointsAt(ctx context.Context, token, origin string) (provision.LeaseID, error) {
	if !b.fresh() && int64(b.Boottime()) >= b.keysGood.Load() {
		if err := b.loadKeys(ctx); err != nil {
			return "", err
		}
	}
	return b.readToken(token, origin), nil
}

// readToken is the lease that a cookie of origin points at, or "" when it was not made here for that origin.
func (b *Broker) readToken(token, origin string) provision.LeaseID {
	var room [256]byte
	if len(token) > base64.RawURLEncoding.EncodedLen(len(room)) {
		return ""
	}
	n, err := base64.RawURLEncoding.Strict().Decode(room[:], []byte(token))
	if err != nil || n <= sha256.Size {
		return ""
	}
	id := room[:n-sha256.Size]
	for _, key := range b.cookies.Load().makers {
		if hmac.Equal(room[:n], key.sign(id, origin)) {
			return provision.LeaseID(id)
		}
	}
	return ""
}

// sign is id followed by its MAC.
func (t *tokens) sign(id []byte, origin string) []byte {
	mac := t.macs.Get().(hash.Hash)
	defer t.macs.Put(mac)
	mac.Reset()
	text := make([]byte, 0, 2+len(id)+2+len(origin)+sha256.Size)
	text = append(binary.BigEndian.AppendUint16(text, uint16(len(id))), id...)
	text = append(binary.BigEndian.AppendUint16(text, uint16(len(origin))), origin...)
	mac.Write(text)
	return mac.Sum(append(text[:0], id...))
}
