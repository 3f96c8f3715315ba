import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { now } from "../domain/Common.ts"
import type { DeadLetter } from "../domain/DeadLetter.ts"
import { Tasks } from "../Tasks.ts"
import type { StorageError } from "../Storage.ts"
import { type QueueError, type SendMessage, TaskQueueOut } from "./ReplyQueues.ts"
import { decode, scrubbed } from "./TaskMessage.ts"
import { TaskRunner } from "./TaskRunner.ts"

/** A message as a queue delivers it: one that is neither acknowledged nor retried counts as acknowledged. */
export interface QueueMessage {
  readonly id: string
  readonly timestamp: Date
  readonly attempts: number
  readonly body: unknown
  ack(): void
  retry(options: { readonly delaySeconds: number }): void
}

/** Deliveries of a message before it is a dead letter: one less than those of the queue itself (`max_retries` of its consumer). */
export const maxAttempts = 10

/** Seconds until a message is delivered again. */
const delay = (attempts: number) => Math.min(2 ** attempts, 600)

/** A message on its way to the dead-letter queue, with what is wrong with it. */
const Dead = Schema.Struct({
  dead_letter: Schema.Struct({ reason: Schema.String, id: Schema.String, message: Schema.Json })
})
const decodeDead = Schema.decodeUnknownOption(Dead)

/** Sends to the queue of dead letters. */
export class DeadLetterOut extends Context.Service<DeadLetterOut, SendMessage>()("ownloop/triggers/DeadLetterOut") {}

/** Handles what the deployment's own queues deliver. No handling waits for a session. */
export class TaskConsumer extends Context.Service<
  TaskConsumer,
  {
    /** Takes tasks on. What is no task, or can never be one, becomes a dead letter. */
    tasks(messages: ReadonlyArray<QueueMessage>): Effect.Effect<void>
    /** Keeps dead letters. */
    deadLetters(messages: ReadonlyArray<QueueMessage>): Effect.Effect<void>
    /** Sends a dead letter back to the queue, or another message in its place. */
    replay(
      letter: DeadLetter,
      message: Option.Option<Schema.Json>
    ): Effect.Effect<DeadLetter, QueueError | StorageError>
  }
>()("ownloop/triggers/TaskConsumer") {
  static readonly layer: Layer.Layer<TaskConsumer, never, DeadLetterOut | TaskQueueOut | TaskRunner | Tasks> =
    Layer.effect(
      TaskConsumer,
      Effect.gen(function* () {
        const store = yield* Tasks
        const runner = yield* TaskRunner
        const toDead = yield* DeadLetterOut
        const toTasks = yield* TaskQueueOut

        const bury = (message: QueueMessage, reason: string) =>
          toDead({ dead_letter: { reason, id: idOf(message), message: scrubbed(message.body) } })

        const task = Effect.fn("TaskConsumer.task")(
          function* (message: QueueMessage) {
            yield* decode(message.body).pipe(
              Effect.flatMap((decoded) => runner.submit(decoded, { key: keyOf(idOf(message)) })),
              Effect.catchTag("TaskRefused", ({ detail }) => bury(message, detail)),
              Effect.catch((error) =>
                message.attempts < maxAttempts
                  ? Effect.fail(error)
                  : bury(message, `${error.message}, ${message.attempts} times`)
              )
            )
            message.ack()
          },
          (effect, message) => orRetry(effect, message)
        )

        const deadLetter = Effect.fn("TaskConsumer.deadLetter")(
          function* (message: QueueMessage) {
            const letter = Option.match(decodeDead(message.body), {
              onNone: () => ({
                reason: "the queue gave it up: the Worker's log says why it could not be handled",
                id: idOf(message),
                message: scrubbed(message.body)
              }),
              onSome: ({ dead_letter }) => dead_letter
            })
            // However often it comes, it is kept once.
            if (Option.isNone(yield* store.deadLetter(letter.id))) {
              const created_at = message.timestamp.toISOString()
              yield* store.putDeadLetter({ type: "dead_letter", ...letter, created_at, replayed_at: null })
            }
            message.ack()
          },
          (effect, message) => orRetry(effect, message)
        )

        const replay = Effect.fn("TaskConsumer.replay")(function* (
          letter: DeadLetter,
          message: Option.Option<Schema.Json>
        ) {
          const body = Option.getOrElse(message, () => letter.message)
          // A queue gives it another id now; its task is the same.
          const isKeyed = !isRecord(body) || Predicate.isNotNullish(body["idempotency_key"])
          yield* toTasks(isKeyed ? body : Object.assign({}, body, { idempotency_key: keyOf(letter.id) }))
          const replayed = { ...letter, replayed_at: yield* now }
          yield* store.putDeadLetter(replayed)
          return replayed
        })

        return TaskConsumer.of({
          tasks: (messages) => Effect.forEach(messages, task, { concurrency: 6, discard: true }),
          deadLetters: (messages) => Effect.forEach(messages, deadLetter, { discard: true }),
          replay
        })
      })
    )
}

const isRecord = (json: Schema.Json): json is { readonly [key: string]: Schema.Json } => Predicate.isObject(json)

/** The same for every delivery of a message, and in the order of time. */
const idOf = ({ id, timestamp }: QueueMessage) => `dead_${timestamp.getTime().toString(36).padStart(9, "0")}_${id}`

/** Of a task whose message names none. */
const keyOf = (id: string) => `queue:${id.slice(id.lastIndexOf("_") + 1)}`

const orRetry = <E>(effect: Effect.Effect<void, E>, message: QueueMessage): Effect.Effect<void> =>
  Effect.catchCause(effect, (cause) =>
    Effect.andThen(
      Effect.logError("a queue message could not be handled; it is delivered again", cause),
      Effect.sync(() => message.retry({ delaySeconds: delay(message.attempts) }))
    )
  )
