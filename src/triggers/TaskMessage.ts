import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { maskEverywhere, maskTextFields } from "../domain/AnthropicKey.ts"
import { BudgetInput } from "../domain/Budget.ts"
import { MetadataInput, type Timestamp } from "../domain/Common.ts"
import type { SessionId, TaskId } from "../domain/Ids.ts"
import { describe } from "../domain/Issue.ts"
import type { Attachment } from "../domain/Event.ts"
import { ReplyTo, type Task, TaskEvent } from "../domain/Task.ts"

const nullable = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Key = Schema.NonEmptyString.check(Schema.isMaxLength(256))

// What comes with mail cannot be named by others.
const Event = Schema.Struct(Struct.omit(TaskEvent.fields, ["attachments"]))
const events = Schema.NonEmptyArray(Event).check(Schema.isMaxLength(50))

/** A queue takes 128 KB, and a task is worth the same however it comes. */
const maxLength = 100_000

/**
 * What asks for a session: a queue message, or the body of `POST /v1/tasks`. Either `input`, a text, or `initial_events` is what the agent is
 * told. Whatever has the same `idempotency_key` is the same task; a queue message without one is a task of its own.
 */
export const TaskMessage = Schema.Struct({
  agent: Schema.Union([
    Schema.NonEmptyString,
    Schema.Struct({ type: Schema.Literal("agent"), id: Schema.NonEmptyString, version: nullable(Schema.Int) })
  ]).annotate({ message: "expected an id, or an object of type agent" }),
  environment_id: nullable(Schema.NonEmptyString),
  input: nullable(Schema.NonEmptyString),
  initial_events: nullable(events),
  idempotency_key: nullable(Key),
  /** Whoever has not ended by then is ended. */
  deadline: nullable(Schema.DateTimeUtcFromString),
  budget: nullable(BudgetInput),
  reply_to: nullable(ReplyTo),
  metadata: nullable(MetadataInput)
}).check(
  Schema.makeFilter(({ input, initial_events }) =>
    Predicate.isNotNullish(input) !== Predicate.isNotNullish(initial_events)
      ? true
      : { path: ["input"], issue: "one of input and initial_events is required" }
  ),
  Schema.makeFilter((message) =>
    JSON.stringify(message).length <= maxLength ? true : `is longer than ${maxLength} characters`
  )
)
export type TaskMessage = typeof TaskMessage.Type

/** A task as it is written: `deadline` is RFC 3339. */
export type TaskInput = typeof TaskMessage.Encoded

/** A task that cannot be: it would be refused the same the next time. */
export class TaskRefused extends Schema.TaggedError<TaskRefused>()("TaskRefused", { detail: Schema.String }) {
  override get message(): string {
    return this.detail
  }
}

const decodeMessage = Schema.decodeUnknownEffect(TaskMessage)

/** Reads a message that came past the door of the API: what that does with Anthropic keys in a body is done here. */
export const decode = (input: unknown): Effect.Effect<TaskMessage, TaskRefused> =>
  Effect.fromResult(maskTextFields(input)).pipe(
    Effect.flatMap(({ value }) =>
      Effect.mapError(decodeMessage(value), (error) => new TaskRefused({ detail: describe(error, "message", value) }))
    ),
    Effect.catchTag("AnthropicKeyRefused", ({ message }) => Effect.fail(new TaskRefused({ detail: message })))
  )

/** Whatever came, as what can be kept: JSON without Anthropic keys. */
export const scrubbed = (value: unknown): Schema.Json =>
  maskEverywhere(JSON.parse(JSON.stringify(value) ?? "null") as Schema.Json)

/** What is known of a task beside its message. */
export interface TaskOrigin {
  /** Its idempotency key where the message has none. */
  readonly key: string
  /** The session that it goes on with; the first such task creates it. */
  readonly continues?: SessionId
  /** Files that come with its first event. */
  readonly attachments?: ReadonlyArray<Attachment>
}

/** The task that a message asks for. */
export const toTask = (
  message: TaskMessage,
  {
    id,
    key,
    environmentId,
    at,
    continues,
    attachments = []
  }: TaskOrigin & { id: TaskId; environmentId: string; at: Timestamp }
): Task => ({
  type: "task",
  id,
  idempotency_key: message.idempotency_key ?? key,
  status: "queued",
  agent:
    typeof message.agent === "string"
      ? { type: "agent", id: message.agent, version: null }
      : { ...message.agent, version: message.agent.version ?? null },
  environment_id: message.environment_id ?? environmentId,
  initial_events: (
    message.initial_events ?? [
      { type: "user.message", content: [{ type: "text", text: message.input ?? "" }] } satisfies TaskEvent
    ]
  ).map((event, place) => (place === 0 && attachments.length > 0 ? { ...event, attachments } : event)),
  deadline: Option.match(Option.fromNullishOr(message.deadline), { onNone: () => null, onSome: DateTime.formatIso }),
  budget: message.budget ?? null,
  reply_to: message.reply_to ?? null,
  metadata: message.metadata ?? {},
  attempt: 1,
  session_id: null,
  ...(continues === undefined ? {} : { continues }),
  ending: null,
  transitions: [{ status: "queued", at, reason: null }],
  outcome: null,
  created_at: at,
  updated_at: at
})
