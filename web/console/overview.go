package console

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	"leasehold/provision"
)

// overviewPage is what needs attention, and what there is.
type overviewPage struct {
	Alarms     []alarm
	More       int // alarms that are not shown
	Population provision.Population
	Refused    []refusedRow
	Since      time.Time
	Total      int
}

// alarm is one thing that needs attention.
type alarm struct{ Kind, Text, URL string }

// refusedRow is how often logins were refused for one reason, by day.
type refusedRow struct {
	Reason provision.Reason
	Total  int
	Share  int // of the largest total, in hundredths
	Days   []bar
}

// bar is one day of a chart.
type bar struct {
	X, Y, Height int
	Label        string
}

// Times of the overview.
const (
	chartDays   = 14
	barHeight   = 28
	soonExpires = 30 * 24 * time.Hour
	maxAlarms   = 20
	maxReasons  = 8
)

// overview is what needs attention.
func (c *Console) overview(v *visit) error {
	page := overviewPage{}
	for _, look := range []func(*visit, *overviewPage) error{c.expiring, c.heldConnections, c.failingProofs, c.stuck, c.stuckCredentials, c.waiting, c.refusals} {
		if err := look(v, &page); err != nil {
			return err
		}
	}
	if len(page.Alarms) > maxAlarms {
		page.Alarms, page.More = page.Alarms[:maxAlarms], len(page.Alarms)-maxAlarms
	}
	return c.show(v, http.StatusOK, "overview", "Overview", page)
}

// expiring are identity providers that cannot be believed much longer.
func (c *Console) expiring(v *visit, page *overviewPage) error {
	for _, e := range c.Expiring() {
		left := e.At.Sub(v.now())
		if left > soonExpires {
			break
		}
		if v.m.Over(e.Tenant) != nil {
			continue
		}
		when := "in " + counted(ago(v.now(), e.At), "day", "days")
		if left < 24*time.Hour {
			when = "within a day"
		}
		text := fmt.Sprintf("The last certificate of %s, or its metadata, runs out %s, on %s.", e.Connection, when, e.At.UTC().Format("2 Jan 2006"))
		if left <= 0 {
			text = fmt.Sprintf("The last certificate of %s, or its metadata, ran out on %s: nobody logs in by it.", e.Connection, e.At.UTC().Format("2 Jan 2006"))
		}
		page.Alarms = append(page.Alarms, alarm{"Certificate", text, "/admin/connections/" + string(e.Connection)})
	}
	return nil
}

// counted is how many of something there are, in words.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// heldConnections are those whose new trust waits for a word.
func (c *Console) heldConnections(v *visit, page *overviewPage) error {
	return walk(v, v.desk.Connections, func(x provision.Connection) error {
		if x.Held {
			page.Alarms = append(page.Alarms, alarm{"Held", string(x.ID) + " shows a new trust. Nobody logs in by it until you confirm or reject that.", "/admin/connections/" + string(x.ID)})
		}
		return nil
	})
}

// failingProofs are claims that are not proved, or that nobody can look at.
func (c *Console) failingProofs(v *visit, page *overviewPage) error {
	return walk(v, v.desk.Domains, func(x provision.Claim) error {
		at := "/admin/domains/" + string(x.Tenant) + "/" + x.Domain.String()
		switch {
		case x.State == provision.ClaimLapsed:
			page.Alarms = append(page.Alarms, alarm{"Domain", x.Domain.String() + " has lapsed: logins of it are refused.", at})
		case x.State == provision.ClaimFailing:
			page.Alarms = append(page.Alarms, alarm{"Domain", x.Domain.String() + " is not proved any more: no new accounts, and it lapses soon.", at})
		case x.State == provision.ClaimPending:
			page.Alarms = append(page.Alarms, alarm{"Domain", x.Domain.String() + " has never been proved.", at})
		case !x.Unchecked.IsZero() && v.now().Sub(x.Unchecked) > time.Hour:
			page.Alarms = append(page.Alarms, alarm{"Domain", "Nobody can tell whether the proof of " + x.Domain.String() + " is there.", at})
		}
		return nil
	})
}

