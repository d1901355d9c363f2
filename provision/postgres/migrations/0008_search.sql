-- What administrators look for. These columns are read out of bodies, and are never written. The functions are called
-- immutable because what they read is written by one program: JSON, and times in UTC. A body may hold what no text of
-- PostgreSQL can, written as an escape (RFC 8259, 7), which is left out; one whose backslash is itself escaped is none.
CREATE FUNCTION body_json(body text) RETURNS json LANGUAGE sql IMMUTABLE AS
	$$SELECT CASE WHEN position('\u0000' IN body) = 0 THEN body ELSE regexp_replace(body, '(?<!\\)((?:\\\\)*)\\u0000', '\1', 'g') END::json$$;
CREATE FUNCTION body_text(body text, key text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT body_json(body) ->> key';
CREATE FUNCTION body_time(body text, key text) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT floor(extract(epoch FROM (body_json(body) ->> key)::timestamptz))::bigint';

ALTER TABLE accounts ADD COLUMN name text GENERATED ALWAYS AS (body_text(body, 'Name')) STORED,
	ADD COLUMN offices text GENERATED ALWAYS AS (body_text(body, 'Offices')) STORED;
CREATE INDEX accounts_state ON accounts (tenant, state);
CREATE INDEX accounts_office ON accounts (tenant, id) WHERE offices IS NOT NULL;

ALTER TABLE events ADD COLUMN account text COLLATE "C" GENERATED ALWAYS AS (body_text(body, 'Account')) STORED,
	ADD COLUMN reason text COLLATE "C" GENERATED ALWAYS AS (body_text(body, 'Reason')) STORED,
	ADD COLUMN at bigint GENERATED ALWAYS AS (body_time(body, 'Time')) STORED,
	ADD COLUMN refused bigint GENERATED ALWAYS AS (CASE WHEN kind IN ('login', 'login.protocol') AND body_text(body, 'Outcome') = 'denied' THEN greatest(1, body_text(body, 'Count')::bigint) ELSE 0 END) STORED;
CREATE INDEX events_account ON events (account, seq) WHERE account <> '';
CREATE INDEX events_reason ON events (reason, seq) WHERE reason <> '';
CREATE INDEX events_at ON events (at, seq);
CREATE INDEX events_refused ON events (at, tenant, reason, refused) WHERE refused > 0;

ALTER TABLE deliveries ADD COLUMN tenant text COLLATE "C" GENERATED ALWAYS AS (body_text(body, 'Tenant')) STORED;
CREATE INDEX deliveries_stuck_of ON deliveries (tenant, seq) WHERE state = 'stuck';
