-- Leases that nobody holds, made and ended to see how soon they are refused, and what each process saw of them.
CREATE TABLE canaries (id text COLLATE "C" PRIMARY KEY, planted bigint NOT NULL, body text NOT NULL);
CREATE INDEX canaries_planted ON canaries (planted);
CREATE TABLE sightings (canary text COLLATE "C" NOT NULL, process text COLLATE "C" NOT NULL, body text NOT NULL, PRIMARY KEY (canary, process));
