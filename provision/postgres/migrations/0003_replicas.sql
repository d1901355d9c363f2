-- Processes that share the database, what they have to hear of each other's changes, and what each has applied
-- (docs/design/0007-coherence.md). The transaction of a change is what orders it: sequences commit out of order.
CREATE TABLE replicas (id text COLLATE "C" PRIMARY KEY, process text COLLATE "C" NOT NULL, renewals bigint NOT NULL DEFAULT 0);
CREATE TABLE changes (
	id text COLLATE "C" PRIMARY KEY, xid xid8 NOT NULL DEFAULT pg_current_xact_id(), leases text[] NOT NULL, everything boolean NOT NULL, judge text[] NOT NULL
);
CREATE INDEX changes_xid ON changes (xid);
CREATE TABLE applied (change text COLLATE "C" NOT NULL, replica text COLLATE "C" NOT NULL, PRIMARY KEY (change, replica));
