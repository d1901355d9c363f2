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
	c.signing(file.At, "notify", file.Notify, provision.AppID(file.ID))
}

// warned keeps the secret by which a tenant is warned.
func (c *collector) warned(file tenantFile) {
	n := file.Webhook
	if n.URL == "" && n != (hookFile{}) {
		file.At.fault("webhook.url", "is missing; say where warnings are sent")
	}
	c.signing(file.At, "webhook", notifyFile{URL: n.URL, SecretFile: n.SecretFile}, provision.HookOf(provision.TenantID(file.ID)))
}

// signing keeps a secret that signs messages, of what stands under key.
func (c *collector) signing(place place, key string, n notifyFile, whose provision.AppID) {
	if n == (notifyFile{}) {
		return
	}
	before := len(*place.reader.faults)
	secret := place.secret(c.environ, given{key + ".secret_file", n.SecretFile}, given{key + ".secret_env", n.SecretEnv})
	if err := checkURL(n.URL); err != nil && n.URL != "" {
		place.fault(key+".url", "%q %v", n.URL, err)
	}
	if len(*place.reader.faults) > before {
		return
	}
	if secret.IsZero() {
		place.fault(key+".secret_file", "is missing; name the file of the secret that signs%s", orEnv(key))
		return
	}
	signs, ok := hookKey(secret.Reveal())
	if !ok {
		at := key + ".secret_file"
		if n.SecretEnv != "" {
			at = key + ".secret_env"
		}
		place.fault(at, "is no secret of %d bytes or more; make one with: head -c 32 /dev/urandom | base64 | sed s/^/whsec_/", minHook)
		return
	}
	if c.manifest.Hooks == nil {
		c.manifest.Hooks = map[provision.AppID]Secret{}
	}
	c.manifest.Hooks[whose] = NewSecret(signs)
}

// hookKey is the bytes that sign, of a secret as it is written.
func hookKey(text string) (key string, ok bool) {
	if coded, prefixed := strings.CutPrefix(text, hookPrefix); prefixed {
		raw, err := base64.StdEncoding.DecodeString(coded)
		return string(raw), err == nil && len(raw) >= minHook
	}
	return text, len(text) >= minHook
}

// orEnv is the other way to give a secret, where there is one.
func orEnv(key string) string {
	if key == "notify" {
		return ", or give secret_env"
	}
	return ""
}
