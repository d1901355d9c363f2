-- What credentials are counted and chosen by.
ALTER TABLE credentials ADD COLUMN source text COLLATE "C" NOT NULL DEFAULT '', ADD COLUMN state text COLLATE "C" NOT NULL DEFAULT '';
UPDATE credentials SET source = body::json->>'Source', state = body::json->>'State';
