-- Users at databases and the like that exist for as long as a lease. No password is here.
CREATE TABLE credentials (
	id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, lease TEXT NOT NULL, open INTEGER NOT NULL, held INTEGER NOT NULL, next INTEGER NOT NULL, until INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX credentials_open ON credentials (next) WHERE open;
CREATE INDEX credentials_lease ON credentials (lease);
CREATE INDEX credentials_tenant ON credentials (tenant, id);
