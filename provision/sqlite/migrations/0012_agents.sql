-- Leases by which a workload acts for a person.
ALTER TABLE leases ADD COLUMN agent TEXT NOT NULL DEFAULT '';
CREATE INDEX leases_agent ON leases (agent, id) WHERE NOT ended AND agent <> '';
