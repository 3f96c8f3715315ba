import type { SessionEvent } from "../domain/Event.ts"
import { type Difference, differences } from "./differences.ts"

/** Of a tool that is not run again. */
const withoutCourse = { started_at: undefined, operations: undefined }

/** What a replay need not repeat: ids, times, what a token cost on that day. The model's request is compared where it is made. */
const withoutChance = (event: SessionEvent, ids: ReadonlyMap<string, string>): object => {
  const { processed_at, ...rest } = event
  const same: object = { ...rest, id: ids.get(event.id) ?? event.id, isProcessed: processed_at !== null }
  switch (event.type) {
    case "agent.tool_use":
      return event.egress === undefined ? same : { ...same, egress: { ...event.egress, expires_at: undefined } }
    case "agent.tool_result":
      return { ...same, tool_use_id: ids.get(event.tool_use_id) ?? event.tool_use_id, ...withoutCourse }
    case "span.model_request_start":
      return { ...same, request_hash: undefined }
    case "span.model_request_end":
      return { ...same, list_cost_usd: undefined }
    default:
      return same
  }
}

/** The first of `events` that is not as recorded, and how; null where all are. */
export const sameEvents = (
  recorded: ReadonlyArray<SessionEvent>,
  events: ReadonlyArray<SessionEvent>
): { readonly index: number; readonly differences: ReadonlyArray<Difference> } | null => {
  // A message that is taken in is logged again under its own id.
  const isNew = ({ processed_at, type }: SessionEvent) => type !== "user.message" || processed_at === null
  const ids = new Map(
    events.flatMap((event, index) => (isNew(event) && recorded[index] ? [[event.id, recorded[index].id]] : []))
  )
  for (const [index, event] of events.entries()) {
    const expected = recorded[index]
    if (expected === undefined) return { index, differences: [] }
    const found = differences(withoutChance(expected, new Map()), withoutChance(event, ids))
    if (found.length > 0) return { index, differences: found }
  }
  return null
}
