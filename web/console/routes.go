package console

// route is a page, or a form of one, for whoever holds an office.
type route struct {
	pattern string // of http.ServeMux
	serve   serve
}

// serve answers one request of somebody who holds an office. An error is answered with the page that there is for it;
// what the mandate does not reach is provision.ErrNotFound.
type serve func(v *visit) error

// routes is everything that is served to whoever holds an office, and where. Pages that ask before something is done
// have the address to which their form is posted.
func (c *Console) routes() []route {
	return append(c.policyRoutes(), []route{
		{"GET /admin", c.overview},
		{"GET /admin/{$}", c.overview},
		{"GET /admin/accounts", c.accounts},
		{"GET /admin/accounts/new", c.askAccount},
		{"POST /admin/accounts/new", c.makeAccount},
		{"GET /admin/accounts/{id}", c.account},
		{"GET /admin/accounts/{id}/{act}", c.askAccountAct},
		{"POST /admin/accounts/{id}/{act}", c.doAccountAct},
		{"GET /admin/leases", c.leases},
		{"GET /admin/leases/{id}", c.lease},
		{"GET /admin/leases/{id}/end", c.askEnd},
		{"POST /admin/leases/{id}/end", c.doEnd},
		{"GET /admin/connections", c.connections},
		{"GET /admin/connections/{id}", c.connection},
		{"GET /admin/connections/{id}/test", c.testLogin},
		{"POST /admin/connections/{id}/test", c.tryLogin},
		{"POST /admin/connections/{id}/response", c.tryResponse},
		{"GET /admin/connections/{id}/{act}", c.askConnectionAct},
		{"POST /admin/connections/{id}/{act}", c.doConnectionAct},
		{"GET /admin/domains", c.domains},
		{"GET /admin/domains/{tenant}/{domain}", c.domain},
		{"GET /admin/domains/{tenant}/{domain}/attest", c.askAttest},
		{"POST /admin/domains/{tenant}/{domain}/attest", c.doAttest},
		{"POST /admin/domains/{tenant}/{domain}/check", c.checkDomain},
		{"GET /admin/apps", c.apps},
		{"GET /admin/apps/{id}", c.app},
		{"GET /admin/deliveries", c.deliveries},
		{"GET /admin/deliveries/{id}/{act}", c.askDeliveryAct},
		{"POST /admin/deliveries/{id}/{act}", c.doDeliveryAct},
		{"GET /admin/tenants", c.tenants},
		{"GET /admin/tenants/{id}", c.tenant},
		{"GET /admin/tenants/{id}/setups/new", c.askSetup},
		{"POST /admin/tenants/{id}/setups/new", c.makeSetup},
		{"GET /admin/tenants/{id}/setups/{setup}/withdraw", c.askWithdraw},
		{"POST /admin/tenants/{id}/setups/{setup}/withdraw", c.doWithdraw},
		{"GET /admin/tenants/{id}/{act}", c.askTenantAct},
		{"POST /admin/tenants/{id}/{act}", c.doTenantAct},
		{"GET /admin/requests", c.requests},
		{"GET /admin/orphans", c.orphans},
		{"GET /admin/audit", c.audit},
		{"GET /admin/audit.jsonl", c.export},
	}...)
}

// tabs is the navigation: the paths by which each page finds its place.
func tabs() []tab {
	return []tab{
		{"/admin", "Overview"}, {"/admin/accounts", "Accounts"}, {"/admin/leases", "Leases"}, {"/admin/connections", "Connections"}, {"/admin/domains", "Domains"},
		{"/admin/apps", "Apps"}, {"/admin/deliveries", "Deliveries"}, {"/admin/requests", "Requests"}, {"/admin/orphans", "Orphans"}, {"/admin/audit", "Audit"}, {"/admin/tenants", "Tenants"},
	}
}

// tab is a line of the navigation.
type tab struct{ URL, Text string }
