-- Which apps were handed a lease of an account, since they were last told that it is gone.
CREATE TABLE known (account TEXT NOT NULL, app TEXT NOT NULL, PRIMARY KEY (account, app)) WITHOUT ROWID;
INSERT INTO known SELECT DISTINCT l.account, e.app FROM entries e JOIN leases l ON l.id = e.lease WHERE NOT l.ended;

CREATE TABLE deliveries (
	id TEXT NOT NULL PRIMARY KEY, seq INTEGER NOT NULL, app TEXT NOT NULL, account TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
	due INTEGER NOT NULL, next INTEGER NOT NULL, taker TEXT NOT NULL, settled INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE UNIQUE INDEX deliveries_seq ON deliveries (seq, app);
CREATE INDEX deliveries_next ON deliveries (app, next) WHERE state = 'pending';
CREATE INDEX deliveries_line ON deliveries (app, account, seq) WHERE state = 'pending';
CREATE INDEX deliveries_stuck ON deliveries (app) WHERE state = 'stuck';
CREATE INDEX deliveries_leaving ON deliveries (account, app) WHERE kind = 'account.deactivated' AND state IN ('pending', 'stuck');
CREATE INDEX deliveries_told ON deliveries (app, settled) WHERE state IN ('delivered', 'dropped');
