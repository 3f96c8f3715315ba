import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { PolicyAmendments } from "../egress/amend.ts"
import { ToolRegistry, type ToolResult as Outcome } from "../ToolRegistry.ts"
import * as AskModel from "./AskModel.ts"
import { now, timestamp } from "../domain/Common.ts"
import type { OpenCall } from "./Calls.ts"
import type { EgressNotes } from "./EgressNotes.ts"
import * as Prompt from "./Prompt.ts"
import { Rebuild } from "./Rebuild.ts"
import * as SessionErrors from "./SessionErrors.ts"
import { isUndisturbed, type NewEvent, type SessionLog, type Snapshot } from "./SessionLog.ts"
import * as ToolResult from "./ToolResult.ts"
import * as TraceContext from "./TraceContext.ts"
import type * as Turn from "./Turn.ts"

/** Calls of one answer that run at the same time: a Durable Object may have six connections open. */
const parallelCalls = 4

const failed: Outcome = { text: "the tool failed in an unexpected way", isError: true }

/** Does what `Turn` decided. Each action ends in events of the log. */
export const make = Effect.fnUntraced(function* (
  log: SessionLog,
  limitsOf: (snapshot: Snapshot, now: number) => Turn.Limits,
  notes: EgressNotes
) {
  const registry = yield* ToolRegistry
  const amendments = yield* PolicyAmendments
  const { rebuild } = yield* Rebuild
  const model = yield* AskModel.make(log, limitsOf)

  /** Logs what follows from a decision, unless something came in the meantime: then it is decided again. Answers whether it did. */
  const conclude = ({ lastSeq }: Snapshot, events: ReadonlyArray<NewEvent>) =>
    Effect.map(
      log.append(events, (snapshot) => snapshot.lastSeq === lastSeq),
      (entries) => entries.length > 0
    )

  const takeIn = Effect.fn("AgentLoop.takeIn")(function* (
    { messages }: Turn.Action & { readonly type: "takeIn" },
    decidedOn: Snapshot
  ) {
    yield* conclude(decidedOn, [
      ...(decidedOn.state.status === "running" ? [] : [{ type: "session.status_running" as const }]),
      ...messages.map(({ id, text, task }): NewEvent => ({
        type: "user.message",
        id,
        content: [{ type: "text", text }],
        ...(task === undefined ? {} : { task })
      }))
    ])
  })

  const runTool = Effect.fnUntraced(function* (call: OpenCall) {
    const { record, state } = yield* log.snapshot
    const started = yield* now
    const { text, isError, operations, rejected } = yield* registry.call(record.id, call).pipe(
      Effect.catchDefect(() => Effect.succeed(failed)),
      TraceContext.within(state.trace, call.id)
    )
    const result = rejected
      ? ToolResult.reject(call.id, text)
      : yield* ToolResult.store(record.id, call.id, text, isError)
    const done = operations === undefined ? {} : { operations }
    const entries = yield* log.append(
      [...notes.of(call.id), { ...result, started_at: started, ...done }],
      isUndisturbed
    )
    if (entries.length > 0) notes.drop(call.id)
  })

  const runTools = Effect.fn("AgentLoop.runTools")(function* (calls: ReadonlyArray<OpenCall>) {
    yield* Effect.forEach(calls, runTool, { concurrency: parallelCalls, discard: true })
  })

  const takeAnswer = Effect.fn("AgentLoop.takeAnswer")(function* (
    { call, others }: Turn.Action & { readonly type: "takeAnswer" },
    decidedOn: Snapshot
  ) {
    const { output } = yield* model.offer
    yield* conclude(decidedOn, [
      ToolResult.make(call.id, "taken", false),
      ...others.map(({ id }) =>
        ToolResult.reject(id, "not taken: there is one final answer, and the first one counts")
      ),
      { type: "agent.structured_output", tool_use_id: call.id, value: output?.valueOf(call.input) ?? null }
    ])
  })

  const rebuildWorkspace = Effect.fnUntraced(function* (decidedOn: Snapshot) {
    yield* conclude(decidedOn, [{ type: "session.workspace_rebuilt", ...(yield* rebuild(decidedOn.record)) }])
  })

  const remind = (decidedOn: Snapshot) =>
    conclude(decidedOn, [
      { type: "session.structured_output_reminder", content: [{ type: "text", text: Prompt.reminder }] }
    ])

  const settle = Effect.fnUntraced(function* (
    { calls, isError, isRejected, text }: Turn.Action & { readonly type: "settle" },
    decidedOn: Snapshot
  ) {
    const events = calls.flatMap((call) => [
      ...notes.of(call.id),
      isRejected ? ToolResult.reject(call.id, text(call)) : ToolResult.make(call.id, text(call), isError(call))
    ])
    if (yield* conclude(decidedOn, events)) for (const { id } of calls) notes.drop(id)
  })

  /** Before its answer is logged: where the process dies in between it is done again, which changes nothing. */
  const allowForEver = Effect.fn("AgentLoop.allowForEver")(function* (
    { call, egress }: Turn.Action & { readonly type: "allowForEver" },
    decidedOn: Snapshot
  ) {
    const text = yield* amendments.allow({ id: call.id, egress }, decidedOn.record.id)
    yield* conclude(decidedOn, [ToolResult.make(call.id, text, false)])
  })

  const reschedule = Effect.fn("AgentLoop.reschedule")(function* (delay: number, decidedOn: Snapshot) {
    const at = yield* Clock.currentTimeMillis
    yield* conclude(decidedOn, [
      { type: "session.status_rescheduled", processed_at: timestamp(at), resume_at: timestamp(at + delay) }
    ])
  })

  const stop = Effect.fn("AgentLoop.stop")(function* (
    { stopReason, limit }: Turn.Action & { readonly type: "stop" },
    decidedOn: Snapshot
  ) {
    yield* conclude(decidedOn, [
      ...(limit === undefined ? [] : [SessionErrors.limits[limit]]),
      { type: "session.status_idle", stop_reason: stopReason, stop_details: null }
    ])
  })

  return (action: Exclude<Turn.Action, { readonly type: "rest" | "wait" }>, decidedOn: Snapshot) => {
    switch (action.type) {
      case "takeIn":
        return takeIn(action, decidedOn)
      case "resume":
        return conclude(decidedOn, [{ type: "session.status_running" }])
      case "callModel":
        return model.callModel(action.choice)
      case "compact":
        return model.compact(action.count, action.choice)
      case "reschedule":
        return reschedule(action.delay, decidedOn)
      case "rebuildWorkspace":
        return rebuildWorkspace(decidedOn)
      case "runTools":
        return runTools(action.calls)
      case "settle":
        return settle(action, decidedOn)
      case "takeAnswer":
        return takeAnswer(action, decidedOn)
      case "remind":
        return remind(decidedOn)
      case "allowForEver":
        return allowForEver(action, decidedOn)
      case "closeRequest":
        return conclude(decidedOn, [AskModel.requestFailed(action.id)])
      case "stop":
        return stop(action, decidedOn)
    }
  }
})
