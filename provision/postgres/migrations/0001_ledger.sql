-- Names are compared by their bytes. A body is a noun as JSON: nothing in the database looks inside, and what it has to
-- compare is a column beside it. What people of elsewhere chose (subjects, ids of messages) is kept as bytes: it may hold
-- what no text of PostgreSQL can.

CREATE TABLE meta (name text COLLATE "C" PRIMARY KEY, value bigint NOT NULL);
CREATE TABLE keys (name text COLLATE "C" PRIMARY KEY, value bytea NOT NULL);

CREATE TABLE tenants (
	id text COLLATE "C" PRIMARY KEY, generation bigint NOT NULL, revision bigint NOT NULL, seats bigint NOT NULL, body text NOT NULL
);
CREATE TABLE policies (tenant text COLLATE "C" NOT NULL, version bigint NOT NULL, body text NOT NULL, PRIMARY KEY (tenant, version));

CREATE TABLE connections (
	id text COLLATE "C" PRIMARY KEY, tenant text COLLATE "C" NOT NULL, generation bigint NOT NULL, revision bigint NOT NULL, first boolean NOT NULL, body text NOT NULL
);
CREATE INDEX connections_tenant ON connections (tenant, id);
CREATE TABLE connection_domains (domain text COLLATE "C" NOT NULL, connection text COLLATE "C" NOT NULL, PRIMARY KEY (domain, connection));
CREATE INDEX connection_domains_of ON connection_domains (connection);

CREATE TABLE apps (id text COLLATE "C" PRIMARY KEY, revision bigint NOT NULL, tenants text[] NOT NULL, body text NOT NULL);
CREATE TABLE app_origins (origin text COLLATE "C" PRIMARY KEY, app text COLLATE "C" NOT NULL);
CREATE INDEX app_origins_of ON app_origins (app);

CREATE TABLE claims (
	domain text COLLATE "C" NOT NULL, tenant text COLLATE "C" NOT NULL, owns boolean NOT NULL, opens boolean NOT NULL,
	generation bigint NOT NULL, revision bigint NOT NULL, body text NOT NULL, PRIMARY KEY (domain, tenant)
);
CREATE UNIQUE INDEX claims_owner ON claims (domain) WHERE owns;
CREATE INDEX claims_tenant ON claims (tenant, domain);

CREATE TABLE accounts (
	id text COLLATE "C" PRIMARY KEY, tenant text COLLATE "C" NOT NULL, state text NOT NULL, email text COLLATE "C" NOT NULL,
	used bigint NOT NULL, generation bigint NOT NULL, body text NOT NULL
);
CREATE UNIQUE INDEX accounts_email ON accounts (tenant, email) WHERE email <> '' AND state <> 'deleted';
CREATE INDEX accounts_tenant ON accounts (tenant, id);
CREATE INDEX accounts_seats ON accounts (tenant) WHERE state = 'active';

CREATE TABLE links (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	connection text COLLATE "C" NOT NULL, subject bytea NOT NULL, pseudonym text COLLATE "C" NOT NULL, account text COLLATE "C" NOT NULL, created bigint NOT NULL
);
CREATE UNIQUE INDEX links_key ON links (connection, subject) WHERE subject <> '';
CREATE INDEX links_pseudonym ON links (pseudonym, created, id) WHERE subject = '';
CREATE INDEX links_account ON links (account);
CREATE INDEX links_of ON links (connection, account) WHERE subject <> '';

CREATE TABLE leases (
	id text COLLATE "C" PRIMARY KEY, tenant text COLLATE "C" NOT NULL, account text COLLATE "C" NOT NULL, connection text COLLATE "C" NOT NULL,
	domain text COLLATE "C" NOT NULL, parent text COLLATE "C" NOT NULL,
	installation_generation bigint NOT NULL, tenant_generation bigint NOT NULL, connection_generation bigint NOT NULL,
	domain_generation bigint NOT NULL, account_generation bigint NOT NULL,
	seen bigint NOT NULL, idle bigint NOT NULL, ends bigint NOT NULL, due bigint NOT NULL, ended boolean NOT NULL, body text NOT NULL
);
CREATE INDEX leases_due ON leases (due) WHERE NOT ended;
CREATE INDEX leases_account ON leases (account) WHERE NOT ended;
CREATE INDEX leases_tenant ON leases (tenant, id) WHERE NOT ended;
CREATE INDEX leases_below_installation ON leases (installation_generation) WHERE NOT ended;
CREATE INDEX leases_below_tenant ON leases (tenant, tenant_generation) WHERE NOT ended;
CREATE INDEX leases_below_connection ON leases (connection, connection_generation) WHERE NOT ended;
CREATE INDEX leases_below_domain ON leases (domain, domain_generation) WHERE NOT ended;
CREATE INDEX leases_past ON leases (tenant, due) WHERE ended;

CREATE TABLE entries (lease text COLLATE "C" NOT NULL, app text COLLATE "C" NOT NULL, at bigint NOT NULL, PRIMARY KEY (lease, app));

CREATE TABLE spent (kind text COLLATE "C" NOT NULL, scope bytea NOT NULL, id bytea NOT NULL, until bigint NOT NULL, PRIMARY KEY (kind, scope, id));
CREATE INDEX spent_until ON spent (until);

CREATE TABLE decisions (id text COLLATE "C" PRIMARY KEY, tenant text COLLATE "C" NOT NULL, at bigint NOT NULL, body text NOT NULL);
CREATE INDEX decisions_at ON decisions (tenant, at);

CREATE TABLE revocations (id text COLLATE "C" PRIMARY KEY, settled boolean NOT NULL, body text NOT NULL);
CREATE INDEX revocations_open ON revocations (id) WHERE NOT settled;

-- Commits put their events into inbox, with ledger time. Whoever reads events moves them, one at a time, and gives each
-- its number: events has no gap, and nothing appears in it behind what was read.
CREATE TABLE inbox (
	n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at bigint NOT NULL, resets bigint NOT NULL,
	tenant text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL, ref text COLLATE "C" NOT NULL, body text NOT NULL
);
CREATE TABLE events (seq bigint PRIMARY KEY, tenant text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL, ref text COLLATE "C" NOT NULL, body text NOT NULL);
CREATE INDEX events_ref ON events (ref, seq);
CREATE INDEX events_tenant ON events (tenant, seq);
CREATE INDEX events_kind ON events (kind, seq);
