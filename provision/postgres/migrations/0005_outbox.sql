-- Which apps were handed a lease of an account, since they were last told that it is gone.
CREATE TABLE known (account text COLLATE "C" NOT NULL, app text COLLATE "C" NOT NULL, PRIMARY KEY (account, app));
INSERT INTO known SELECT DISTINCT l.account, e.app FROM entries e JOIN leases l ON l.id = e.lease WHERE NOT l.ended;

ALTER TABLE apps ADD COLUMN told boolean NOT NULL DEFAULT false; -- it asked to be told of ends

-- What apps are to be told. Of one account, n follows the order of its commits; seq is that of the event, once it has one.
CREATE TABLE deliveries (
	n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE, event text COLLATE "C" NOT NULL, seq bigint,
	app text COLLATE "C" NOT NULL, account text COLLATE "C" NOT NULL, kind text NOT NULL, state text NOT NULL,
	due bigint NOT NULL, next bigint NOT NULL, taker text NOT NULL, settled bigint NOT NULL, body text NOT NULL, UNIQUE (event, app)
);
CREATE INDEX deliveries_seq ON deliveries (seq, app);
CREATE INDEX deliveries_next ON deliveries (app, next) WHERE state = 'pending';
CREATE INDEX deliveries_line ON deliveries (app, account, n) WHERE state = 'pending';
CREATE INDEX deliveries_stuck ON deliveries (app) WHERE state = 'stuck';
CREATE INDEX deliveries_leaving ON deliveries (account, app) WHERE kind = 'account.deactivated' AND state IN ('pending', 'stuck');
CREATE INDEX deliveries_told ON deliveries (app, settled) WHERE state IN ('delivered', 'dropped');
