import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { SessionAgent } from "./Agent.ts"
import { Budget } from "./Budget.ts"
import { Metadata, Timestamp } from "./Common.ts"
import { CloudConfig } from "./Environment.ts"
import { EnvironmentId, EventId, MailboxId, SessionId, TaskId, VaultId } from "./Ids.ts"
import { OutputConfig, StructuredOutput } from "./StructuredOutput.ts"

export const SessionStatus = Schema.Literals(["idle", "running", "rescheduling", "terminated"])
export type SessionStatus = typeof SessionStatus.Type

export const ForkedFrom = Schema.Struct({ session_id: SessionId, event_id: EventId })

/** What is fixed when a session is created (`title`, `metadata`, `budget` and `archived_at` may change later). */
export const SessionRecord = Schema.Struct({
  id: SessionId,
  agent: SessionAgent,
  environment_id: EnvironmentId,
  environment: CloudConfig,
  /** Whose credentials it may use; the first that has one for a request is asked. Records of before there were vaults name none. */
  vault_ids: Schema.Array(VaultId).pipe(Schema.withDecodingDefaultKey(Effect.succeed([]))),
  budget: Schema.NullOr(Budget),
  output_config: Schema.optionalKey(OutputConfig),
  /** The event of another session that it goes on from. */
  forked_from: Schema.optionalKey(ForkedFrom),
  /** The task that it was started for. */
  task_id: Schema.optionalKey(TaskId),
  /** The mailbox whose mail it was started for. */
  mailbox_id: Schema.optionalKey(MailboxId),
  title: Schema.NullOr(Schema.String),
  metadata: Metadata,
  created_at: Timestamp,
  archived_at: Schema.NullOr(Timestamp)
})
export type SessionRecord = typeof SessionRecord.Type

/** A session as the wire API shows it. `forked_from`, `output_config` and `structured_output`, its latest result, are ours: the last two are there where answers have a form. */
export const Session = Schema.Struct({
  type: Schema.Literal("session"),
  id: SessionId,
  status: SessionStatus,
  agent: SessionAgent,
  environment_id: EnvironmentId,
  title: Schema.NullOr(Schema.String),
  metadata: Metadata,
  resources: Schema.Array(Schema.Never),
  vault_ids: Schema.Array(VaultId),
  outcome_evaluations: Schema.Array(Schema.Never),
  budget: Schema.NullOr(Budget),
  forked_from: Schema.optionalKey(ForkedFrom),
  output_config: Schema.optionalKey(OutputConfig),
  structured_output: Schema.optionalKey(Schema.NullOr(StructuredOutput)),
  stats: Schema.Struct({ active_seconds: Schema.optionalKey(Schema.Finite) }),
  usage: Schema.Struct({
    input_tokens: Schema.Int,
    output_tokens: Schema.Int,
    cache_read_input_tokens: Schema.Int,
    /** Ours: at list price, of the requests whose model has one. Absent in lists where the session did nothing since that is known. */
    list_cost_usd: Schema.optionalKey(Schema.Finite)
  }),
  created_at: Timestamp,
  updated_at: Timestamp,
  archived_at: Schema.NullOr(Timestamp)
})
export type Session = typeof Session.Type
