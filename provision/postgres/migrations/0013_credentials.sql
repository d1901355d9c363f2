-- Users at databases and the like that exist for as long as a lease. No password is here.
CREATE TABLE credentials (
	id text COLLATE "C" PRIMARY KEY, tenant text COLLATE "C" NOT NULL, lease text COLLATE "C" NOT NULL, open boolean NOT NULL, held boolean NOT NULL, next bigint NOT NULL, until bigint NOT NULL, body text NOT NULL
);
CREATE INDEX credentials_open ON credentials (next) WHERE open;
CREATE INDEX credentials_lease ON credentials (lease);
CREATE INDEX credentials_tenant ON credentials (tenant, id);
