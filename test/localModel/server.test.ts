import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import type { Server, ServerResponse } from "node:http"
import type { Engine, Finish } from "../../scripts/localModel/engine.ts"
import { find } from "../../scripts/localModel/llama.ts"
import { BadRequest } from "../../scripts/localModel/prompt.ts"
import { serve } from "../../scripts/localModel/server.ts"
import type { Anything } from "../support/mockOpenAi.ts"

/** The port, over a model that writes what a test tells it to: real ones are run by `npm run test:local-model`. */

/** One answer that is being written. */
interface Turn {
  readonly prompt: string
  readonly options: Parameters<Engine["generate"]>[1]
  readonly write: (text: string) => void
  readonly end: (finish?: Partial<Finish>) => void
  readonly break: (error: Error) => void
}

let server: Server
let url: string
let turns: Array<Turn>
let begun: ReadonlyArray<(turn: Turn) => void>

/** Resolves when the model begins to answer. */
const turn = () =>
  new Promise<Turn>((resolve) => {
    const next = turns.shift()
    if (next === undefined) begun = [...begun, resolve]
    else resolve(next)
  })

const engine: Engine = {
  name: "tiny",
  contextSize: 100,
  prompt: ({ messages, tools }) => {
    const text = `${messages.map(({ content }) => content).join(" ")}${tools.length > 0 ? " with tools" : ""}`
    if (text.includes("unwritable")) throw new BadRequest("cannot be written")
    return { tokens: Array.from(text, (_, index) => index), opened: text }
  },
  generate: ({ opened }, options, write) =>
    new Promise((resolve, reject) => {
      options.signal.addEventListener("abort", () => reject(options.signal.reason))
      const end = (finish: Partial<Finish> = {}) =>
        resolve({ reason: "stop", completionTokens: 2, cachedTokens: 3, ...finish })
      const begins = { prompt: opened, options, write, end, break: reject }
      const [waiting, ...others] = begun
      begun = others
      if (waiting === undefined) turns.push(begins)
      else waiting(begins)
    })
}

beforeEach(async () => {
  turns = []
  begun = []
  ;({ server, url } = await serve(engine))
})

afterEach(
  () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
)

