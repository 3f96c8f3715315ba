import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Bash } from "just-bash"
import * as Demo from "../layers/model/Demo.ts"
import { EventId } from "../src/domain/Ids.ts"
import { reminder } from "../src/loop/Prompt.ts"
import type { Message, ModelRequest } from "../src/ModelClient.ts"
import { request, textOf } from "./ModelClient.contract.ts"

const names = ["bash", "read", "write", "web_fetch"]

/** The conversation until the demo's answer, over tools that do in a shell what the real ones do. */
const converse = Effect.fnUntraced(function* (
  task: string,
  options: {
    readonly pages?: Readonly<Record<string, string>>
    readonly offered?: ReadonlyArray<string>
    readonly before?: ReadonlyArray<Message>
  } = {}
) {
  const shell = new Bash({ cwd: "/workspace", files: { "/workspace/notes.txt": "buy milk\n" } })
  const messages: Array<Message> = [...(options.before ?? []), { role: "user", text: task }]
  const used: Array<string> = []

  const run = async (name: string, input: Readonly<Record<string, string>>) => {
    const path = `/workspace/${input.file_path}`
    switch (name) {
      case "bash": {
        const { stdout, stderr, exitCode } = await shell.exec(input.command ?? "")
        return { text: stdout.trimEnd() || stderr || "(no output)", isError: exitCode !== 0 }
      }
      case "write":
        await shell.fs.writeFile(path, input.content ?? "")
        return { text: "Wrote it.", isError: false }
      case "read":
        return shell.fs.readFile(path).then(
          (text) => ({ text, isError: false }),
          () => ({ text: `${input.file_path}: no such file or directory`, isError: true })
        )
      case "web_fetch": {
        const page = options.pages?.[input.url ?? ""]
        return page === undefined
          ? { text: `${input.url}: no rule allows this host`, isError: true }
          : { text: page, isError: false }
      }
      default:
        return assert.fail(`no tool ${name}`)
    }
  }

  const tools = (options.offered ?? names).map((name) => ({
    name,
    description: name,
    parameters: { type: "object" as const }
  }))
  for (let step = 0; step < 10; step++) {
    const asked: ModelRequest = request("demo", "", { messages, tools })
    const parts = yield* Stream.runCollect(Demo.client.stream(asked))
    const call = parts.find((part) => part.type === "tool_call")
    if (call === undefined) return { reply: textOf(parts), used, shell }
    const id = EventId.make(`sevt_${step}`)
    const input: Readonly<Record<string, string>> = JSON.parse(call.arguments)
    used.push(call.name)
    messages.push({ role: "assistant", text: "", reasoning: "", toolCalls: [{ id, name: call.name, input }] })
    const result = yield* Effect.promise(() => run(call.name, input))
    messages.push({ role: "tool", toolCallId: id, name: call.name, ...result })
  }
  return assert.fail("the demo goes on for ever")
})

const fileOf = (shell: Bash, path: string) => Effect.promise(() => shell.fs.readFile(`/workspace/${path}`))

const url = "https://example.com/a.txt"
const countWords = `count the words in ${url} and save the answer to answer.txt`

describe("the sample task", () => {
  it.effect("fetches, counts, saves, reads back, and says that no AI is running", () =>
    Effect.gen(function* () {
      const { reply, used, shell } = yield* converse(countWords, { pages: { [url]: "one two\nthree  four\n" } })
      assert.deepStrictEqual(used, ["web_fetch", "write", "bash", "read"])
      assert.strictEqual((yield* fileOf(shell, "answer.txt")).trim(), "4")
      assert.isTrue(reply.startsWith(Demo.notice))
      assert.include(reply, "has 4 words")
    })
  )

  it.effect("says so where the page cannot be fetched", () =>
    Effect.gen(function* () {
      const { reply, used } = yield* converse(countWords)
      assert.deepStrictEqual(used, ["web_fetch"])
      assert.isTrue(reply.startsWith(Demo.notice))
      assert.include(reply, "I could not do it")
      assert.include(reply, "no rule allows this host")
      assert.notInclude(reply, "words.")
    })
  )

  it.effect("fetches with the shell where there is no other tool for it", () =>
    Effect.gen(function* () {
      const { used } = yield* converse(countWords, { offered: ["bash", "read", "write"] })
      assert.strictEqual(used[0], "bash")
    })
  )

  it.effect("counts an empty page", () =>
    Effect.gen(function* () {
      const { reply } = yield* converse(countWords, { pages: { [url]: "(empty)" } })
      assert.include(reply, "has 0 words")
    })
  )

  it.effect("names the tool that the agent does not have", () =>
    Effect.gen(function* () {
      const { reply, used } = yield* converse(countWords, { offered: [] })
      assert.isEmpty(used)
      assert.include(reply, "no tool named bash")
    })
  )
})

describe("other tasks", () => {
  const replies: ReadonlyArray<readonly [string, ReadonlyArray<string>, string]> = [
    ["Write a haiku about the sea to poems/x.txt, please.", ["write", "read"], "Rules without a mind"],
    ["run `echo hi there`", ["bash"], "hi there"],
    ["List the files", ["bash"], "notes.txt"],
    ["What is in notes.txt?", ["read"], "buy milk"],
    ["what's in other.txt?", ["read"], "no such file"],
    [`fetch ${url}.`, ["web_fetch"], "page"],
    ["save 'hello you' to hi.txt", ["write", "read"], "hello you"],
    ["write a file called a.txt with some words", ["write", "read"], "some words"],
    [
      "write a file numbers.txt with the numbers 1 to 10, run a script over it and read the result",
      ["write", "write", "bash", "read"],
      "10 lines, sum 55"
    ],
    [
      "Write a file numbers.txt with 3, 4 and 5, then run a script over it and read the result.",
      ["write", "write", "bash", "read"],
      "3 lines, sum 12"
    ],
    ["what is the meaning of life?", [], "I am a stand-in"],
    ["", [], "I am a stand-in"]
  ]
  for (const [task, tools, expected] of replies) {
    it.effect(task || "nothing", () =>
      Effect.gen(function* () {
        const { reply, used } = yield* converse(task, { pages: { [url]: "page" } })
        assert.deepStrictEqual(used, tools)
        assert.isTrue(reply.startsWith(Demo.notice))
        assert.include(reply, expected)
      })
    )
  }

  it.effect("gives no made-up result where the answer has a form, and says why", () =>
    Effect.gen(function* () {
      const { reply, used } = yield* converse(reminder, { offered: ["structured_output"] })
      assert.isEmpty(used)
      assert.isTrue(reply.startsWith(Demo.notice))
      assert.include(reply, "no structured result")
    })
  )

  it.effect("looks at the beginning of a long message only", () =>
    Effect.gen(function* () {
      const { used } = yield* converse(`${"a ".repeat(2000)}run \`echo hi\``)
      assert.isEmpty(used)
    })
  )

  it.effect("starts anew with each message of the user", () =>
    Effect.gen(function* () {
      const id = EventId.make("sevt_before")
      const before: ReadonlyArray<Message> = [
        { role: "user", text: "list the files" },
        { role: "assistant", text: "", reasoning: "", toolCalls: [{ id, name: "bash", input: { command: "ls -la" } }] },
        { role: "tool", toolCallId: id, name: "bash", text: "failed", isError: true },
        { role: "assistant", text: "...", reasoning: "", toolCalls: [] }
      ]
      const { reply, used } = yield* converse("run `echo again`", { before })
      assert.deepStrictEqual(used, ["bash"])
      assert.include(reply, "again")
    })
  )
})
