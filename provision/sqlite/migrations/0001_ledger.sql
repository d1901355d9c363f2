-- Tables whose rows are small are kept in the order of their keys (WITHOUT ROWID). Those with a body are not: SQLite
-- would keep bodies in the inner pages of the tree, too, and make it several times as deep.

CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE keys (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE tenants (id TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE policies (tenant TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (tenant, version));

CREATE TABLE connections (id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE connection_domains (domain TEXT NOT NULL, connection TEXT NOT NULL, PRIMARY KEY (domain, connection)) WITHOUT ROWID;
CREATE INDEX connection_domains_of ON connection_domains (connection);

CREATE TABLE apps (id TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE app_origins (origin TEXT PRIMARY KEY, app TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX app_origins_of ON app_origins (app);

CREATE TABLE claims (domain TEXT NOT NULL, tenant TEXT NOT NULL, owns INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (domain, tenant));
CREATE UNIQUE INDEX claims_owner ON claims (domain) WHERE owns;

CREATE TABLE accounts (id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, state TEXT NOT NULL, email TEXT NOT NULL, body TEXT NOT NULL);
CREATE UNIQUE INDEX accounts_email ON accounts (tenant, email) WHERE email <> '' AND state <> 'deleted';
CREATE INDEX accounts_tenant ON accounts (tenant, id);
CREATE INDEX accounts_seats ON accounts (tenant) WHERE state = 'active';

CREATE TABLE links (
	id INTEGER PRIMARY KEY,
	connection TEXT NOT NULL, subject TEXT NOT NULL, pseudonym TEXT NOT NULL, account TEXT NOT NULL, created INTEGER NOT NULL
);
CREATE UNIQUE INDEX links_key ON links (connection, subject) WHERE subject <> '';
CREATE INDEX links_pseudonym ON links (pseudonym, created);
CREATE INDEX links_account ON links (account);

CREATE TABLE leases (
	id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, account TEXT NOT NULL, connection TEXT NOT NULL, domain TEXT NOT NULL,
	start INTEGER NOT NULL, due INTEGER NOT NULL, ended INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX leases_due ON leases (due) WHERE NOT ended;
CREATE INDEX leases_account ON leases (account) WHERE NOT ended;
CREATE INDEX leases_tenant ON leases (tenant, id) WHERE NOT ended;
CREATE INDEX leases_connection ON leases (connection) WHERE NOT ended;
CREATE INDEX leases_domain ON leases (domain) WHERE NOT ended;

CREATE TABLE entries (lease TEXT NOT NULL, app TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (lease, app)) WITHOUT ROWID;

CREATE TABLE spent (kind TEXT NOT NULL, scope TEXT NOT NULL, id TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (kind, scope, id)) WITHOUT ROWID;
CREATE INDEX spent_until ON spent (until);

CREATE TABLE decisions (id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX decisions_at ON decisions (tenant, at);

CREATE TABLE revocations (id TEXT NOT NULL PRIMARY KEY, settled INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX revocations_open ON revocations (id) WHERE NOT settled;

CREATE TABLE events (seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, kind TEXT NOT NULL, ref TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX events_ref ON events (ref, seq);
CREATE INDEX events_tenant ON events (tenant, seq);
CREATE INDEX events_kind ON events (kind, seq);
