package redis

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"strings"

	"leasehold/provision"
)

const (
	endings   = prefix + "ends" // the channel
	wordsHeld = 64              // that nobody has taken yet; what comes then is lost
)

// Foretell says to all other processes which leases are about to end. It may be lost, and takes a tenth of a second at most.
func (c *Client) Foretell(ctx context.Context, ids []provision.LeaseID) {
	ctx, cancel := context.WithTimeout(ctx, wakeTime)
	defer cancel()
	lines := []string{c.self}
	for _, id := range ids {
		lines = append(lines, string(id))
	}
	if err := c.redis.Publish(ctx, endings, c.sealed(strings.Join(lines, "\n"))).Err(); err != nil {
		c.waking.log(c.config.Log, "ends are not foretold: Redis does not answer", err)
	}
}

// Foretold are the leases that others say are about to end. What is not from a holder of the secret says nothing.
func (c *Client) Foretold(ctx context.Context) <-chan []provision.LeaseID {
	foretold := make(chan []provision.LeaseID, wordsHeld)
	go c.subscribe(ctx, endings, func(said string) {
		from, text, _ := strings.Cut(c.opened(said), "\n")
		if from == c.self || text == "" {
			return
		}
		var ids []provision.LeaseID
		for id := range strings.SplitSeq(text, "\n") {
			ids = append(ids, provision.LeaseID(id))
		}
		select {
		case foretold <- ids:
		default: // they hear of it with its commit
		}
	})
	return foretold
}

// herald makes the cipher of what is foretold: who reads Redis learns no id.
func herald(secret []byte) (cipher.AEAD, error) {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(endings))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (c *Client) sealed(text string) string {
	return string(c.herald.Seal(nil, nil, []byte(text), nil))
}

// opened is what was sealed, or "".
func (c *Client) opened(sealed string) string {
	text, err := c.herald.Open(nil, nil, []byte(sealed), nil)
	if err != nil {
		return ""
	}
	return string(text)
}
