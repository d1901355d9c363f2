package postgres

import (
	"slices"

	"leasehold/provision"
)

// tell notes what other processes have to forget because of the commit. News of one name are one.
func (w *work) tell(n provision.News) {
	if n.IsZero() {
		return
	}
	at := slices.IndexFunc(w.news, func(other provision.News) bool { return other.ID == n.ID })
	if at < 0 {
		w.news = append(w.news, n)
		return
	}
	known := &w.news[at]
	known.Leases, known.Judge = append(slices.Clip(known.Leases), n.Leases...), append(slices.Clip(known.Judge), n.Judge...)
	known.All = known.All || n.All
}

// announce writes the news of the commit, with its transaction.
func (w *work) announce() {
	for _, n := range w.news {
		w.queue("INSERT INTO changes (id, leases, everything, judge) VALUES ($1, $2, $3, $4)", string(n.ID), texts(n.Leases), n.All, texts(n.Judge))
	}
}
