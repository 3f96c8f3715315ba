import { Effect, Result, Schedule } from "effect"
import type { SessionError } from "../domain/Event.ts"
import { type EventId, nextEventId } from "../domain/Ids.ts"
import { AnswerTooLong, ModelError } from "../ModelClient.ts"
import { ToolRegistry } from "../ToolRegistry.ts"
import * as Answer from "./Answer.ts"
import * as ModelRetry from "./ModelRetry.ts"
import * as Offer from "./Offer.ts"
import * as Prompt from "./Prompt.ts"
import type { NewEvent, SessionLog } from "./SessionLog.ts"
import { noUsage, type OpenCall } from "./State.ts"
import * as Turn from "./Turn.ts"

/** Calls of one answer that run at the same time: a Durable Object may have six connections open. */
const parallelCalls = 4

const textBlocks = (text: string) => [{ type: "text" as const, text }]

const toolResult = (id: EventId, text: string, isError: boolean): NewEvent => ({
  type: "agent.tool_result",
  tool_use_id: id,
  content: textBlocks(text),
  is_error: isError
})

const requestFailed = (id: EventId): NewEvent => ({
  type: "span.model_request_end",
  model_request_start_id: id,
  is_error: true,
  model_usage: noUsage
})

const sessionError = (error: ModelError, retry: SessionError["retry_status"]["type"]): NewEvent => ({
  type: "session.error",
  error: {
    type: ModelRetry.errorType(error),
    message: error.message,
    reason: error.reason._tag,
    retry_status: { type: retry }
  }
})

/** Does what `Turn` decided. Each action ends in events of the log. */
export const make = Effect.fnUntraced(function* (log: SessionLog) {
  const registry = yield* ToolRegistry
  let offer: Offer.Offer | undefined

  const takeIn = Effect.fn("AgentLoop.takeIn")(function* (action: Turn.Action & { readonly type: "takeIn" }) {
    const { state } = yield* log.snapshot
    yield* log.append([
      ...(state.status === "running" ? [] : [{ type: "session.status_running" as const }]),
      ...action.messages.map(({ id, text }): NewEvent => ({
        type: "user.message",
        id,
        content: [{ type: "text", text }]
      }))
    ])
  })

  const attempt = Effect.fn("AgentLoop.attempt")(function* () {
    const { record, state } = yield* log.snapshot
    offer ??= Offer.make(record.agent, registry.list)
    const [start] = yield* log.append([{ type: "span.model_request_start", model: record.agent.model.id }])
    const answer = yield* Answer.read(Prompt.request(record, offer, state), log.preview)
    yield* Effect.catchTag(log.append(yield* answerEvents(answer, start!.event.id, offer)), "StorageError", (error) =>
      // Asked again, the model would answer the same, and be paid again.
      Effect.fail(
        new ModelError({ model: record.agent.model.id, reason: new AnswerTooLong({ detail: error.message }) })
      )
    )
  })

  /** Closes the attempt that failed. */
  const failed = (error: ModelError, retry: SessionError["retry_status"]["type"]) =>
    Effect.flatMap(log.snapshot, ({ state }) =>
      log.append([...(state.request === null ? [] : [requestFailed(state.request)]), sessionError(error, retry)])
    )

  const retries = Schedule.tap(ModelRetry.schedule, ({ input }) =>
    input._tag === "ModelError" ? failed(input, "retrying") : Effect.void
  )

  const callModel = Effect.fn("AgentLoop.callModel")(function* () {
    yield* Effect.catchTag(attempt().pipe(Effect.retry(retries)), "ModelError", (error) =>
      Effect.andThen(
        failed(error, error.isRetryable ? "exhausted" : "terminal"),
        stop({ type: "stop", stopReason: { type: "retries_exhausted" } })
      )
    )
  })

  const runTool = Effect.fnUntraced(function* (call: OpenCall) {
    const { record } = yield* log.snapshot
    const result = yield* registry
      .call(record.id, call)
      .pipe(Effect.catchDefect(() => Effect.succeed({ text: "the tool failed in an unexpected way", isError: true })))
    yield* log.append([toolResult(call.id, result.text, result.isError)])
  })

  const runTools = Effect.fn("AgentLoop.runTools")(function* (calls: ReadonlyArray<OpenCall>) {
    yield* Effect.forEach(calls, runTool, { concurrency: parallelCalls, discard: true })
  })

  const stop = Effect.fn("AgentLoop.stop")(function* ({ stopReason }: Turn.Action & { readonly type: "stop" }) {
    yield* log.append([
      ...(stopReason.type === "budget_reached" ? [stepsExhausted] : []),
      { type: "session.status_idle", stop_reason: stopReason, stop_details: null }
    ])
  })

  const perform = (action: Exclude<Turn.Action, { readonly type: "rest" }>) => {
    switch (action.type) {
      case "takeIn":
        return takeIn(action)
      case "resume":
        return log.append([{ type: "session.status_running" }])
      case "callModel":
        return callModel()
      case "runTools":
        return runTools(action.calls)
      case "settle":
        return log.append(action.calls.map((call) => toolResult(call.id, action.text(call), true)))
      case "closeRequest":
        return log.append([requestFailed(action.id)])
      case "stop":
        return stop(action)
    }
  }

  /** What a process that is gone left open: its model request is closed, and its tool calls run again only where that is safe. */
  const settleInDoubt = Effect.fn("AgentLoop.settleInDoubt")(function* () {
    const { state } = yield* log.snapshot
    const unsafe = Turn.inDoubt(state).filter((call) => !registry.isReplaySafe(call.name))
    const events = [
      ...(state.request === null ? [] : [requestFailed(state.request)]),
      ...unsafe.map((call) => toolResult(call.id, "interrupted: whether it took effect is not known", true))
    ]
    if (events.length > 0) yield* log.append(events)
  })

  return { perform, settleInDoubt }
})

const stepsExhausted: NewEvent = {
  type: "session.error",
  error: {
    type: "tool_use_limit_reached_error",
    message: "the turn reached its limit of model requests; send a message to go on",
    retry_status: { type: "terminal" }
  }
}

/** An answer as events: in the order a reader expects, then results for the calls that cannot be run. */
const answerEvents = Effect.fnUntraced(function* (answer: Answer.Answer, request: EventId, offer: Offer.Offer) {
  const events: Array<NewEvent> = []
  const results: Array<NewEvent> = []
  if (answer.thinking !== null) {
    events.push({ type: "agent.thinking", id: answer.thinking.id, content: textBlocks(answer.thinking.text) })
  }
  if (answer.message !== null) {
    events.push({ type: "agent.message", id: answer.message.id, content: textBlocks(answer.message.text) })
  }
  for (const { name, arguments: text } of answer.calls) {
    const id = yield* nextEventId
    const tool = offer.byName.get(name)
    const parsed = Answer.parseArguments(text, answer.truncated)
    const input = Result.getOrElse(parsed, () => ({}))
    if (tool === undefined) results.push(toolResult(id, Offer.unknownTool(offer, name), true))
    else if (Result.isFailure(parsed)) results.push(toolResult(id, parsed.failure, true))
    events.push(
      tool?.runner === "client"
        ? { type: "agent.custom_tool_use", id, name, input }
        : { type: "agent.tool_use", id, name, input, evaluated_permission: tool?.permission ?? "deny" }
    )
  }
  events.push({
    type: "span.model_request_end",
    model_request_start_id: request,
    is_error: false,
    model_usage: answer.usage
  })
  return [...events, ...results]
})
