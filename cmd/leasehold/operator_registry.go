package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"leasehold/broker"
	"leasehold/config"
	"leasehold/provision"
)

// applyOrder is what apply asks for. The server reads the files itself: secrets do not travel.
type applyOrder struct {
	Files  []string `json:"files"`
	DryRun bool     `json:"dry_run"`
	Adopt  bool     `json:"adopt"`
	Prune  bool     `json:"prune"`
}

func (o operator) apply(r *http.Request, d broker.Deed) (any, error) {
	var order applyOrder
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	manifest, faults := config.LoadManifests(order.Files, o.gateway.environ, judge(o.gateway.config.URL, time.Now()))
	if len(faults) > 0 {
		return nil, faults
	}
	done, err := o.gateway.broker.Register(r.Context(), d, wanted(manifest), broker.Plan{Owner: provision.ByManifest, DryRun: order.DryRun, Adopt: order.Adopt, Prune: order.Prune})
	if err == nil && !order.DryRun {
		o.gateway.prompt()
	}
	return registeredView{done, order.DryRun}, err
}

// resetClock has ledger time be the wall clock again.
func (o operator) resetClock(r *http.Request, d broker.Deed) (any, error) {
	id, err := o.gateway.broker.ResetClock(r.Context(), d)
	return revoked{Revocation: string(id)}, err
}

// registeredView is what applying manifests changed.
type registeredView struct {
	broker.Registered
	DryRun bool `json:"dry_run"`
}
