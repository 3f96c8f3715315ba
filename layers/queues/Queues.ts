import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import { QueueError, ReplyQueues, type SendMessage, TaskQueueOut } from "../../src/triggers/ReplyQueues.ts"
import { SettingInvalid } from "../../src/domain/Setting.ts"
import { DeadLetterOut } from "../../src/triggers/TaskConsumer.ts"

/** The part of a `Queue` binding that is used. */
interface QueueBinding {
  send(message: unknown): Promise<unknown>
}

const send =
  (queue: QueueBinding): SendMessage =>
  (message: Schema.Json) =>
    Effect.asVoid(
      Effect.tryPromise({ try: () => queue.send(message), catch: (cause) => new QueueError({ cause }) })
    ).pipe(Effect.withSpan("Queue.send"))

const isQueue = (binding: unknown): binding is QueueBinding => Predicate.hasProperty(binding, "send")

/** The bindings that `OWNLOOP_REPLY_QUEUES` names: no other queue of the Worker is open to whoever may write a task. */
export const replyQueues = (
  env: object
): Effect.Effect<ReadonlyMap<string, SendMessage>, Config.ConfigError | SettingInvalid> =>
  Effect.gen(function* () {
    const names = yield* Config.String("OWNLOOP_REPLY_QUEUES").pipe(Config.withDefault(""))
    const found = new Map<string, SendMessage>()
    for (const name of names.split(/[\s,]+/).filter((name) => name !== "")) {
      const binding: unknown = Reflect.get(env, name)
      if (!isQueue(binding)) {
        return yield* new SettingInvalid({
          name: "OWNLOOP_REPLY_QUEUES",
          detail: `names ${name}, which is no queue binding of this Worker`
        })
      }
      found.set(name, send(binding))
    }
    return found
  })

/** The queues of a Worker: the one that tasks come from, its dead letters, and those that outcomes may be sent to. */
export const layer = (env: {
  readonly TASKS: QueueBinding
  readonly DEAD_LETTERS: QueueBinding
}): Layer.Layer<ReplyQueues | TaskQueueOut | DeadLetterOut, Config.ConfigError | SettingInvalid> =>
  Layer.effectContext(
    Effect.map(replyQueues(env), (queues) =>
      Context.make(ReplyQueues, queues).pipe(
        Context.add(TaskQueueOut, send(env.TASKS)),
        Context.add(DeadLetterOut, send(env.DEAD_LETTERS))
      )
    )
  )
