import * as Struct from "effect/Struct"
import { auditOnly, type EgressDecision } from "../domain/Egress.ts"
import type { EventId } from "../domain/Ids.ts"
import type { NewEvent } from "./SessionLog.ts"

/** Requests of one tool call that the log shows; the audit has all of them. */
const shown = 50

/**
 * What tool calls that are running have sent so far. It is logged with their results, in the same write: a request costs the loop nothing.
 * Kept in memory alone: what a process had noted that died is in the audit, and not in the log.
 */
export const make = () => {
  const notes = new Map<EventId, Array<NewEvent>>()
  return {
    add: (toolUse: EventId, decision: EgressDecision): void => {
      const events = notes.get(toolUse) ?? []
      if (events.length < shown) events.push(eventOf(toolUse, decision))
      notes.set(toolUse, events)
    },
    of: (toolUse: EventId): ReadonlyArray<NewEvent> => notes.get(toolUse) ?? [],
    /** Once they are logged. */
    drop: (toolUse: EventId): void => void notes.delete(toolUse)
  }
}

export type EgressNotes = ReturnType<typeof make>

const eventOf = (tool_use_id: EventId, decision: EgressDecision): NewEvent => ({
  ...Struct.omit(decision, auditOnly),
  type: "span.egress_request",
  tool_use_id,
  egress_decision_id: decision.id
})
