package web

import "strconv"

// tried is a form that was refused, for the page on which it stands.
type tried struct {
	Form      map[string][]string
	Wrong, Do string // why, and what to do; "": it was not refused
	Ref       string
}

// Was is what stood in a field of the form.
func (f tried) Was(field string) string {
	if values := f.Form[field]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// minutes is what stood there as a time, or what the form begins with.
func (f tried) minutes(first int) string {
	if was := f.Was("minutes"); was != "" {
		return was
	}
	return strconv.Itoa(first)
}
