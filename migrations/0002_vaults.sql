CREATE TABLE vaults (
  id TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL,
  archived_at TEXT AS (body ->> '$.archived_at')
);

-- `secrets` holds the values, each encrypted, by the name of its field. No two credentials in use are for the same server or variable.
CREATE TABLE credentials (
  id TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL,
  secrets TEXT NOT NULL,
  vault_id TEXT AS (body ->> '$.vault_id'),
  identity TEXT AS (coalesce(body ->> '$.auth.mcp_server_url', body ->> '$.auth.secret_name')),
  archived_at TEXT AS (body ->> '$.archived_at')
);
CREATE INDEX credentials_vault ON credentials (vault_id, id);
CREATE UNIQUE INDEX credentials_identity ON credentials (vault_id, identity) WHERE archived_at IS NULL;
