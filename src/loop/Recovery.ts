import * as Effect from "effect/Effect"
import { Storage } from "../Storage.ts"
import { ToolRegistry } from "../ToolRegistry.ts"
import { requestFailed } from "./AskModel.ts"
import { unanswered } from "./Calls.ts"
import * as SessionErrors from "./SessionErrors.ts"
import type { NewEvent, SessionLog } from "./SessionLog.ts"
import * as ToolResult from "./ToolResult.ts"
import * as Turn from "./Turn.ts"

/** Processes in a row that die at the same place of the log, and then no other one tries. */
export const maxTakeOvers = 5

/**
 * Settles what a process that is gone left running, before anything new is done. Its model request stays open and is asked again; its tool
 * calls run again where that is safe, under the same idempotency key; of the others nobody knows whether they took effect.
 */
export const make = Effect.fnUntraced(function* (log: SessionLog) {
  const storage = yield* Storage
  const registry = yield* ToolRegistry

  const giveUp = Effect.fnUntraced(function* (count: number) {
    const { state } = yield* log.snapshot
    yield* log.append([
      ...(state.isRequesting ? [requestFailed(state.request!.id)] : []),
      ...unanswered(state).map(({ id }) => ToolResult.outcomeUnknown(id)),
      SessionErrors.recoveries(count),
      { type: "session.status_idle", stop_reason: { type: "retries_exhausted" }, stop_details: null } satisfies NewEvent
    ])
  })

  return Effect.gen(function* () {
    const { state } = yield* log.snapshot
    if (state.status !== "running" || state.isForked) return
    const count = yield* storage.takeOver
    if (count >= maxTakeOvers) return yield* giveUp(count)
    const unsafe = Turn.inDoubt(state).filter((call) => !registry.isReplaySafe(call.name))
    if (unsafe.length > 0) yield* log.append(unsafe.map(({ id }) => ToolResult.outcomeUnknown(id)))
  }).pipe(Effect.withSpan("AgentLoop.recover"))
})
