import * as Schema from "effect/Schema"
import { Budget } from "./Budget.ts"
import { Timestamp } from "./Common.ts"
import { Attachment } from "./Event.ts"
import { MailboxId, MailId, SessionId, TaskId } from "./Ids.ts"

export const MailAddress = Schema.Struct({ name: Schema.String, address: Schema.String })
export type MailAddress = typeof MailAddress.Type

/** An address whose mail starts sessions of an agent, or goes on with them. */
export const Mailbox = Schema.Struct({
  type: Schema.Literal("mailbox"),
  id: MailboxId,
  /** In lower case. Mail of one thread goes to and fro between a person and `<local part>+<thread>@<domain>`. */
  address: Schema.String,
  agent: Schema.Struct({ type: Schema.Literal("agent"), id: Schema.String, version: Schema.NullOr(Schema.Int) }),
  /** Null is that of `OWNLOOP_TASK_ENVIRONMENT`. */
  environment_id: Schema.NullOr(Schema.String),
  /** Of each session. */
  budget: Schema.NullOr(Budget),
  /** Who may write: `ada@example.com`, or `*@example.com`. Nobody else may. */
  allowed_senders: Schema.Array(Schema.String),
  /** Who is sent a link to answer with when a session waits for a person. */
  approver: Schema.NullOr(Schema.String),
  max_mails_per_hour: Schema.Int,
  created_at: Timestamp,
  updated_at: Timestamp,
  archived_at: Schema.NullOr(Timestamp)
})
export type Mailbox = typeof Mailbox.Type

/** Why a mail came to nothing. */
export const RefusalReason = Schema.Literals([
  /** No mailbox has this address. */
  "unknown_address",
  /** The mailbox has no thread of this token. */
  "unknown_thread",
  "too_large",
  "unreadable",
  /** A bounce, or another message of a mail server. */
  "bounce",
  /** Written by a machine, an absence notice for example. */
  "auto_reply",
  "mailing_list",
  /** It comes from this deployment, or has gone in circles. */
  "loop",
  /** It is not proven that it comes from whom it says. */
  "unauthenticated",
  /** The mailbox does not list the sender. */
  "sender_not_allowed",
  "rate_limited",
  /** A session could not be set up for it. */
  "task_refused"
])
export type RefusalReason = typeof RefusalReason.Type

/** A mail that came or was sent. Of one that was refused only the head is kept. */
export const Mail = Schema.Struct({
  type: Schema.Literal("mail"),
  id: MailId,
  status: Schema.Literals(["accepted", "refused", "sent"]),
  refusal: Schema.NullOr(Schema.Struct({ reason: RefusalReason, detail: Schema.String })),
  mailbox_id: Schema.NullOr(MailboxId),
  /** What the mails of one session have in common: unguessable, and a part of their address. */
  thread: Schema.NullOr(Schema.String),
  session_id: Schema.NullOr(SessionId),
  task_id: Schema.NullOr(TaskId),
  /** With its angle brackets. */
  message_id: Schema.String,
  /** The ids of the mails before it, oldest first. */
  references: Schema.Array(Schema.String),
  from: MailAddress,
  to: Schema.String,
  subject: Schema.String,
  /** What its sender wrote. This and the next two are absent in lists. */
  text: Schema.optionalKey(Schema.String),
  /** What it quotes of mails before it. */
  quoted: Schema.optionalKey(Schema.String),
  signature: Schema.optionalKey(Schema.String),
  attachments: Schema.Array(Attachment),
  /** What was changed in it. */
  warnings: Schema.Array(Schema.String),
  created_at: Timestamp
})
export type Mail = typeof Mail.Type

export const MailStatus = Mail.fields.status
