import * as Schema from "effect/Schema"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as OpenApi from "effect/http-api/OpenApi"
import { SessionEvent, TextBlock } from "../domain/Event.ts"
import { EventId, SessionId } from "../domain/Ids.ts"
import { Authorization, SocketAuthorization } from "./Auth.ts"
import { NeededScope } from "./Caller.ts"
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
    scope: nullable(Schema.Literals(["once", "session", "always"])),
    deny_message: nullable(Schema.String.check(Schema.isMaxLength(10_000)))
  }).check(
    Schema.makeFilter(({ result, deny_message, scope }) => {
      if (result === "allow" && typeof deny_message === "string") {
        return { path: ["deny_message"], issue: "goes with the result deny only" }
      }
      return result === "deny" && scope ? { path: ["scope"], issue: "goes with the result allow only" } : true
    })
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
const deltas = Schema.optionalKey(Schema.Array(Schema.Literals(["agent.message", "agent.thinking"])))

const listQuery = {
  ...Paging.query(1_000),
  order,
  types,
  "types[]": types,
  ...Paging.createdAt
}
export type ListQuery = Schema.Struct.Type<typeof listQuery>

/** A place in the log, as the `id` of an event in a stream says it. */
const place = Schema.optionalKey(
  Schema.String.check(
    Schema.isPattern(/^\d{1,15}$/, { message: "expected the id of an event of this session's stream" })
  ).pipe(Schema.decodeTo(Schema.FiniteFromString))
)

const params = { id: SessionId }

/** W3C trace context: the turns that the messages begin are part of the caller's trace. */
export const traced = { traceparent: Schema.optionalKey(Schema.String) }

const streamDescription = `The session's events as they happen, for as long as the client listens.

An event's \`id\` is its place in the log. With \`Last-Event-ID\` (or \`last_event_id\`, where headers cannot be set) the stream goes on
after that place: every event once, in order. An id ahead of the log is an error. Without it the stream begins with the work that is not over
yet, or that no stream has shown yet. Previews (\`event_deltas[]\`), \`ping\`, \`error\` and \`session.deleted\` have no id. A stream that
is not read for a minute ends with an \`error\`.

With \`Upgrade: websocket\` the same is sent over a WebSocket, one JSON object a message: \`{"id": 12, "event": "agent.message", "data":
{...}}\`. Where a client cannot set headers, as in a browser, it offers the subprotocols \`ownloop\` and \`ownloop.key.<key>\` (the
deployment's key, percent-encoded where it has characters that a protocol may not have), and the server chooses \`ownloop\`. The client may
send \`ping\`, which is answered \`pong\`; any other message closes the socket with 1003. A client that does not take what was sent for a
minute is closed with 1013, one whose session was deleted with 1000.`

export class EventsGroup extends HttpApiGroup.make("events")
  .add(
    HttpApiEndpoint.post("send", "/v1/sessions/:id/events", {
      params,
      headers: traced,
      payload: SendEvents,
      success: Schema.Struct({ data: Schema.Array(SessionEvent) }),
      error: [wire.InvalidRequest, wire.PermissionDenied, wire.NotFound, wire.Conflict]
    }).annotate(NeededScope, "run"),
    HttpApiEndpoint.get("list", "/v1/sessions/:id/events", {
      params,
      query: listQuery,
      success: Paging.response(SessionEvent),
      error: [wire.InvalidRequest, wire.NotFound]
    }),
    HttpApiEndpoint.get("content", "/v1/sessions/:id/events/:event_id/content", {
      params: { ...params, event_id: EventId },
      success: Schema.String.pipe(HttpApiSchema.asText()),
      error: wire.NotFound
    }).annotate(OpenApi.Description, "The whole text of a tool result that has `stored_characters`.")
  )
  .middleware(Authorization)
  .add(
    HttpApiEndpoint.get("stream", "/v1/sessions/:id/events/stream", {
      params,
      headers: {
        "last-event-id": place,
        upgrade: Schema.optionalKey(Schema.String),
        "sec-websocket-protocol": Schema.optionalKey(Schema.String)
      },
      query: { event_deltas: deltas, "event_deltas[]": deltas, last_event_id: place },
      success: HttpApiSchema.StreamUint8Array({ contentType: "text/event-stream" }),
      error: [wire.InvalidRequest, wire.NotFound]
    })
      .middleware(SocketAuthorization)
      .annotate(OpenApi.Description, streamDescription)
  ) {}
