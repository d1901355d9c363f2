-- Links by which a tenant's people register their identity provider themselves.
CREATE TABLE setups (id text COLLATE "C" PRIMARY KEY, tenant text COLLATE "C" NOT NULL, revision bigint NOT NULL, open boolean NOT NULL, body text NOT NULL);
CREATE INDEX setups_tenant ON setups (tenant, id);
