-- Roles for a while: what people ask for, and the leases below their sessions that give it.
CREATE INDEX leases_parent ON leases (parent) WHERE NOT ended AND parent <> '';
CREATE TABLE elevations (
	id text COLLATE "C" PRIMARY KEY, tenant text COLLATE "C" NOT NULL, account text COLLATE "C" NOT NULL, waits boolean NOT NULL, expires bigint NOT NULL, body text NOT NULL
);
CREATE INDEX elevations_waiting ON elevations (account) WHERE waits;
CREATE INDEX elevations_late ON elevations (expires) WHERE waits;
CREATE INDEX elevations_of ON elevations (account, id);
CREATE INDEX elevations_tenant ON elevations (tenant, id);
CREATE INDEX elevations_past ON elevations (tenant, expires) WHERE NOT waits;
