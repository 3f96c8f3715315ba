-- Found by the SHA-256 of its value; the value itself is nowhere.
CREATE TABLE api_keys (
  id TEXT PRIMARY KEY NOT NULL,
  hash TEXT NOT NULL,
  body TEXT NOT NULL,
  status TEXT AS (body ->> '$.status')
);
CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);
