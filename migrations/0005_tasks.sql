-- `reported` is the place in the session's log up to which the task was told; `swept_at` when a sweep last looked at it.
CREATE TABLE tasks (
  id TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL,
  reported INTEGER NOT NULL DEFAULT 0,
  swept_at TEXT NOT NULL DEFAULT '',
  idempotency_key TEXT AS (body ->> '$.idempotency_key'),
  status TEXT AS (body ->> '$.status'),
  agent_id TEXT AS (body ->> '$.agent.id'),
  session_id TEXT AS (body ->> '$.session_id'),
  ending TEXT AS (body ->> '$.ending'),
  deadline TEXT AS (body ->> '$.deadline'),
  heard_at TEXT AS (max(body ->> '$.updated_at', swept_at))
);
CREATE UNIQUE INDEX tasks_key ON tasks (idempotency_key);
CREATE INDEX tasks_status ON tasks (status, agent_id, id);
CREATE INDEX tasks_agent ON tasks (agent_id, id);
CREATE INDEX tasks_deadline ON tasks (deadline)
  WHERE deadline IS NOT NULL AND ending IS NULL AND status IN ('queued', 'claimed', 'running', 'waiting');
CREATE INDEX tasks_heard ON tasks (heard_at) WHERE status IN ('claimed', 'running', 'waiting');

-- `next_at` is when it is tried next, in milliseconds since the epoch; null behind one of its lane that is pending, and once it is over.
CREATE TABLE deliveries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT UNIQUE NOT NULL,
  body TEXT NOT NULL,
  next_at INTEGER,
  session_id TEXT AS (body ->> '$.session_id'),
  task_id TEXT AS (body ->> '$.task_id'),
  status TEXT AS (body ->> '$.status'),
  updated_at TEXT AS (body ->> '$.updated_at'),
  lane TEXT AS (coalesce(body ->> '$.session_id', body ->> '$.task_id', '') || ' ' || (body -> '$.to'))
);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX deliveries_lane ON deliveries (lane, seq) WHERE status = 'pending';
CREATE INDEX deliveries_session ON deliveries (session_id, id);
CREATE INDEX deliveries_task ON deliveries (task_id, id);
CREATE INDEX deliveries_status ON deliveries (status, id);
CREATE INDEX deliveries_updated ON deliveries (updated_at) WHERE status <> 'pending';

CREATE TABLE dead_letters (
  id TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL,
  replayed_at TEXT AS (body ->> '$.replayed_at')
);
CREATE INDEX dead_letters_replayed ON dead_letters (replayed_at) WHERE replayed_at IS NOT NULL;

CREATE TABLE sweeps (
  id TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL,
  created_at TEXT AS (body ->> '$.created_at')
);
CREATE INDEX sweeps_created ON sweeps (created_at);

ALTER TABLE sessions ADD COLUMN swept_at TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN heard_at TEXT AS (max(body ->> '$.updated_at', swept_at));
CREATE INDEX sessions_heard ON sessions (heard_at) WHERE status IN ('running', 'rescheduling');
