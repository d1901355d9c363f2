-- What a commit without an event leaves, so that whoever lost the answer to it can find out whether it happened.
CREATE TABLE receipts (id text COLLATE "C" PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
CREATE INDEX receipts_at ON receipts (at);
