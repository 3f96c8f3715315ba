import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Catalog } from "../Catalog.ts"
import type { SessionRecord } from "../domain/Session.ts"
import { type LogEntry, Storage } from "../Storage.ts"
import { withEgress } from "./egressSpans.ts"
import * as Spans from "./spans.ts"
import type { Trace } from "./Span.ts"

/** Of how many turns, from 0 to 1, spans hold what was written and read: arguments, results, answers. */
export const contentRate = Config.schema(
  Schema.FiniteFromString.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
  "OWNLOOP_TRACE_CONTENT"
).pipe(Config.withDefault(0))

/** Entries that are read from the log at a time. */
const page = 500

/** Decisions of the audit that are looked at: the newest ones. */
const mostDecisions = 1_000

const endsTurn = ({ event }: LogEntry) =>
  event.type === "session.status_idle" &&
  event.stop_reason.type !== "requires_action" &&
  event.stop_reason.type !== "budget_reached"

/** The place after which so many turns and no more have ended. */
const beforeLast = Effect.fnUntraced(function* (turns: number) {
  const storage = yield* Storage
  let ended = 0
  let before: number | undefined
  while (true) {
    const from = before === undefined ? {} : { after: before }
    const stops = yield* storage.events({ ...from, types: ["session.status_idle"], order: "desc", limit: page })
    for (const stop of stops) if (endsTurn(stop) && ended++ === turns) return stop.seq
    if (stops.length < page) return 0
    before = stops.at(-1)!.seq
  }
})

/** The last turns, the one that goes on included; oldest first. */
export const last = Effect.fn("SessionTraces.last")(function* (
  record: SessionRecord,
  options: { readonly turns: number; readonly contentRate: number }
) {
  return yield* read(record, { ...options, after: yield* beforeLast(options.turns) })
})

/** The last turns in the part of the log after a place that lies between two turns, the one that goes on included; oldest first. */
export const read = Effect.fn("SessionTraces.read")(function* (
  record: SessionRecord,
  options: { readonly after: number; readonly turns: number; readonly contentRate: number }
) {
  const storage = yield* Storage
  const catalog = yield* Catalog
  const spans = Spans.make(record, options.contentRate)
  const traces: Array<Trace> = []
  let { after } = options
  while (true) {
    const entries = yield* storage.log(after, page)
    for (const { event } of entries) {
      const ended = spans.take(event)
      if (ended === undefined) continue
      traces.push(ended)
      if (traces.length > options.turns) traces.shift()
    }
    if (entries.length < page) break
    after = entries.at(-1)!.seq
  }
  const { open } = spans
  const last = [...traces, ...(open === undefined ? [] : [open])].slice(-options.turns)
  const [first] = last
  if (first === undefined) return []
  const createdAt = { gte: first.root.started_at }
  const decisions = yield* catalog.decisions({ sessionId: record.id, createdAt, limit: mostDecisions })
  return withEgress(last, decisions)
})
