-- What a lease remembers of its session at the identity provider, and when that is asked next whether it stands by it.
ALTER TABLE leases ADD COLUMN asks bigint NOT NULL DEFAULT 0;
CREATE INDEX leases_asks ON leases (connection, asks) WHERE NOT ended AND asks <> 0;
CREATE TABLE upstreams (lease text COLLATE "C" PRIMARY KEY, account text COLLATE "C" NOT NULL, sealed bytea);
CREATE TABLE upstream_handles (handle text COLLATE "C" NOT NULL, lease text COLLATE "C" NOT NULL, PRIMARY KEY (handle, lease));
CREATE INDEX upstream_handles_of ON upstream_handles (lease);
