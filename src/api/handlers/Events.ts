import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { blobKey, Blobs } from "../../Blobs.ts"
import type { PageQuery } from "../../Catalog.ts"
import { type ClientEvent, SessionEvent, type SessionEventType } from "../../domain/Event.ts"
import * as TraceContext from "../../loop/TraceContext.ts"
import { Sessions } from "../../Sessions.ts"
import type { EventQuery } from "../../Storage.ts"
import { protocol } from "../Auth.ts"
import { Caller, checkScope } from "../Caller.ts"
import { Api } from "../Contract.ts"
import { InvalidRequest, NotFound } from "../Errors.ts"
import type { EventInput, ListQuery } from "../Events.ts"
import { paginate, timeRange, wrongCursor } from "../Paging.ts"
import { orConflict, orInternal, orMissing } from "./onWire.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "events",
  Effect.fnUntraced(function* (handlers) {
    const sessions = yield* Sessions
    const blobs = yield* Blobs

    return handlers.handleAll({
      send: ({ headers, params, payload }) =>
        checkEvents(payload.events).pipe(
          Effect.andThen(sessions.send(params.id, within(headers.traceparent, payload.events.map(clientEvent)))),
          Effect.map((data) => ({ data })),
          orConflict
        ),

      list: Effect.fn("Events.list")(function* ({ params: { id }, query }) {
        const filter = filterOf(query)
        const list = `events of ${id}, ${filter.order}`
        // Types that nothing here writes: only whether the session exists is left to ask.
        if (filter.types?.length === 0) {
          yield* sessions.get(id)
          return { data: [], next_page: null }
        }
        const fetch = Effect.fnUntraced(function* ({ limit, after }: PageQuery) {
          if (after === undefined) return yield* sessions.events(id, { ...filter, limit })
          const seq = Number(after)
          if (!Number.isSafeInteger(seq)) return yield* wrongCursor(list)
          return yield* sessions.events(id, { ...filter, limit, after: seq })
        })
        const page = yield* paginate(list, { limit: 100, ...query }, fetch, ({ seq }) => String(seq))
        return { ...page, data: page.data.map(({ event }) => event) }
      }, orMissing),

      content: Effect.fn("Events.content")(function* ({ params: { id, event_id } }) {
        const text = yield* blobs.get(blobKey(id, event_id))
        if (Option.isSome(text)) return text.value
        return yield* new NotFound({ message: `event ${event_id} of session ${id} has no stored content` })
      }, orInternal),

      stream: Effect.fn("Events.stream")(
        function* ({ params: { id }, query, headers }) {
          const after = headers["last-event-id"] ?? query.last_event_id
          const options = {
            deltas: new Set([...(query.event_deltas ?? []), ...(query["event_deltas[]"] ?? [])]),
            ...(after === undefined ? {} : { after })
          }
          if (headers.upgrade?.toLowerCase() === "websocket") {
            const isOffered = (headers["sec-websocket-protocol"] ?? "").split(/\s*,\s*/).includes(protocol)
            return HttpServerResponse.raw(yield* sessions.connect(id, options), {
              headers: isOffered ? { "sec-websocket-protocol": protocol } : {}
            })
          }
          // Passed on as it is: nothing here looks at its bytes.
          return HttpServerResponse.raw(yield* sessions.stream(id, options), {
            contentType: "text/event-stream",
            headers: { "cache-control": "no-store" }
          })
        },
        Effect.catchTag(["AheadOfLog", "WebSocketsMissing"], ({ message }) =>
          Effect.fail(new InvalidRequest({ message }))
        ),
        orMissing
      )
    })
  })
)

const filterOf = (query: ListQuery): Omit<EventQuery, "limit" | "after"> => {
  const types = [...(query.types ?? []), ...(query["types[]"] ?? [])]
  return {
    order: query.order ?? "asc",
    createdAt: timeRange(query),
    ...(types.length === 0 ? {} : { types: types.filter(isKnown) })
  }
}

const known: ReadonlySet<string> = new Set(SessionEvent.members.map(({ fields }) => fields.type.literal))
const isKnown = (type: string): type is SessionEventType => known.has(type)

/** What is allowed for ever is saved in a policy: that needs what saving one needs. */
const checkEvents = Effect.fnUntraced(function* (events: ReadonlyArray<EventInput>) {
  const place = events.findIndex((event) => event.type === "user.tool_confirmation" && event.scope === "always")
  if (place !== -1) yield* checkScope(yield* Caller, "admin", `events[${place}].scope: always`)
})

/** The events as part of the caller's trace, where it names one that can be read. */
export const within = (
  traceparent: string | undefined,
  events: ReadonlyArray<ClientEvent>
): ReadonlyArray<ClientEvent> =>
  traceparent === undefined || !TraceContext.isReadable(traceparent)
    ? events
    : events.map((event) => (event.type === "user.message" ? { ...event, traceparent } : event))

/** The event without the fields that say nothing. */
const clientEvent = (input: EventInput): ClientEvent => {
  switch (input.type) {
    case "user.message":
    case "user.tool_confirmation":
      return input
    case "user.interrupt":
      return { type: input.type }
    case "user.custom_tool_result": {
      const { content, ...event } = input
      return content ? { ...event, content } : event
    }
  }
}
