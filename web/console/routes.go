package console

// route is a page, or a form of one, for whoever holds an office.
type route struct {
	pattern string // of http.ServeMux
	serve   serve
}

// serve answers one request of somebody who holds an office. An error is answered with the page that there is for it;
// what the mandate does not reach is provision.ErrNotFound.
type serve func(v *visit) error

// routes is everything that is served, and where.
func (c *Console) routes() []route {
	return []route{
		{"GET /admin", c.overview},
		{"GET /admin/{$}", c.overview},
		{"GET /admin/accounts", c.accounts},
	}
}

// tabs is the navigation: the paths by which each page finds its place.
func tabs() []tab {
	return []tab{
		{"/admin", "Overview"},
		{"/admin/accounts", "Accounts"},
	}
}

// tab is a line of the navigation.
type tab struct{ URL, Text string }
