-- What a lease remembers of its session at the identity provider, and when that is asked next whether it stands by it.

ALTER TABLE leases ADD COLUMN asks INTEGER NOT NULL DEFAULT 0;
CREATE INDEX leases_asks ON leases (connection, asks) WHERE NOT ended AND asks <> 0;

CREATE TABLE upstreams (lease TEXT NOT NULL PRIMARY KEY, account TEXT NOT NULL, sealed BLOB);

CREATE TABLE upstream_handles (handle TEXT NOT NULL, lease TEXT NOT NULL, PRIMARY KEY (handle, lease)) WITHOUT ROWID;
CREATE INDEX upstream_handles_of ON upstream_handles (lease);
