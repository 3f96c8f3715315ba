import * as Schema from "effect/Schema"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import { DeadLetter } from "../domain/DeadLetter.ts"
import { Delivery, DeliveryStatus } from "../domain/Delivery.ts"
import { AgentId, SessionId, TaskId } from "../domain/Ids.ts"
import { Sweep } from "../domain/Sweep.ts"
import { Task, TaskStatus } from "../domain/Task.ts"
import { TaskMessage } from "../triggers/TaskMessage.ts"
import { Authorization } from "./Auth.ts"
import { NeededScope } from "./Caller.ts"
import { wire } from "./Errors.ts"
import * as Paging from "./Paging.ts"

const params = { id: TaskId }
const anyId = { id: Schema.String }

/** `name` and `name[]` are the same array: clients write either. */
const statuses = Schema.optionalKey(Schema.Array(TaskStatus))

const changed = { params, success: Task, error: [wire.NotFound, wire.Conflict] } as const

export class TasksGroup extends HttpApiGroup.make("tasks")
  .add(
    HttpApiEndpoint.post("create", "/v1/tasks", {
      payload: TaskMessage,
      success: Task,
      error: wire.InvalidRequest
    }).annotate(NeededScope, "run"),
    HttpApiEndpoint.get("list", "/v1/tasks", {
      query: { ...Paging.query(), agent_id: Schema.optionalKey(AgentId), statuses, "statuses[]": statuses },
      success: Paging.response(Task),
      error: wire.InvalidRequest
    }),
    HttpApiEndpoint.get("get", "/v1/tasks/:id", { params, success: Task, error: wire.NotFound }),
    HttpApiEndpoint.post("cancel", "/v1/tasks/:id/cancel", changed).annotate(NeededScope, "run"),
    HttpApiEndpoint.post("retry", "/v1/tasks/:id/retry", changed).annotate(NeededScope, "run"),
    HttpApiEndpoint.get("artifact", "/v1/tasks/:id/artifact", {
      params,
      query: { path: Schema.NonEmptyString },
      success: Schema.Uint8Array.pipe(HttpApiSchema.asUint8Array({ contentType: "application/octet-stream" })),
      error: wire.NotFound
    }),

    HttpApiEndpoint.get("deliveries", "/v1/deliveries", {
      query: {
        ...Paging.query(),
        session_id: Schema.optionalKey(SessionId),
        task_id: Schema.optionalKey(TaskId),
        status: Schema.optionalKey(DeliveryStatus)
      },
      success: Paging.response(Delivery),
      error: wire.InvalidRequest
    }),
    HttpApiEndpoint.post("redeliver", "/v1/deliveries/:id/replay", {
      params: anyId,
      success: Delivery,
      error: wire.NotFound
    }),
    HttpApiEndpoint.get("deadLetters", "/v1/dead_letters", {
      query: Paging.query(),
      success: Paging.response(DeadLetter),
      error: wire.InvalidRequest
    }),
    /** `message` is sent in the place of the one that could not become a task. */
    HttpApiEndpoint.post("replay", "/v1/dead_letters/:id/replay", {
      params: anyId,
      payload: Schema.Struct({ message: Schema.optionalKey(Schema.Json) }),
      success: DeadLetter,
      error: [wire.NotFound, wire.InvalidRequest]
    }),
    HttpApiEndpoint.get("sweeps", "/v1/sweeps", {
      query: Paging.query(),
      success: Paging.response(Sweep),
      error: wire.InvalidRequest
    })
  )
  .middleware(Authorization) {}
