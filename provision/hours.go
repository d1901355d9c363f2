package provision

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Hours are days of the week and a stretch of each of them, in a time zone. The zero Hours are always.
type Hours struct {
	days     [7]bool // by time.Weekday
	from, to int     // minutes of the day; to is not in it
	zone     *time.Location
}

// weekdays are the names of days, in the order of a week that begins on Monday.
func weekdays() []string { return []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"} }

// ParseHours reads "Mon-Fri 08:00-18:00 Europe/Berlin". The empty text is always.
func ParseHours(s string) (Hours, error) {
	if s == "" {
		return Hours{}, nil
	}
	refuse := func(why string) (Hours, error) {
		return Hours{}, fmt.Errorf("%q %s; write days, hours and a zone, as in Mon-Fri 08:00-18:00 Europe/Berlin", s, why)
	}
	parts := strings.Fields(s)
	if len(parts) != 3 {
		return refuse("has not three parts")
	}
	var h Hours
	first, last, span := strings.Cut(parts[0], "-")
	if !span {
		last = first
	}
	from, to := slices.Index(weekdays(), first), slices.Index(weekdays(), last)
	if from < 0 || to < from {
		return refuse("names no days from Mon to Sun")
	}
	for i := from; i <= to; i++ {
		h.days[(i+1)%7] = true
	}
	begin, end, _ := strings.Cut(parts[1], "-")
	var ok1, ok2 bool
	h.from, ok1 = minuteOf(begin)
	h.to, ok2 = minuteOf(end)
	if !ok1 || !ok2 || h.to <= h.from {
		return refuse("names no hours of one day")
	}
	zone, err := time.LoadLocation(parts[2])
	if err != nil || parts[2] == "Local" {
		return refuse("names no time zone")
	}
	h.zone = zone
	return h, nil
}

// minuteOf reads "08:30"; "24:00" is the end of the day.
func minuteOf(s string) (int, bool) {
	if s == "24:00" {
		return 24 * 60, true
	}
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err == nil && len(s) == 5
}

// Until is when the stretch that t lies in ends, or the zero time when it lies in none. Of the zero Hours it never ends.
func (h Hours) Until(t time.Time) time.Time {
	if h.zone == nil {
		return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	here := t.In(h.zone)
	at := func(minute int) time.Time {
		return time.Date(here.Year(), here.Month(), here.Day(), minute/60, minute%60, 0, 0, h.zone)
	}
	if !h.days[here.Weekday()] || t.Before(at(h.from)) || !t.Before(at(h.to)) {
		return time.Time{}
	}
	return at(h.to).UTC()
}
