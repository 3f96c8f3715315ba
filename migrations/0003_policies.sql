-- Versions of policies: `revision` counts the saves of one, `version` is the hash of what was saved.

CREATE TABLE policies (
  id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  body TEXT NOT NULL,
  version TEXT AS (body ->> '$.version'),
  archived_at TEXT AS (body ->> '$.archived_at'),
  PRIMARY KEY (id, revision)
);

-- What the audit says more of a request. Older records get it as unknown.

UPDATE egress_decisions SET body = json_set(
  body,
  '$.agent_id', NULL, '$.tool_use_id', NULL, '$.policy_id', NULL, '$.policy_version', NULL, '$.rule', NULL, '$.approval', NULL,
  '$.bytes_out', NULL, '$.bytes_in', NULL, '$.duration_ms', NULL
);
ALTER TABLE egress_decisions ADD COLUMN agent_id TEXT AS (body ->> '$.agent_id');
ALTER TABLE egress_decisions ADD COLUMN host TEXT AS (body ->> '$.host');
