import { Effect, Stream } from "effect"
import { createWorkersAI } from "workers-ai-provider"
import * as WorkersAi from "../../layers/model/WorkersAi.ts"
import type { ModelPart } from "../../src/ModelClient.ts"
import { request } from "../ModelClient.contract.ts"
import { fakeAi, type FakeAnswer } from "./fakeAi.ts"
import { glm } from "./workersAi.ts"

/** What an answer is found to hold. */
export interface Heard {
  readonly text: string
  readonly reasoning: string
  /** Names, and arguments as they were written. */
  readonly calls: ReadonlyArray<readonly [name: string, text: string]>
  readonly finish: "whole" | "truncated" | "failed"
}

/** Cloudflare's own client on the same binding, as a second opinion. */
const modelOf = (answer: FakeAnswer) => createWorkersAI({ binding: fakeAi(() => answer) as unknown as Ai })(glm) // it uses `run` alone

const asked = {
  prompt: [{ role: "user" as const, content: [{ type: "text" as const, text: "hello" }] }],
  tools: [
    {
      type: "function" as const,
      name: "bash",
      description: "Runs a command",
      inputSchema: { type: "object" as const, properties: { command: { type: "string" as const } } }
    }
  ]
}

/** What it finds. */
export const theirs = async (answer: FakeAnswer): Promise<Heard> => {
  const { stream } = await modelOf(answer).doStream(asked)
  let [text, reasoning, finish] = ["", "", "failed" as Heard["finish"]]
  const calls: Array<Heard["calls"][number]> = []
  for await (const part of stream) {
    if (part.type === "text-delta") text += part.delta
    if (part.type === "reasoning-delta") reasoning += part.delta
    if (part.type === "tool-call") calls.push([part.toolName, part.input])
    if (part.type === "finish") {
      const { unified } = part.finishReason
      finish = unified === "error" ? "failed" : unified === "length" ? "truncated" : "whole"
    }
  }
  return { text, reasoning, calls, finish }
}

/** What we find. */
export const ours = (answer: FakeAnswer): Effect.Effect<Heard> =>
  Effect.gen(function* () {
    const parts: Array<ModelPart> = []
    const client = WorkersAi.fromBinding(fakeAi(() => answer))
    yield* client.stream(request(glm, "hello")).pipe(
      Stream.runForEach((part) => Effect.sync(() => parts.push(part))),
      Effect.ignore
    )
    const joined = (type: "text" | "reasoning") => parts.map((part) => (part.type === type ? part.text : "")).join("")
    const end = parts.at(-1)
    return {
      text: joined("text"),
      reasoning: joined("reasoning"),
      calls: parts.flatMap((part) => (part.type === "tool_call" ? [[part.name, part.arguments] as const] : [])),
      finish: end?.type !== "finish" ? "failed" : end.truncated ? "truncated" : "whole"
    }
  })

/** How it takes an error of the binding: whether it would ask again. */
export const isRetried = async (error: string): Promise<boolean> => {
  const thrown: unknown = await modelOf({ error })
    .doStream(asked)
    .then(
      () => undefined,
      (thrown: unknown) => thrown
    )
  return (thrown as { readonly isRetryable?: boolean }).isRetryable === true // An `APICallError` of the AI SDK.
}
