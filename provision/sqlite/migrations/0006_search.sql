-- What administrators look for. These columns are read out of bodies, and are never written.
ALTER TABLE accounts ADD COLUMN name TEXT AS (json_extract(body, '$.Name'));
ALTER TABLE accounts ADD COLUMN used INTEGER AS (max(unixepoch(json_extract(body, '$.LastLogin')), unixepoch(json_extract(body, '$.Created'))));
ALTER TABLE accounts ADD COLUMN offices TEXT AS (json_extract(body, '$.Offices'));
CREATE INDEX accounts_find ON accounts (tenant, id, email, name, state, used);
CREATE INDEX accounts_state ON accounts (tenant, state);
CREATE INDEX accounts_office ON accounts (tenant, id) WHERE offices IS NOT NULL;

ALTER TABLE events ADD COLUMN account TEXT AS (json_extract(body, '$.Account'));
ALTER TABLE events ADD COLUMN reason TEXT AS (json_extract(body, '$.Reason'));
ALTER TABLE events ADD COLUMN at INTEGER AS (unixepoch(json_extract(body, '$.Time')));
ALTER TABLE events ADD COLUMN refused INTEGER AS (CASE WHEN kind IN ('login', 'login.protocol') AND json_extract(body, '$.Outcome') = 'denied' THEN max(1, json_extract(body, '$.Count')) ELSE 0 END);
CREATE INDEX events_account ON events (account, seq) WHERE account <> '';
CREATE INDEX events_reason ON events (reason, seq) WHERE reason <> '';
CREATE INDEX events_at ON events (at, seq);
ALTER TABLE events ADD COLUMN day INTEGER AS (unixepoch(json_extract(body, '$.Time')) / 86400);
CREATE INDEX events_refused ON events (day, tenant, reason, refused) WHERE refused > 0; -- in the order in which they are summed up

ALTER TABLE deliveries ADD COLUMN tenant TEXT AS (json_extract(body, '$.Tenant'));
CREATE INDEX deliveries_stuck_of ON deliveries (tenant, seq) WHERE state = 'stuck';
