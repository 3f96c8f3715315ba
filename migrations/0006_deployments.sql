-- `scheduled_at` and `due_at` are those of the next run, in milliseconds since the epoch; null while nothing is to come.
CREATE TABLE deployments (
  id TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL,
  scheduled_at INTEGER,
  due_at INTEGER,
  last_run_at TEXT,
  agent_id TEXT AS (body ->> '$.agent.id'),
  status TEXT AS (body ->> '$.status'),
  created_at TEXT AS (body ->> '$.created_at'),
  archived_at TEXT AS (body ->> '$.archived_at')
);
CREATE INDEX deployments_due ON deployments (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deployments_agent ON deployments (agent_id, id);
CREATE INDEX deployments_status ON deployments (status, id);

-- The run of a deployment is a task. One that is `held` waits for the runs of its deployment that came before it.
ALTER TABLE tasks ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN deployment_id TEXT AS (body ->> '$.deployment_run.deployment_id');
ALTER TABLE tasks ADD COLUMN scheduled_at TEXT AS (body ->> '$.deployment_run.trigger_context.scheduled_at');
ALTER TABLE tasks ADD COLUMN never_began INTEGER AS (
  body ->> '$.session_id' IS NULL AND body ->> '$.status' IN ('succeeded', 'failed', 'expired', 'cancelled')
);
ALTER TABLE tasks ADD COLUMN created_at TEXT AS (body ->> '$.created_at');
CREATE INDEX tasks_queued ON tasks (agent_id, id) WHERE status = 'queued' AND held = 0;
CREATE INDEX tasks_runs ON tasks (id) WHERE deployment_id IS NOT NULL;
CREATE INDEX tasks_runs_of ON tasks (deployment_id, id) WHERE deployment_id IS NOT NULL;
CREATE INDEX tasks_runs_open ON tasks (deployment_id, held, id)
  WHERE deployment_id IS NOT NULL AND status IN ('queued', 'claimed', 'running', 'waiting');
CREATE INDEX tasks_runs_failed ON tasks (id) WHERE deployment_id IS NOT NULL AND never_began = 1;
CREATE UNIQUE INDEX tasks_scheduled ON tasks (deployment_id, scheduled_at) WHERE scheduled_at IS NOT NULL;

ALTER TABLE sessions ADD COLUMN deployment_id TEXT AS (body ->> '$.deployment_id');
CREATE INDEX sessions_deployment ON sessions (deployment_id, id) WHERE deployment_id IS NOT NULL;
