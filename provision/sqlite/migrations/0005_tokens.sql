-- Tokens of the API. Of a secret only its hash is kept, in the body.
CREATE TABLE tokens (id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, used INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX tokens_tenant ON tokens (tenant, id);
CREATE INDEX decisions_tenant ON decisions (tenant, id);
