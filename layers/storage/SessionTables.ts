/**
 * The tables of one session's object. The version that is kept says how many of these have run; a change of the tables is one more at the end.
 *
 * Only input events are logged twice under one id, so only they are indexed by it. A file's `version` is never given again, not even after
 * its file is deleted: that is what AUTOINCREMENT adds.
 */
const migrations: ReadonlyArray<string> = [
  `CREATE TABLE session (one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT NOT NULL);
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL
  );
  CREATE INDEX events_input ON events (id) WHERE type GLOB 'user.*';
  CREATE TABLE files (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    size INTEGER NOT NULL,
    mode INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    target TEXT NOT NULL
  );
  CREATE TABLE chunks (
    version INTEGER NOT NULL,
    start INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (version, start)
  );`,
  `CREATE TABLE checkpoint (part INTEGER PRIMARY KEY, seq INTEGER NOT NULL, body BLOB NOT NULL);
  CREATE TABLE takeovers (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, count INTEGER NOT NULL);
  UPDATE session SET body = json_insert(body, '$.budget', NULL);`
]

const versionTable = "CREATE TABLE schema_version (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL);"

const currentVersion = (sql: SqlStorage): number | undefined =>
  sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").toArray().length === 0
    ? undefined
    : sql.exec<{ version: number }>("SELECT version FROM schema_version").one().version

const migrate = (storage: DurableObjectStorage, version: number | undefined): void => {
  if (version === migrations.length) return
  if (version !== undefined && version > migrations.length) {
    throw new Error(`the session's tables are of version ${version}; this code knows ${migrations.length}`)
  }
  // One script: each call of `exec` has its price, and most objects are new.
  const script = [
    version === undefined ? versionTable : "",
    ...migrations.slice(version),
    `INSERT OR REPLACE INTO schema_version VALUES (1, ${migrations.length})`
  ].join("\n")
  storage.transactionSync(() => storage.sql.exec(script))
}

/** False where the object has no tables, and then writes nothing. */
export const open = (storage: DurableObjectStorage): boolean => {
  const version = currentVersion(storage.sql)
  if (version === undefined) return false
  migrate(storage, version)
  return true
}

export const create = (storage: DurableObjectStorage): void => migrate(storage, currentVersion(storage.sql))
