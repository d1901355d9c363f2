package peers

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/chromedp/chromedp"
)

// axeRuns begins a look at the page, and leaves what was found where axeFound reads it.
const (
	axeRuns = `(window.axeFound = null, axe.run().then(r => { window.axeFound = JSON.stringify(r.violations.filter(v => v.impact == "serious" || v.impact == "critical")
		.map(v => v.id + ": " + v.help + " (" + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(" | ") + ")")) }, e => { window.axeFound = JSON.stringify(["axe: " + e]) }), "")`
	axeFound = `window.axeFound ?? ""`
)

// Barriers are the serious and critical faults that axe-core (npm) finds on the page: what keeps people out who do not
// see, hear or point as others do.
func (b *Tab) Barriers() []string {
	b.t.Helper()
	script, err := os.ReadFile(filepath.Join(nodeModules(b.t), "axe-core", "axe.min.js"))
	if err != nil {
		b.t.Fatalf("axe-core (.ci/run installs it): %v", err)
	}
	if b.Eval("typeof axe") == "undefined" {
		b.Eval("(() => {" + string(script) + "})()")
	}
	b.Eval(axeRuns)
	for end := time.Now().Add(Patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if found := b.Eval(axeFound); found != "" {
			var faults []string
			if err := json.Unmarshal([]byte(found), &faults); err != nil {
				b.t.Fatalf("axe-core says %s", found)
			}
			return faults
		}
	}
	b.fail("axe-core does not come to an end")
	return nil
}

// Desktop makes the tab as large as a desk's screen.
func (b *Tab) Desktop() {
	b.t.Helper()
	b.do("become a desktop", chromedp.EmulateViewport(1200, 900))
}
