CREATE TABLE mailboxes (
  id TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL,
  address TEXT AS (body ->> '$.address'),
  archived_at TEXT AS (body ->> '$.archived_at')
);
CREATE UNIQUE INDEX mailboxes_address ON mailboxes (address);

-- One that was accepted is there once, however often it is delivered.
CREATE TABLE mails (
  id TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL,
  status TEXT AS (body ->> '$.status'),
  mailbox_id TEXT AS (body ->> '$.mailbox_id'),
  message_id TEXT AS (body ->> '$.message_id'),
  thread TEXT AS (body ->> '$.thread'),
  session_id TEXT AS (body ->> '$.session_id'),
  created_at TEXT AS (body ->> '$.created_at')
);
CREATE UNIQUE INDEX mails_accepted ON mails (mailbox_id, message_id) WHERE status = 'accepted';
CREATE INDEX mails_message ON mails (mailbox_id, message_id) WHERE status <> 'refused';
CREATE INDEX mails_thread ON mails (thread, id) WHERE status <> 'refused';
CREATE INDEX mails_session ON mails (session_id, id);
CREATE INDEX mails_mailbox ON mails (mailbox_id, id);
CREATE INDEX mails_status ON mails (status, id);
CREATE INDEX mails_rate ON mails (mailbox_id, created_at) WHERE status = 'accepted';
CREATE INDEX mails_refused ON mails (created_at) WHERE status = 'refused';

CREATE TABLE approval_links (
  id TEXT PRIMARY KEY NOT NULL,
  body TEXT NOT NULL,
  expires_at TEXT AS (body ->> '$.expires_at')
);
CREATE INDEX approval_links_expired ON approval_links (expires_at);