// stuck is what apps could not be told.
func (c *Console) stuck(v *visit, page *overviewPage) error {
	found, err := v.desk.Deliveries(v.r.Context(), v.m, provision.DeliveryFilter{Tenant: v.tenant(), State: provision.DeliveryStuck, Limit: rows})
	if n := len(found.Items); n > 0 {
		count := counted(n, "end of access", "ends of access")
		if found.Next != "" {
			count = fmt.Sprintf("More than %d ends of access", rows)
		}
		page.Alarms = append(page.Alarms, alarm{"Deliveries", count + " could not be told to an app.", "/admin/deliveries"})
	}
	return err
}

// stuckCredentials are users of sources of secrets whose lease is over, and who are there still.
func (c *Console) stuckCredentials(v *visit, page *overviewPage) error {
	found, err := v.desk.CredentialsOf(v.r.Context(), v.m, provision.CredentialFilter{Tenant: v.tenant(), State: provision.CredentialStuck, Limit: rows})
	if n := len(found.Items); n > 0 {
		first := found.Items[0]
		text := fmt.Sprintf("%s could not be taken back: source %s still has %s. It is tried on; leasehold secret list says why.", counted(n, "credential", "credentials"), first.Source, first.Name)
		page.Alarms = append(page.Alarms, alarm{"Secrets", text, "/admin/audit?kind=" + provision.EventCredential})
	}
	return err
}

// waiting is the population, and who waits in it.
func (c *Console) waiting(v *visit, page *overviewPage) (err error) {
	if page.Population, err = v.desk.Population(v.r.Context(), v.m, v.tenant()); err != nil {
		return err
	}
	if n := page.Population.Accounts[provision.Pending]; n > 0 {
		page.Alarms = append(page.Alarms, alarm{"Approval", counted(n, "account waits", "accounts wait") + " for an approval or a first sign-in.", "/admin/accounts?state=pending"})
	}
	return nil
}

// refusals are the charts: the reasons for which most logins were refused.
func (c *Console) refusals(v *visit, page *overviewPage) error {
	today := v.now().UTC().Truncate(24 * time.Hour)
	page.Since = today.AddDate(0, 0, 1-chartDays)
	found, err := v.desk.Refused(v.r.Context(), v.m, v.tenant(), page.Since)
	if err != nil {
		return err
	}
	byReason := map[provision.Reason][]int{}
	for _, x := range found {
		if byReason[x.Reason] == nil {
			byReason[x.Reason] = make([]int, chartDays)
		}
		if day := ago(page.Since, x.Day); day >= 0 && day < chartDays {
			byReason[x.Reason][day] += x.Count
		}
	}
	for reason, days := range byReason {
		page.Refused = append(page.Refused, chart(reason, days, page.Since))
	}
	slices.SortFunc(page.Refused, func(a, b refusedRow) int { return cmp.Or(b.Total-a.Total, cmp.Compare(a.Reason, b.Reason)) })
	for i := range page.Refused {
		page.Total += page.Refused[i].Total
		page.Refused[i].Share = max(1, 100*page.Refused[i].Total/max(1, page.Refused[0].Total))
	}
	page.Refused = page.Refused[:min(len(page.Refused), maxReasons)]
	return nil
}

// chart is one reason's days as bars.
func chart(reason provision.Reason, days []int, since time.Time) refusedRow {
	row, most := refusedRow{Reason: reason}, max(1, slices.Max(days))
	for i, n := range days {
		row.Total += n
		height := barHeight * n / most
		if n > 0 {
			height = max(2, height)
		}
		row.Days = append(row.Days, bar{X: i * 8, Y: barHeight - height, Height: height, Label: fmt.Sprintf("%s: %d", since.AddDate(0, 0, i).Format("2 Jan"), n)})
	}
	return row
}
