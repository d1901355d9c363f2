package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"leasehold/broker/condition"
	"leasehold/config"
	"leasehold/idp/oidc"
	"leasehold/idp/saml"
	"leasehold/provision"
)

// judge is what a gateway at an address says of manifests at now. The zero now asks no metadata whether they have run
// out: one tenant's old document must not keep the gateway from starting, and each login asks again.
func judge(url provision.Origin, now time.Time) config.Judge {
	conditions := sync.OnceValues(condition.New)
	return config.Judge{
		Connection: func(c provision.Connection) error { return judgeConnection(c, now) },
		Origin: func(o provision.Origin) error {
			if o == url && !url.IsZero() {
				return fmt.Errorf("%s is the SSO host itself, the url of the configuration; write the app's own origin", o)
			}
			return nil
		},
		Condition: func(when string) error {
			engine, err := conditions()
			if err != nil {
				return err
			}
			return engine.Fault(when)
		},
	}
}

func judgeConnection(c provision.Connection, now time.Time) error {
	switch {
	case c.Protocol == provision.SAML && len(c.Metadata) > 0:
		if _, err := saml.ParseMetadata(c.Metadata, now); err != nil {
			return fmt.Errorf("is no metadata of an identity provider that can be used: %w", err)
		}
	case c.Protocol == provision.OIDC: // asks nothing of the network, and any redirect address will do
		_, err := oidc.New(oidc.Config{Connection: c, RedirectURI: "https://sso.example/callback", HTTP: http.DefaultClient})
		return err
	case c.Protocol == provision.Workloads: // the same, with any audience
		_, err := oidc.NewIssuer(oidc.IssuerConfig{Connection: c, Audience: "any", HTTP: http.DefaultClient})
		return err
	}
	return nil
}
