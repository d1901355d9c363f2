-- Roles for a while: what people ask for, and the leases below their sessions that give it.
ALTER TABLE leases ADD COLUMN parent TEXT NOT NULL DEFAULT '';
CREATE INDEX leases_parent ON leases (parent) WHERE NOT ended AND parent <> '';
CREATE TABLE elevations (
	id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, account TEXT NOT NULL, waits INTEGER NOT NULL, expires INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX elevations_waiting ON elevations (account) WHERE waits;
CREATE INDEX elevations_late ON elevations (expires) WHERE waits;
CREATE INDEX elevations_of ON elevations (account, id);
CREATE INDEX elevations_tenant ON elevations (tenant, id);
CREATE INDEX elevations_past ON elevations (tenant, expires) WHERE NOT waits;
