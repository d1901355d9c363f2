package broker

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"leasehold/provision"
)

// A session cookie's value is base64url(lease id || HMAC-SHA256(key, length-prefixed lease id and origin)). A forged one
// costs no look-up, and one of another origin is worthless here.

// Token is the value of the session cookie of a lease at an origin.
func (b *Broker) Token(id provision.LeaseID, o provision.Origin) string {
	return base64.RawURLEncoding.EncodeToString(tokenMAC(b.cookies, []byte(id), o.String()))
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
	if !hmac.Equal(room[:n], tokenMAC(b.cookies, id, origin)) {
		return ""
	}
	return provision.LeaseID(id)
}

// tokenMAC is id followed by its MAC.
func tokenMAC(key, id []byte, origin string) []byte {
	mac := hmac.New(sha256.New, key)
	var size [2]byte
	binary.BigEndian.PutUint16(size[:], uint16(len(id)))
	mac.Write(size[:])
	mac.Write(id)
	binary.BigEndian.PutUint16(size[:], uint16(len(origin)))
	mac.Write(size[:])
	mac.Write([]byte(origin))
	return mac.Sum(append(make([]byte, 0, len(id)+sha256.Size), id...))
}
