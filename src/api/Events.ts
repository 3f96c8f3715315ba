import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { SessionEvent, TextBlock } from "../domain/Event.ts"
import { EventId, SessionId } from "../domain/Ids.ts"
import { Authorization } from "./Auth.ts"
import { wire } from "./Errors.ts"
import { nullable, refused, unsupported } from "./Fields.ts"
import * as Paging from "./Paging.ts"

const Block = Schema.Union([
  TextBlock,
  refused("image"),
  refused("document"),
  refused("search_result"),
  refused("redacted")
]).annotate({ message: "expected a block of type text" })

/** A row of the log holds 2 MB. */
const maxLength = 600_000

/** How much one event may hold in all. */
const bounded = Schema.makeFilter((event: object) =>
  JSON.stringify(event).length <= maxLength ? true : `is longer than ${maxLength} characters`
)

export const UserMessageInput = Schema.Struct({
  type: Schema.Literal("user.message"),
  content: Schema.NonEmptyArray(Block)
}).check(bounded)

const EventInput = Schema.Union([
  UserMessageInput,
  Schema.Struct({ type: Schema.Literal("user.interrupt"), session_thread_id: unsupported() }),
  Schema.Struct({
    type: Schema.Literal("user.tool_confirmation"),
    tool_use_id: EventId,
    result: Schema.Literals(["allow", "deny"]),
    deny_message: nullable(Schema.String.check(Schema.isMaxLength(10_000)))
  }).check(
    Schema.makeFilter(({ result, deny_message }) =>
      result === "allow" && typeof deny_message === "string"
        ? { path: ["deny_message"], issue: "goes with the result deny only" }
        : true
    )
  ),
  Schema.Struct({
    type: Schema.Literal("user.custom_tool_result"),
    custom_tool_use_id: EventId,
    content: nullable(Schema.Array(Block)),
    is_error: nullable(Schema.Boolean)
  }).check(bounded),
  refused("user.define_outcome"),
  refused("user.tool_result"),
  refused("system.message")
]).annotate({
  message: "expected the type user.message, user.interrupt, user.tool_confirmation or user.custom_tool_result"
})

export type EventInput = typeof EventInput.Type

export const SendEvents = Schema.Struct({
  events: Schema.Array(EventInput).check(Schema.isMinLength(1), Schema.isMaxLength(50))
})

const order = Schema.optionalKey(Schema.Literals(["asc", "desc"]))
/** Types of the wire API that nothing here writes are fine to ask for. */
const types = Schema.optionalKey(Schema.Array(Schema.String))
const time = Schema.optionalKey(Schema.DateTimeUtcFromString)
const deltas = Schema.optionalKey(Schema.Array(Schema.Literals(["agent.message", "agent.thinking"])))

const listQuery = {
  ...Paging.query(1_000),
  order,
  types,
  "types[]": types,
  "created_at[gt]": time,
  "created_at[gte]": time,
  "created_at[lt]": time,
  "created_at[lte]": time
}
export type ListQuery = Schema.Struct.Type<typeof listQuery>

const params = { id: SessionId }

export class EventsGroup extends HttpApiGroup.make("events")
  .add(
    HttpApiEndpoint.post("send", "/v1/sessions/:id/events", {
      params,
      payload: SendEvents,
      success: Schema.Struct({ data: Schema.Array(SessionEvent) }),
      error: [wire.InvalidRequest, wire.NotFound, wire.Conflict]
    }),
    HttpApiEndpoint.get("list", "/v1/sessions/:id/events", {
      params,
      query: listQuery,
      success: Paging.response(SessionEvent),
      error: [wire.InvalidRequest, wire.NotFound]
    }),
    HttpApiEndpoint.get("stream", "/v1/sessions/:id/events/stream", {
      params,
      query: { event_deltas: deltas, "event_deltas[]": deltas },
      success: HttpApiSchema.StreamUint8Array({ contentType: "text/event-stream" }),
      error: [wire.InvalidRequest, wire.NotFound]
    })
  )
  .middleware(Authorization) {}
