-- Leases of one task end together.
ALTER TABLE leases ADD COLUMN task text COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX leases_task ON leases (tenant, task, id) WHERE NOT ended AND task <> '';
