import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { amend } from "../egress/amend.ts"
import { urlOf } from "../egress/target.ts"
import { ToolRegistry, type ToolResult as Outcome } from "../ToolRegistry.ts"
import * as AskModel from "./AskModel.ts"
import type { OpenCall } from "./Calls.ts"
import type { EgressNotes } from "./EgressNotes.ts"
import * as Prompt from "./Prompt.ts"
import * as SessionErrors from "./SessionErrors.ts"
import type { NewEvent, SessionLog, Snapshot } from "./SessionLog.ts"
import * as ToolResult from "./ToolResult.ts"
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
  const model = yield* AskModel.make(log, limitsOf)

  const takeIn = Effect.fn("AgentLoop.takeIn")(function* ({ messages }: Turn.Action & { readonly type: "takeIn" }) {
    const { state } = yield* log.snapshot
    yield* log.append([
      ...(state.status === "running" ? [] : [{ type: "session.status_running" as const }]),
      ...messages.map(({ id, text }): NewEvent => ({ type: "user.message", id, content: [{ type: "text", text }] }))
    ])
  })

  const runTool = Effect.fnUntraced(function* (call: OpenCall) {
    const { record } = yield* log.snapshot
    const { text, isError, rejected } = yield* registry
      .call(record.id, call)
      .pipe(Effect.catchDefect(() => Effect.succeed(failed)))
    const result = rejected
      ? ToolResult.reject(call.id, text)
      : yield* ToolResult.store(record.id, call.id, text, isError)
    yield* log.append([...notes.take(call.id), result])
  })

  const runTools = Effect.fn("AgentLoop.runTools")(function* (calls: ReadonlyArray<OpenCall>) {
    yield* Effect.forEach(calls, runTool, { concurrency: parallelCalls, discard: true })
  })

  const takeAnswer = Effect.fn("AgentLoop.takeAnswer")(function* ({
    call,
    others
  }: Turn.Action & { readonly type: "takeAnswer" }) {
    const { output } = yield* model.offer
    yield* log.append([
      ToolResult.make(call.id, "taken", false),
      ...others.map(({ id }) =>
        ToolResult.reject(id, "not taken: there is one final answer, and the first one counts")
      ),
      { type: "agent.structured_output", tool_use_id: call.id, value: output?.valueOf(call.input) ?? null }
    ])
  })

  const remind = log.append([
    { type: "session.structured_output_reminder", content: [{ type: "text", text: Prompt.reminder }] }
  ])

  const settle = ({ calls, isError, isRejected, text }: Turn.Action & { readonly type: "settle" }) =>
    log.append(
      calls.flatMap((call) => [
        ...notes.take(call.id),
        isRejected ? ToolResult.reject(call.id, text(call)) : ToolResult.make(call.id, text(call), isError(call))
      ])
    )

  /** Before its answer is logged: where the process dies in between it is done again, which changes nothing. */
  const allowForEver = Effect.fn("AgentLoop.allowForEver")(function* ({
    call,
    egress
  }: Turn.Action & { readonly type: "allowForEver" }) {
    const { record } = yield* log.snapshot
    const problem = yield* amend(egress, `approval in ${record.id}`)
    const request = `${egress.method} ${urlOf(egress)}`
    const text =
      problem === null
        ? `${request} is allowed now, and from now on: send it again`
        : `${request} is allowed now: send it again. It could not be allowed for ever by the policy ${egress.policy_id}: ${problem}`
    yield* log.append([ToolResult.make(call.id, text, false)])
  })

  const reschedule = Effect.fn("AgentLoop.reschedule")(function* (delay: number) {
    const at = (yield* Clock.currentTimeMillis) + delay
    yield* log.append([{ type: "session.status_rescheduled", resume_at: DateTime.formatIso(DateTime.makeUnsafe(at)) }])
  })

  const stop = Effect.fn("AgentLoop.stop")(function* ({ stopReason, limit }: Turn.Action & { readonly type: "stop" }) {
    yield* log.append([
      ...(limit === undefined ? [] : [SessionErrors.limits[limit]]),
      { type: "session.status_idle", stop_reason: stopReason, stop_details: null }
    ])
  })

  return (action: Exclude<Turn.Action, { readonly type: "rest" | "wait" }>) => {
    switch (action.type) {
      case "takeIn":
        return takeIn(action)
      case "resume":
        return log.append([{ type: "session.status_running" }])
      case "callModel":
        return model.callModel(action.choice)
      case "compact":
        return model.compact(action.count, action.choice)
      case "reschedule":
        return reschedule(action.delay)
      case "runTools":
        return runTools(action.calls)
      case "settle":
        return settle(action)
      case "takeAnswer":
        return takeAnswer(action)
      case "remind":
        return remind
      case "allowForEver":
        return allowForEver(action)
      case "closeRequest":
        return log.append([AskModel.requestFailed(action.id)])
      case "stop":
        return stop(action)
    }
  }
})
