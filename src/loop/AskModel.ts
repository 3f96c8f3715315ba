import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { EventId, nextEventId } from "../domain/Ids.ts"
import { listCost } from "../model/Profiles.ts"
import { AnswerTooLong, ModelError, type ModelRequest } from "../ModelClient.ts"
import { ToolRegistry } from "../ToolRegistry.ts"
import * as Answer from "./Answer.ts"
import * as AnswerEvents from "./AnswerEvents.ts"
import * as Compaction from "./Compaction.ts"
import { fold } from "./fold.ts"
import * as Hash from "./Hash.ts"
import type { ModelChoice } from "./ModelChoice.ts"
import * as Offer from "./Offer.ts"
import * as Prompt from "./Prompt.ts"
import * as SessionErrors from "./SessionErrors.ts"
import { isUndisturbed, type NewEvent, type SessionLog, type Snapshot } from "./SessionLog.ts"
import * as Setup from "./Setup.ts"
import { noUsage } from "./Spent.ts"
import type { ModelRequestSpan } from "./State.ts"
import * as Turn from "./Turn.ts"

/** A model request that will not be answered. */
export const requestFailed = (id: EventId): NewEvent => ({
  type: "span.model_request_end",
  model_request_start_id: id,
  is_error: true,
  model_usage: noUsage
})

/** One attempt at a time, each from its start to its end in the log: `Turn` decides whether there is another. */
export const make = Effect.fnUntraced(function* (
  log: SessionLog,
  limitsOf: (snapshot: Snapshot, now: number) => Turn.Limits
) {
  const registry = yield* ToolRegistry
  let known: Offer.Offer | undefined
  let setup: ReturnType<typeof Setup.make> | undefined
  const offer = Effect.map(log.snapshot, ({ record }) => (known ??= Offer.make(record, registry.list)))

  const prompt = Effect.gen(function* () {
    const offered = yield* offer
    const { record, state } = yield* log.snapshot
    return { offer: offered, request: Prompt.request(record, offered.tools, state) }
  })

  /**
   * The request that is logged as started: one that a process left open is asked again, for nobody knows its answer, unless a deploy changed
   * what it was asked with. None where there was an interrupt first.
   */
  const start = Effect.fnUntraced(function* (request: ModelRequest, purpose: ModelRequestSpan["purpose"]) {
    const snapshot = yield* log.snapshot
    const { isRequesting, request: open, setup: known } = snapshot.state
    setup ??= Setup.make(yield* offer, registry, limitsOf(snapshot, 0))
    const isSame = open?.model === request.model && open.purpose === purpose && setup.hash === known
    if (isRequesting && isSame) return open.id
    const entries = yield* log.append(
      [
        ...(isRequesting ? [requestFailed(open!.id)] : []),
        {
          type: "span.model_request_start",
          model: request.model,
          ...(purpose === "compaction" ? { purpose } : {}),
          request_hash: Hash.ofRequest(request),
          ...(setup.hash === known ? {} : { setup: setup.value })
        }
      ],
      isUndisturbed
    )
    return entries.at(-1)?.event.id
  })

  /** Logs that an attempt failed, and whether there will be another: that is what `Turn` makes of the failure. */
  const failed = Effect.fnUntraced(function* (id: EventId, error: ModelError) {
    const snapshot = yield* log.snapshot
    const now = yield* Clock.currentTimeMillis
    const events = (retry: "retrying" | "exhausted") =>
      [requestFailed(id), SessionErrors.ofModel(error, retry)] as const
    const after = events("retrying").reduce(
      (state, event) => fold(state, { ...event, id, processed_at: "" } as Parameters<typeof fold>[1]), // as it will be logged
      snapshot.state
    )
    const next = Turn.next(after, limitsOf(snapshot, now))
    const isOver = next.type === "stop" && next.stopReason.type === "retries_exhausted"
    yield* log.append(events(isOver ? "exhausted" : "retrying"), isUndisturbed)
  })

  /** Asks once. What the answer becomes is logged with the request's end, all of it or none. */
  const attempt = Effect.fnUntraced(function* (
    { model, pause, retryAfter }: ModelChoice,
    purpose: ModelRequestSpan["purpose"],
    request: ModelRequest,
    show: SessionLog["preview"],
    eventsOf: (
      answer: Answer.Answer
    ) => Effect.Effect<ReadonlyArray<NewEvent>, never, Effect.Services<typeof nextEventId>>
  ) {
    // Jittered, so that many sessions that failed together do not ask together.
    const delay = Math.max(pause * (0.8 + 0.4 * (yield* Random.next)), retryAfter)
    if (delay > 0) yield* Effect.sleep(delay)
    const asked = { ...request, model }
    const id = yield* start(asked, purpose)
    if (id === undefined) return
    const end = ({ usage, truncated }: Answer.Answer): NewEvent => {
      const cost = listCost(model, usage)
      return {
        type: "span.model_request_end",
        model_request_start_id: id,
        is_error: false,
        model_usage: usage,
        ...(cost === undefined ? {} : { list_cost_usd: cost }),
        ...(truncated ? { truncated } : {})
      }
    }
    yield* Effect.gen(function* () {
      const answer = yield* Answer.read(asked, show)
      const events = yield* eventsOf(answer)
      const results = events.filter(({ type }) => type === "agent.tool_result")
      const others = events.filter(({ type }) => type !== "agent.tool_result")
      yield* Effect.catchTag(log.append([...others, end(answer), ...results], isUndisturbed), "StorageError", (error) =>
        // Asked again, the model would answer the same, and be paid again.
        Effect.fail(new ModelError({ model, reason: new AnswerTooLong({ detail: error.message }) }))
      )
    }).pipe(Effect.catchTag("ModelError", (error) => failed(id, error)))
  })

  const callModel = Effect.fn("AgentLoop.callModel")(function* (choice: ModelChoice) {
    const { offer, request } = yield* prompt
    yield* attempt(choice, "answer", request, log.preview, (answer) => AnswerEvents.make(answer, offer))
  })

  const compact = Effect.fn("AgentLoop.compact")(function* (count: number, choice: ModelChoice | null) {
    const { request } = yield* prompt
    const compacted = (summary: string): NewEvent => ({
      type: "agent.thread_context_compacted",
      summary: [{ type: "text", text: summary }],
      compacted_messages: count
    })
    const outline = () => compacted(Compaction.outline(request.messages.slice(0, count)))
    if (choice === null) return yield* Effect.asVoid(log.append([outline()], isUndisturbed))
    const snapshot = yield* log.snapshot
    const { state } = snapshot
    const { contextWindow } = limitsOf(snapshot, yield* Clock.currentTimeMillis)
    const { contextTokens, isOverflowing: overflowed } = state
    const summary = Compaction.request(request, count, { contextWindow, contextTokens, overflowed })
    // A model that answers with calls instead of a text has not summarised anything.
    yield* attempt(
      choice,
      "compaction",
      summary,
      () => Effect.void,
      ({ message }) =>
        Effect.succeed([
          message === null || message.text.trim() === ""
            ? outline()
            : compacted(Compaction.summaryText(message.text, contextWindow))
        ])
    )
  })

  return { callModel, compact, offer }
})
