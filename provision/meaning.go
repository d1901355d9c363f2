package provision

import (
	_ "embed"
	"strings"
)

// reasonSource is where the meanings stand: said once, beside their codes.
//
//go:embed reason.go
var reasonSource string

// Meaning is what r means, and what to do about it, as the comment on its declaration says: one sentence or more each,
// "" for a code that is not declared.
func (r Reason) Meaning() (meaning, do string) {
	var comment []string
	for line := range strings.Lines(reasonSource) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, "// "); ok {
			comment = append(comment, text)
			continue
		}
		if strings.HasSuffix(line, ` Reason = "`+string(r)+`"`) {
			meaning, do, _ = strings.Cut(strings.Join(comment, " "), " Do: ")
			return meaning, strings.ToUpper(do[:min(1, len(do))]) + do[min(1, len(do)):]
		}
		comment = nil
	}
	return "", ""
}
