import * as Effect from "effect/Effect"
import { nextEventId } from "../domain/Ids.ts"
import * as Arguments from "../model/Arguments.ts"
import { parseJson } from "../model/ChatChunk.ts"
import type { Answer } from "./Answer.ts"
import * as Offer from "./Offer.ts"
import type { NewEvent } from "./SessionLog.ts"
import * as ToolResult from "./ToolResult.ts"

const anyObject = { type: "object" } as const

const textBlocks = (text: string) => [{ type: "text" as const, text }]

/** An answer as events: in the order a reader expects, then results for the calls that cannot be run. */
export const make = Effect.fnUntraced(function* (answer: Answer, offer: Offer.Offer) {
  const events: Array<NewEvent> = []
  const results: Array<NewEvent> = []
  if (answer.thinking !== null) {
    events.push({ type: "agent.thinking", id: answer.thinking.id, content: textBlocks(answer.thinking.text) })
  }
  if (answer.message !== null) {
    events.push({ type: "agent.message", id: answer.message.id, content: textBlocks(answer.message.text) })
  }
  for (const { name, arguments: text, problem: refused } of answer.calls) {
    const id = yield* nextEventId
    const tool = offer.byName.get(name)
    const parsed =
      refused === undefined
        ? Arguments.parse(text, tool?.parameters ?? anyObject, answer)
        : { input: {}, problem: refused }
    const { input } = parsed
    const problem = parsed.problem ?? tool?.problemOf?.(input) ?? null
    const written = asWritten(text, input, parsed.problem)
    const rejection = tool === undefined && refused === undefined ? Offer.unknownTool(offer, name) : problem
    if (rejection !== null) {
      // Clients run their tools, and ask for permission, as soon as they see a call: one that nobody runs is not shown as theirs.
      events.push({ type: "agent.tool_use", id, name, input, ...written, evaluated_permission: "deny" })
      results.push(ToolResult.reject(id, rejection))
    } else if (tool?.runner === "client") {
      events.push({ type: "agent.custom_tool_use", id, name, input, ...written })
    } else {
      const evaluated_permission = tool?.permission ?? "deny"
      events.push({ type: "agent.tool_use", id, name, input, ...written, evaluated_permission })
    }
  }
  return [...events, ...results]
})

/** Characters of a call's arguments that are kept beside its input. */
const longestWritten = 100_000

/** What the model wrote, where the input does not say it. */
const asWritten = (text: string, input: object, problem: string | null) => {
  const json = JSON.stringify(input)
  if (text === json || JSON.stringify(parseJson(text)) === json) return {}
  if (text.length <= longestWritten) return { written: text }
  return problem === null ? {} : { written: null }
}
