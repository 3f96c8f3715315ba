import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type Engine, open } from "../../scripts/localModel/engine.ts"
import { serve } from "../../scripts/localModel/server.ts"
import type { Anything } from "../support/mockOpenAi.ts"
import { parrot } from "./parrot.ts"
import { writeTinyModel } from "./tinyGguf.ts"

/** The real library with a real file, made here: it is loaded, tokens are streamed, and the answer ends. */

let folder: string
let engine: Engine
let local: Awaited<ReturnType<typeof serve>>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "ownloop-model-"))
  writeTinyModel(join(folder, "parrot.gguf"), parrot)
  engine = await open(join(folder, "parrot.gguf"))
  local = await serve(engine)
})

afterAll(async () => {
  await new Promise((resolve) => local.server.close(resolve).closeAllConnections())
  rmSync(folder, { recursive: true, force: true })
})

const user = (content: string) => ({ role: "user", content })
const post = (fields: object, init: RequestInit = {}) =>
  fetch(`${local.url}/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "parrot", ...fields }),
    ...init
  })
const ask = async (fields: object): Promise<Anything> => (await post(fields)).json()
const write = { type: "function", function: { name: "write" } }

describe("a model file", () => {
  it("is named after the file, and holds what it says", () => {
    assert.deepStrictEqual([engine.name, engine.contextSize], ["parrot", 4096])
  })

  it("answers to its end, in whole characters", async () => {
    const { choices, usage } = await ask({ messages: [user("hello")] })
    assert.deepInclude(choices[0], { message: { role: "assistant", content: "Hello, wörld" }, finish_reason: "stop" })
    assert.strictEqual(usage.completion_tokens, 3)
  })

  it("streams token by token", async () => {
    const text = await (await post({ messages: [user("hello")], stream: true })).text()
    const pieces = [...text.matchAll(/"content":"([^"]+)"/g)].map(([, piece]) => piece)
    assert.deepStrictEqual(pieces, ["Hel", "lo, ", "wörld"])
    assert.isTrue(text.endsWith("data: [DONE]\n\n"))
  })

  it("leaves calls in the text, as its template has them, and reads them there again", async () => {
    const messages = [user("write it down")]
    const { choices } = await ask({ messages, tools: [write] })
    assert.strictEqual(
      choices[0].message.content,
      `<tool_call>\n{"name": "write", "arguments": {"file_path": "said.txt", "content": "pieces of eight"}}\n</tool_call>`
    )
    const call = { id: "1", type: "function", function: { name: "write", arguments: `{"file_path":"said.txt"}` } }
    const after = [
      ...messages,
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "1", content: "ok" }
    ]
    const answer = await ask({ messages: after, tools: [write] })
    assert.strictEqual(answer.choices[0].message.content, "I wrote it")
    const common = "TOOLS write \nuser: write it down\n".length
    assert.isAtLeast(answer.usage.prompt_tokens_details.cached_tokens, common)
  })

  it("begins with the tag of thinking that its template opened for it", async () => {
    const { choices } = await ask({ messages: [user("think")] })
    assert.strictEqual(choices[0].message.content, "<think>hm</think>Hello, wörld")
  })

  it("stops at the length that is asked for, and at its context's", async () => {
    const { choices, usage } = await ask({ messages: [user("loop")], max_tokens: 5 })
    assert.deepInclude(choices[0], {
      message: { role: "assistant", content: "la la la la la " },
      finish_reason: "length"
    })
    assert.strictEqual(usage.completion_tokens, 5)
    const long = await ask({ messages: [user(`${"x".repeat(4_000)} loop`)] })
    assert.strictEqual(long.choices[0].finish_reason, "length")
    assert.strictEqual(long.usage.total_tokens, 4096)
  })

  it("stops when its client goes away, and answers the next one", async () => {
    const gone = new AbortController()
    const response = await post({ messages: [user("loop")], stream: true }, { signal: gone.signal })
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let written = ""
    while (!written.includes("la ")) {
      const { done, value } = await reader.read()
      assert.isFalse(done, written)
      written += value
    }
    const closed = new Promise((resolve) => local.server.once("request", resolve))
    gone.abort()
    const next = ask({ messages: [user("hello")] })
    await closed
    assert.strictEqual((await next).choices[0].message.content, "Hello, wörld")
  })

  it("refuses what does not fit it, and what its template cannot write", async () => {
    const long = await ask({ messages: [user("x".repeat(5_000))] })
    assert.strictEqual(long.error.type, "exceed_context_size_error")
    const odd = await ask({ messages: [user("alternate")] })
    assert.match(odd.error.message, /roles must alternate/)
  })

  it("that is none, or was not trained to chat, is refused with its name", async () => {
    const other = join(folder, "other.gguf")
    writeFileSync(other, "GGUF, or not")
    assert.match(String(await open(other).catch((error: unknown) => error)), /other\.gguf is no model file/)
    const half = join(folder, "half.gguf")
    writeFileSync(half, readFileSync(join(folder, "parrot.gguf")).subarray(0, 100_000))
    assert.match(String(await open(half).catch((error: unknown) => error)), /half\.gguf cannot be loaded: /)
    const base = join(folder, "base.gguf")
    writeTinyModel(base, { next: parrot.next })
    assert.match(String(await open(base).catch((error: unknown) => error)), /base\.gguf has no chat template/)
  })
})
