import * as Stream from "effect/Stream"
import * as Layer from "effect/Layer"
import type { ModelUsage } from "../../src/domain/Event.ts"
import { ModelClient, ModelError, ModelNotFound, type ModelPart, type ModelRequest } from "../../src/ModelClient.ts"
import { reminder } from "../../src/loop/Prompt.ts"
import { type Call, rules } from "./DemoRules.ts"

/** Begins every reply. */
export const notice = "[demo: no AI is running]"

const help = `I am a stand-in that follows a few fixed rules, so that you can see sessions, tools, the sandbox and the egress policy at work. Try:
- count the words in https://example.com/a.txt and save the answer to answer.txt
- fetch https://example.com/
- write a haiku to haiku.txt
- write a file numbers.txt with the numbers 1 to 10, run a script over it and read the result
- run \`ls -la\`
- list the files
- what is in notes.txt
For anything else, configure a model: Workers AI, or a server that OPENAI_BASE_URL names.`

/** Where the session's answers have a form. */
const noAnswer =
  "There is no structured result: it takes a model to fill in a schema, and I only follow rules. Configure one to get a result."

/** Characters of a message that the rules look at: their patterns backtrack, and a long message would take them long. */
const readable = 4000

type Move = { readonly say: string } | { readonly call: Call }

/**
 * What to do next, as a function of the conversation alone: the last message of the user chooses a rule, and how many tool results came
 * since then says how far its plan has got.
 */
export const next = ({ messages, tools }: Pick<ModelRequest, "messages" | "tools">): Move => {
  const asked = messages.findLastIndex(({ role }) => role === "user")
  const message = messages[asked]
  const task = message?.role === "user" ? message.text.slice(0, readable) : ""
  const results = messages.slice(asked + 1).filter((message) => message.role === "tool")
  if (task === reminder) return { say: noAnswer }
  const failed = results.find(({ isError }) => isError)
  if (failed !== undefined) return { say: `I could not do it. ${failed.name} failed:\n${failed.text}` }

  const offers = (name: string) => tools.some((tool) => tool.name === name)
  for (const { pattern, plan } of rules) {
    const found = pattern.exec(task)
    if (found === null) continue
    const { steps, answer } = plan(found.slice(1), offers)
    const outputs = results.map(({ text }) => text)
    const step = steps[outputs.length]
    if (step === undefined) return { say: answer(outputs) }
    const call = step(outputs)
    return offers(call.name) ? { call } : { say: `I could not do it: this agent has no tool named ${call.name}.` }
  }
  return { say: help }
}

const noUsage: ModelUsage = {
  input_tokens: 0,
  output_tokens: 0,
  cache_read_input_tokens: 0,
  cache_creation_input_tokens: 0
}

const parts = (move: Move): ReadonlyArray<ModelPart> =>
  "call" in move
    ? [{ type: "tool_call", name: move.call.name, arguments: JSON.stringify(move.call.input) }]
    : (`${notice} ${move.say}`.match(/\S+\s*/g) ?? []).map((text) => ({ type: "text", text }))

/** The built-in stand-in, model `demo`: a few fixed rules that drive the real tools. */
export const client: ModelClient["Service"] = ModelClient.of({
  stream: (request) =>
    request.model === "demo"
      ? Stream.fromIterable<ModelPart>([...parts(next(request)), { type: "finish", usage: noUsage, truncated: false }])
      : Stream.fail(
          new ModelError({
            model: request.model,
            reason: new ModelNotFound({ detail: "the demo serves no model but demo" })
          })
        )
})

export const layer: Layer.Layer<ModelClient> = Layer.succeed(ModelClient, client)
