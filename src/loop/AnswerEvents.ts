import { Effect, Result } from "effect"
import { nextEventId } from "../domain/Ids.ts"
import * as Answer from "./Answer.ts"
import * as Offer from "./Offer.ts"
import type { NewEvent } from "./SessionLog.ts"
import * as ToolResult from "./ToolResult.ts"

const textBlocks = (text: string) => [{ type: "text" as const, text }]

/** An answer as events: in the order a reader expects, then results for the calls that cannot be run. */
export const make = Effect.fnUntraced(function* (answer: Answer.Answer, offer: Offer.Offer) {
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
    if (tool === undefined) results.push(ToolResult.make(id, Offer.unknownTool(offer, name), true))
    else if (Result.isFailure(parsed)) results.push(ToolResult.make(id, parsed.failure, true))
    events.push(
      tool?.runner === "client"
        ? { type: "agent.custom_tool_use", id, name, input }
        : { type: "agent.tool_use", id, name, input, evaluated_permission: tool?.permission ?? "deny" }
    )
  }
  return [...events, ...results]
})
