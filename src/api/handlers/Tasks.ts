import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { Artifacts, outputs } from "../../Artifacts.ts"
import type { TaskId } from "../../domain/Ids.ts"
import { isFinal } from "../../domain/Task.ts"
import { Deliveries } from "../../Deliveries.ts"
import { Tasks } from "../../Tasks.ts"
import { Deliverer } from "../../triggers/Deliver.ts"
import { TaskConsumer } from "../../triggers/TaskConsumer.ts"
import type { TaskMessage } from "../../triggers/TaskMessage.ts"
import { TaskRunner } from "../../triggers/TaskRunner.ts"
import { Api } from "../Contract.ts"
import { Conflict, InvalidRequest, NotFound } from "../Errors.ts"
import { paginate } from "../Paging.ts"
import { orInternal } from "./onWire.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "tasks",
  Effect.fnUntraced(function* (handlers) {
    const tasks = yield* Tasks
    const artifacts = yield* Artifacts
    const deliveries = yield* Deliveries
    const deliverer = yield* Deliverer
    const consumer = yield* TaskConsumer
    const runner = yield* TaskRunner
    const random = yield* SecureRandom.SecureRandom

    const find = Effect.fnUntraced(function* (id: TaskId) {
      const task = yield* tasks.task(id)
      if (Option.isSome(task)) return task.value
      return yield* new NotFound({ message: `task ${id} does not exist` })
    })

    const create = Effect.fn("Tasks.create")(
      function* (payload: TaskMessage) {
        return yield* runner.submit(payload, { key: `api:${yield* random.ulid}` })
      },
      Effect.catchTag("TaskRefused", ({ message }) => Effect.fail(new InvalidRequest({ message }))),
      orInternal
    )

    const cancel = Effect.fn("Tasks.cancel")(function* (id: TaskId) {
      const task = yield* find(id)
      if (!isFinal(task.status)) return yield* runner.end(task, "cancelled")
      if (task.status === "cancelled") return task
      return yield* new Conflict({ message: `task ${id} has ended already: it is ${task.status}` })
    }, orInternal)

    const retry = Effect.fn("Tasks.retry")(function* (id: TaskId) {
      const retried = yield* runner.retry(yield* find(id))
      if (Option.isSome(retried)) return retried.value
      const { status } = yield* find(id)
      const message = `task ${id} is ${status}: only a task that failed, expired or was cancelled can be retried`
      return yield* new Conflict({ message })
    }, orInternal)

    const artifact = Effect.fn("Tasks.artifact")(function* (id: TaskId, path: string) {
      const { outcome, session_id } = yield* find(id)
      const isNamed = outcome?.artifacts.some((artifact) => artifact.path === path) ?? false
      const content = isNamed && session_id !== null ? yield* artifacts.get(session_id, outputs + path) : Option.none()
      if (Option.isSome(content)) return content.value
      return yield* new NotFound({ message: `path: task ${id} has no artifact of this path` })
    }, orInternal)

    return handlers.handleAll({
      create: ({ payload }) => create(payload),
      list: ({ query }) => {
        const statuses = [...(query.statuses ?? []), ...(query["statuses[]"] ?? [])]
        return paginate(
          "tasks",
          query,
          (page) =>
            tasks.tasks({
              ...page,
              ...(query.agent_id === undefined ? {} : { agentId: query.agent_id }),
              ...(statuses.length === 0 ? {} : { statuses })
            }),
          ({ id }) => id
        ).pipe(orInternal)
      },
      get: ({ params }) => orInternal(find(params.id)),
      cancel: ({ params }) => cancel(params.id),
      retry: ({ params }) => retry(params.id),
      artifact: ({ params, query }) => artifact(params.id, query.path),

      deliveries: ({ query }) =>
        paginate(
          "deliveries",
          query,
          (page) =>
            deliveries.deliveries({
              ...page,
              ...(query.session_id === undefined ? {} : { sessionId: query.session_id }),
              ...(query.task_id === undefined ? {} : { taskId: query.task_id }),
              ...(query.status === undefined ? {} : { status: query.status })
            }),
          ({ id }) => id
        ).pipe(orInternal),
      redeliver: Effect.fn("Tasks.redeliver")(function* ({ params: { id } }) {
        const delivery = yield* deliveries.delivery(id)
        if (Option.isSome(delivery)) return yield* deliverer.replay(delivery.value)
        return yield* new NotFound({ message: `delivery ${id} does not exist` })
      }, orInternal),
      deadLetters: ({ query }) =>
        paginate(
          "dead letters",
          query,
          (page) => tasks.deadLetters(page),
          ({ id }) => id
        ).pipe(orInternal),
      replay: Effect.fn("Tasks.replay")(
        function* ({ params: { id }, payload }) {
          const letter = yield* tasks.deadLetter(id)
          if (Option.isNone(letter)) return yield* new NotFound({ message: `dead letter ${id} does not exist` })
          return yield* consumer.replay(letter.value, Option.fromUndefinedOr(payload.message))
        },
        Effect.catchTag("QueueError", Effect.die),
        orInternal
      ),
      sweeps: ({ query }) =>
        paginate(
          "sweeps",
          query,
          (page) => tasks.sweeps(page),
          ({ id }) => id
        ).pipe(orInternal)
    })
  })
)
