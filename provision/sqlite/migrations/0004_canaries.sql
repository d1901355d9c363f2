-- Leases that nobody holds, made and ended to see how soon they are refused, and what each process saw of them.
CREATE TABLE canaries (id TEXT NOT NULL PRIMARY KEY, planted INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX canaries_planted ON canaries (planted);
CREATE TABLE sightings (canary TEXT NOT NULL, process TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (canary, process));
