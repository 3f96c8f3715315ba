import { assert, describe, it } from "@effect/vitest"
import { BadRequest, render } from "../../scripts/localModel/prompt.ts"

/** What templates do, in a few lines each: real ones are run by `npm run test:local-model`. */

interface Variables {
  readonly messages: ReadonlyArray<{
    readonly role: string
    readonly content: string
    readonly tool_calls?: ReadonlyArray<{ readonly function: { readonly arguments: unknown } }>
  }>
  readonly tools?: ReadonlyArray<object>
  readonly bos_token: string
  readonly add_generation_prompt: boolean
}
const template = (write: (variables: Variables) => string) => (variables: object) => write(variables as Variables)
const roles = template(({ messages, tools = [], bos_token }) =>
  [bos_token, `tools ${tools.length}`, ...messages.map(({ role, content }) => `${role}: ${content}`)].join("\n")
)
const fixed = { bos_token: "<s>" }
const user = (content: unknown) => ({ role: "user", content })
const tools = [{ type: "function", function: { name: "bash" } }]
const called = {
  role: "assistant",
  content: null,
  tool_calls: [{ id: "1", type: "function", function: { name: "bash", arguments: '{"command":"ls"}' } }]
}

describe("a prompt", () => {
  it("is written by the model's own template, from texts", () => {
    const parts = [
      { type: "text", text: "a" },
      { type: "text", text: "b" }
    ]
    const messages = [{ role: "system", content: "s" }, user(parts), { role: "assistant" }]
    assert.strictEqual(render(roles, { messages, tools }, fixed), "<s>\ntools 1\nsystem: s\nuser: ab\nassistant: ")
  })

  it("shows the arguments of earlier calls as objects, and as text to a template that wants that", () => {
    const shown = template(({ messages }) => JSON.stringify(messages.at(-1)?.tool_calls?.[0]?.function.arguments))
    assert.strictEqual(render(shown, { messages: [user("x"), called], tools: [] }, fixed), '{"command":"ls"}')
    const textual = template(({ messages }) => {
      const input = messages.at(-1)?.tool_calls?.[0]?.function.arguments
      if (typeof input !== "string") throw new Error("cannot add an object to a text")
      return input
    })
    assert.strictEqual(render(textual, { messages: [user("x"), called], tools: [] }, fixed), '{"command":"ls"}')
  })

  it("tells of the tools in the system prompt where the template knows none", () => {
    const deaf = template(({ messages }) => messages.map(({ role, content }) => `${role}: ${content}`).join("\n"))
    const told = render(deaf, { messages: [{ role: "system", content: "be good" }, user("hi")], tools }, fixed)
    assert.match(told, /^system: be good\n\nYou may call these tools:\n<tools>\n\{.*"bash".*\}\n<\/tools>/)
    assert.isTrue(told.endsWith("\nuser: hi"))
    assert.match(render(deaf, { messages: [user("hi")], tools }, fixed), /^system: You may call/)
  })

  it("that cannot be written is a bad request with the template's reason", () => {
    const strict = template(() => {
      throw new Error("Conversation roles must alternate")
    })
    assert.throws(
      () => render(strict, { messages: [user("a"), user("b")], tools: [] }, fixed),
      BadRequest,
      /must alternate/
    )
    const image = [{ type: "image_url", image_url: { url: "x" } }]
    assert.throws(
      () => render(roles, { messages: [user(image)], tools: [] }, fixed),
      BadRequest,
      /only parts of type text/
    )
  })
})
