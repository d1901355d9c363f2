package main

import (
	"encoding/json"

	"leasehold/broker"
	"leasehold/config"
	"leasehold/provision"
	"leasehold/web"
)

// exportAudit prints the whole audit. It reads the ledger itself, so that it works with and without a server.
type exportAudit struct {
	Tenant string `help:"Only of this tenant." placeholder:"ID"`
}

// Run prints every event as a JSON line, with the personal parts whose keys still exist.
func (c exportAudit) Run(s *surroundings) error {
	settings, faults := config.Load(s.config, s.environ)
	if len(faults) > 0 {
		return faults
	}
	at := depotOf(settings)
	store, err := at.openOld(s.ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	keys, err := openKeys(s.ctx, store, settings.MasterKeyFile, at.String())
	if err != nil {
		return err
	}
	audit := broker.Audit{Ledger: store, Registry: store, Keys: keys}
	out := json.NewEncoder(s.stdout)
	f := provision.EventFilter{Tenant: provision.TenantID(c.Tenant)}
	for {
		events, err := audit.Events(s.ctx, f)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			if err := out.Encode(web.LineOf(e)); err != nil {
				return err
			}
			f.After = e.Seq
		}
	}
}
