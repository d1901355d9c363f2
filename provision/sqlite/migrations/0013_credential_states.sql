-- What credentials are counted and chosen by.
ALTER TABLE credentials ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN state TEXT NOT NULL DEFAULT '';
UPDATE credentials SET source = json_extract(body, '$.Source'), state = json_extract(body, '$.State');
