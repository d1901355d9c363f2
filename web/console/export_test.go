package console

// Patterns are all the routes for whoever holds an office.
func (c *Console) Patterns() (patterns []string) {
	for _, r := range c.routes() {
		patterns = append(patterns, r.pattern)
	}
	return patterns
}

// AccountActs are the names of all that is done about accounts.
func AccountActs() (names []string) {
	for _, a := range accountActs() {
		names = append(names, a.name)
	}
	return names
}