const post = (fields: object, init: RequestInit = {}) =>
  fetch(`${url}/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "tiny", messages: [{ role: "user", content: "hi" }], ...fields }),
    ...init
  })
const json = async (response: Response): Promise<Anything> => response.json()
const saying = (content: string) => ({ messages: [{ role: "user", content }] })

describe("the port of a local model", () => {
  it("lists the model", async () => {
    const { data } = await json(await fetch(`${url}/models`))
    assert.deepInclude(data[0], { id: "tiny", object: "model", meta: { n_ctx: 100 } })
  })

  it("answers in one piece, with usage", async () => {
    const response = post({ temperature: 0, top_p: 0.5, seed: 7, max_tokens: 5, tools: [{ type: "function" }] })
    const { end, options, prompt, write } = await turn()
    assert.strictEqual(prompt, "hi with tools")
    assert.deepInclude(options, { temperature: 0, topP: 0.5, seed: 7, maxTokens: 5 })
    write("Hello")
    write(" there")
    end({ reason: "length" })
    const { choices, model, object, usage } = await json(await response)
    assert.deepStrictEqual([object, model], ["chat.completion", "tiny"])
    assert.deepInclude(choices[0], { message: { role: "assistant", content: "Hello there" }, finish_reason: "length" })
    assert.deepStrictEqual(usage, {
      prompt_tokens: 13,
      completion_tokens: 2,
      total_tokens: 15,
      prompt_tokens_details: { cached_tokens: 3 }
    })
  })

  it("streams, with usage where that is wanted, to an end marker", async () => {
    const response = await post({ stream: true, stream_options: { include_usage: true } })
    const { end, write } = await turn()
    write("Hel")
    write("")
    write("lo")
    end()
    const events = (await response.text()).split("\n\n").filter((event) => event !== "")
    assert.strictEqual(events.at(-1), "data: [DONE]")
    const chunks = events.slice(0, -1).map((event): Anything => JSON.parse(event.slice("data: ".length)))
    assert.deepStrictEqual(
      chunks.map(({ choices }) => choices[0]),
      [
        { index: 0, delta: { role: "assistant", content: "" }, finish_reason: null },
        { index: 0, delta: { content: "Hel" }, finish_reason: null },
        { index: 0, delta: { content: "lo" }, finish_reason: null },
        { index: 0, delta: {}, finish_reason: "stop" },
        undefined
      ]
    )
    assert.strictEqual(chunks.at(-1).usage.total_tokens, 4)
  })

  it("answers one request at a time, in order, and drops those whose client has gone", async () => {
    const first = post(saying("one"))
    const one = await turn()
    const gone = new AbortController()
    const left = new Promise((resolve) =>
      server.once("request", (_, response: ServerResponse) => response.once("close", resolve))
    )
    const second = await post({ ...saying("two"), stream: true }, { signal: gone.signal })
    const third = post(saying("three"))
    gone.abort()
    await second.text().catch(() => {})
    await left
    one.write("1")
    one.end()
    assert.strictEqual((await json(await first)).choices[0].message.content, "1")
    const next = await turn()
    assert.strictEqual(next.prompt, "three")
    next.end()
    assert.strictEqual((await third).status, 200)
  })

  it("stops an answer when its client goes away", async () => {
    const gone = new AbortController()
    const response = await post({ stream: true }, { signal: gone.signal })
    const { options } = await turn()
    gone.abort()
    await new Promise((resolve) => options.signal.addEventListener("abort", resolve))
    await response.text().catch(() => {})
    const next = post(saying("next"))
    ;(await turn()).end()
    assert.strictEqual((await next).status, 200)
  })

  it("says in a stream that has begun that the model failed, without an end marker", async () => {
    const response = await post({ stream: true })
    ;(await turn()).break(new Error("out of memory"))
    const text = await response.text()
    assert.include(text, `data: {"error":{"message":"out of memory","type":"server_error","param":null,"code":null}}`)
    assert.notInclude(text, "[DONE]")
  })

  const refusals: ReadonlyArray<
    readonly [what: string, fields: object, status: number, type: string, message: RegExp]
  > = [
    ["another model", { model: "other" }, 404, "model_not_found", /no model other, only tiny/],
    ["no messages", { messages: [] }, 400, "invalid_request_error", /^messages: /],
    ["a message without a role", { messages: ["hi"] }, 400, "invalid_request_error", /^messages\[0\]: /],
    ["what cannot be written", saying("unwritable"), 400, "invalid_request_error", /cannot be written/],
    ["too long a prompt", saying("x".repeat(100)), 400, "exceed_context_size_error", /100 tokens.*context size of 100/],
    ["several answers", { n: 2 }, 400, "invalid_request_error", /^n: 2 is not supported/],
    ["a forced call", { tool_choice: "required" }, 400, "invalid_request_error", /^tool_choice: "required"/],
    ["a number that is none", { temperature: "warm" }, 400, "invalid_request_error", /^temperature: /]
  ]
  for (const [what, fields, status, type, message] of refusals) {
    it(`refuses ${what} in the form of OpenAI's errors`, async () => {
      const response = await post(fields)
      assert.strictEqual(response.status, status)
      const { error } = await json(response)
      assert.strictEqual(error.type, type)
      assert.match(error.message, message)
    })
  }

  it("refuses what is not JSON, and paths that it does not have", async () => {
    assert.strictEqual((await post({}, { body: "{" })).status, 400)
    assert.strictEqual((await fetch(`${url}/embeddings`, { method: "POST" })).status, 404)
  })
})

describe("node-llama-cpp", () => {
  it("is asked for with the command that installs it where it is missing", () => {
    const missing = () => {
      throw new Error("Cannot find package")
    }
    assert.throws(() => find(missing), /npm install --no-save --ignore-scripts node-llama-cpp@3\.22\.1$/)
  })
})
