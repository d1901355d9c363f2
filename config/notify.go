package config

import (
	"encoding/base64"
	"strings"

	"leasehold/provision"
)

const (
	minHook    = 24       // bytes of a secret that signs: what Standard Webhooks wants
	hookPrefix = "whsec_" // before a secret in base64
)

// hook keeps the secret by which an app is told.
func (c *collector) hook(file appFile) {
	n := file.Notify
	if n == (notifyFile{}) {
		return
	}
	before := len(*file.At.reader.faults)
	secret := file.At.secret(c.environ, given{"notify.secret_file", n.SecretFile}, given{"notify.secret_env", n.SecretEnv})
	if err := checkURL(n.URL); err != nil && n.URL != "" {
		file.At.fault("notify.url", "%q %v", n.URL, err)
	}
	if len(*file.At.reader.faults) > before {
		return
	}
	if secret.IsZero() {
		file.At.fault("notify.secret_file", "is missing; name the file of the secret that signs, or give secret_env")
		return
	}
	key, ok := hookKey(secret.Reveal())
	if !ok {
		at := "notify.secret_file"
		if n.SecretEnv != "" {
			at = "notify.secret_env"
		}
		file.At.fault(at, "is no secret of %d bytes or more; make one with: head -c 32 /dev/urandom | base64 | sed s/^/whsec_/", minHook)
		return
	}
	if c.manifest.Hooks == nil {
		c.manifest.Hooks = map[provision.AppID]Secret{}
	}
	c.manifest.Hooks[provision.AppID(file.ID)] = NewSecret(key)
}

// hookKey is the bytes that sign, of a secret as it is written.
func hookKey(text string) (key string, ok bool) {
	if coded, prefixed := strings.CutPrefix(text, hookPrefix); prefixed {
		raw, err := base64.StdEncoding.DecodeString(coded)
		return string(raw), err == nil && len(raw) >= minHook
	}
	return text, len(text) >= minHook
}
