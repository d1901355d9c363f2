-- Links by which a tenant's people register their identity provider themselves.
CREATE TABLE setups (id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, revision INTEGER NOT NULL, open INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX setups_tenant ON setups (tenant, id);
