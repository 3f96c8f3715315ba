-- `body` is the whole item as JSON; the columns that queries filter by are read out of it, so that there is no second truth.

CREATE TABLE agents (
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  body TEXT NOT NULL,
  archived_at TEXT AS (body ->> '$.archived_at'),
  PRIMARY KEY (id, version)
);

CREATE TABLE environments (
  id TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL,
  name TEXT AS (body ->> '$.name'),
  archived_at TEXT AS (body ->> '$.archived_at')
);
CREATE UNIQUE INDEX environments_name ON environments (name);

CREATE TABLE sessions (
  id TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL,
  agent_id TEXT AS (body ->> '$.agent.id'),
  status TEXT AS (body ->> '$.status'),
  archived_at TEXT AS (body ->> '$.archived_at')
);
CREATE INDEX sessions_agent ON sessions (agent_id, id);
CREATE INDEX sessions_status ON sessions (status, id);

-- Written on every outbound request and read rarely: no index beyond the one that lists a session's decisions.
CREATE TABLE egress_decisions (
  id TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL,
  session_id TEXT AS (body ->> '$.session_id'),
  outcome TEXT AS (body ->> '$.outcome'),
  created_at TEXT AS (body ->> '$.created_at')
);
CREATE INDEX egress_decisions_session ON egress_decisions (session_id, id);
