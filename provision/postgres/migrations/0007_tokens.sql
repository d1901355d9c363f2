-- Tokens of the API. Of a secret only its hash is kept, in the body.
CREATE TABLE tokens (id text COLLATE "C" PRIMARY KEY, tenant text COLLATE "C" NOT NULL, used bigint NOT NULL, body text NOT NULL);
CREATE INDEX tokens_tenant ON tokens (tenant, id);
CREATE INDEX decisions_tenant ON decisions (tenant, id);
