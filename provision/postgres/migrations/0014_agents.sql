-- Leases by which a workload acts for a person: its account, and its issuer.
ALTER TABLE leases ADD COLUMN agent text COLLATE "C" NOT NULL DEFAULT '', ADD COLUMN agent_connection text COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX leases_agent ON leases (agent, id) WHERE NOT ended AND agent <> '';
