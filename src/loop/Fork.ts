import type { SessionEvent } from "../domain/Event.ts"
import type { EventId } from "../domain/Ids.ts"
import type { Inherited } from "../Sessions.ts"
import { fold } from "./fold.ts"
import * as State from "./State.ts"

/** A result that a fork's conversation holds in place of the one that a call had. */
export interface ChangedResult {
  readonly tool_use_id: EventId
  readonly text: string
  readonly isError: boolean
}

/**
 * How many events of a log a fork at this one begins with; 0 where it is not there. What is logged in one write stays together: an answer is
 * taken whole, and at a request that was only begun the fork's own model is asked.
 */
export const lengthAt = (events: ReadonlyArray<SessionEvent>, at: EventId): number => {
  let length = events.findLastIndex(({ id }) => id === at) + 1
  if (length === 0) return 0
  const { isRequesting } = events.slice(0, length).reduce(fold, State.initial)
  if (isRequesting) {
    const end = events.findIndex(({ type }, place) => place >= length && type === "span.model_request_end")
    const isBegun = events[length - 1]!.type === "span.model_request_start"
    if (isBegun || end === -1) return events.findLastIndex(isStart, length - 1)
    length = end + 1
  }
  while (belongsTo(events[length], events[length - 1]!)) length++
  return length
}

const isStart = ({ type }: SessionEvent) => type === "span.model_request_start"

const isRejection = (event: SessionEvent) => event.type === "agent.tool_result" && event.rejected === true

const isTakenIn = (event: SessionEvent) => event.type === "user.message" && event.processed_at !== null

/**
 * What was logged in one write: a turn begins with the messages that it takes in, what a call sent stands before its result, and what ends an
 * answer is followed by what was wrong with it, or by the summary that it is.
 */
const belongsTo = (event: SessionEvent | undefined, before: SessionEvent): boolean => {
  if (event === undefined) return false
  if (before.type === "span.egress_request") {
    return (
      (event.type === "span.egress_request" || event.type === "agent.tool_result") &&
      event.tool_use_id === before.tool_use_id
    )
  }
  if (isTakenIn(event)) return before.type === "session.status_running" || isTakenIn(before)
  const isAfterEnd = before.type === "span.model_request_end"
  if (isAfterEnd && before.is_error) return event.type === "session.error"
  if (isAfterEnd && event.type === "agent.thread_context_compacted") return true
  return (isAfterEnd || isRejection(before)) && isRejection(event)
}

/** The events with these results in place of those that the calls had; the id of the first call that has none there, where there is one. */
export const withResults = (
  inherited: ReadonlyArray<Inherited>,
  results: ReadonlyArray<ChangedResult>
): ReadonlyArray<Inherited> | EventId => {
  const hasResult =
    (id: EventId) =>
    ({ event }: Inherited) =>
      event.type === "agent.tool_result" && event.tool_use_id === id
  const missing = results.find(({ tool_use_id }) => !inherited.some(hasResult(tool_use_id)))
  if (missing !== undefined) return missing.tool_use_id
  return inherited.map((entry) => {
    const { event } = entry
    const changed = results.find(({ tool_use_id }) => hasResult(tool_use_id)(entry))
    if (changed === undefined || event.type !== "agent.tool_result") return entry
    const { stored_characters: _, rejected: _rejected, ...kept } = event
    return { event: { ...kept, content: [{ type: "text", text: changed.text }], is_error: changed.isError } }
  })
}
