import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { SandboxBackend } from "../../src/SandboxBackend.ts"
import { glob } from "../../src/tools/builtin/glob.ts"
import { grep } from "../../src/tools/builtin/grep.ts"
import { sandbox } from "./sandbox.ts"
import { call, noNetwork, registryOf } from "./support.ts"

const layer = registryOf([glob, grep]).pipe(Layer.provideMerge([sandbox, noNetwork]))

const put = (path: string, content: string) =>
  SandboxBackend.use((files) => files.writeFile(path, new TextEncoder().encode(content)))
const ok = (text: string) => ({ text, isError: false })

describe("glob", () => {
  it.effect("answers paths, from the folder asked for", () =>
    Effect.gen(function* () {
      yield* put("src/a.ts", "")
      yield* put("src/a.md", "")
      yield* put("test/b.ts", "")
      const all = yield* call("glob", { pattern: "**/*.ts" })
      assert.deepStrictEqual(all.text.split("\n").sort(), ["/workspace/src/a.ts", "/workspace/test/b.ts"])
      assert.deepStrictEqual(yield* call("glob", { pattern: "*.ts", path: "src" }), ok("/workspace/src/a.ts"))
      assert.deepStrictEqual(yield* call("glob", { pattern: "**/*.py" }), ok("No file matches."))
    }).pipe(Effect.provide(layer))
  )

  it.effect("says that there may be more than 200", () =>
    Effect.gen(function* () {
      yield* Effect.forEach(
        Array.from({ length: 201 }, (_, index) => index),
        (index) => put(`many/${index}.txt`, "")
      )
      const lines = (yield* call("glob", { pattern: "**/*.txt" })).text.split("\n")
      assert.lengthOf(lines, 201)
      assert.strictEqual(lines.at(-1), "[the newest 200; there may be more]")
    }).pipe(Effect.provide(layer))
  )
})

describe("grep", () => {
  it.effect("answers path:line:text, from the file or folder asked for", () =>
    Effect.gen(function* () {
      yield* put("a/x.txt", "one\ntwo: 2\n")
      yield* put("b/y.txt", "two: two\n")
      const all = yield* call("grep", { pattern: "two:" })
      assert.deepStrictEqual(all.text.split("\n").sort(), [
        "/workspace/a/x.txt:2:two: 2",
        "/workspace/b/y.txt:1:two: two"
      ])
      assert.deepStrictEqual(yield* call("grep", { pattern: "\\d$", path: "a" }), ok("/workspace/a/x.txt:2:two: 2"))
      assert.deepStrictEqual(yield* call("grep", { pattern: "three" }), ok("No line matches."))
    }).pipe(Effect.provide(layer))
  )

  it.effect("shows 2,000 characters of a line, 1,000 lines and 100 KiB at most", () =>
    Effect.gen(function* () {
      yield* put("wide.txt", "w".repeat(5_000))
      const wide = yield* call("grep", { pattern: "w", path: "wide.txt" })
      assert.deepStrictEqual(wide, ok(`/workspace/wide.txt:1:${"w".repeat(2_000)}`))
      yield* put("short.txt", "s\n".repeat(1_500))
      const short = (yield* call("grep", { pattern: "s", path: "short.txt" })).text.split("\n")
      assert.lengthOf(short, 1_001)
      assert.strictEqual(short.at(-1), "[the first 1000; there may be more]")
      yield* put("long.txt", `${"l".repeat(1_000)}\n`.repeat(200))
      const long = (yield* call("grep", { pattern: "l", path: "long.txt" })).text
      assert.match(long, /\n\[truncated: the first 102400 of \d+ bytes\]$/)
      assert.isBelow(long.length, 102_500)
    }).pipe(Effect.provide(layer))
  )

  it.effect("says what is wrong with a pattern", () =>
    Effect.gen(function* () {
      const result = yield* call("grep", { pattern: "(" })
      assert.isTrue(result.isError)
      assert.match(result.text, /^\(: /)
    }).pipe(Effect.provide(layer))
  )

  it.effect("gives up after 60 seconds", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(call("grep", { pattern: "x" }))
      yield* TestClock.adjust("60 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), {
        text: "The search took longer than 60 seconds; name a smaller folder.",
        isError: true
      })
    }).pipe(
      Effect.provide(
        registryOf([grep]).pipe(Layer.provide([noNetwork, Layer.mock(SandboxBackend, { grep: () => Effect.never })]))
      )
    )
  )
})
