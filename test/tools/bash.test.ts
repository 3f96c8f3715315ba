import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { type ExecResult, SandboxBackend } from "../../src/SandboxBackend.ts"
import { bash } from "../../src/tools/builtin/bash.ts"
import { sandbox } from "./sandbox.ts"
import { call, noNetwork, registryOf } from "./support.ts"

const layer = registryOf([bash]).pipe(Layer.provide([sandbox, noNetwork]))

/** A sandbox whose commands all end like this, and say in `stdout` what time limit they were given. */
const ends = (result: Partial<ExecResult>) =>
  registryOf([bash]).pipe(
    Layer.provide([
      noNetwork,
      Layer.mock(SandboxBackend, {
        exec: (_, options) =>
          Effect.succeed({
            stdout: `limit ${options?.timeout}\n`,
            stderr: "",
            exitCode: 0,
            timedOut: false,
            truncated: false,
            ...result
          })
      })
    ])
  )

/** What the model reads of a command. */
const run = (command: string, more: Parameters<typeof call>[1] = {}) =>
  Effect.map(call("bash", { command, ...more }), (result) => result.text)

describe("bash", () => {
  it.effect("answers what the command prints; the shell's state carries over until a restart", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* call("bash", { command: "echo hi" }), { text: "hi", isError: false })
      assert.strictEqual(yield* run("mkdir sub && cd sub && export A=1"), "(no output)")
      assert.strictEqual(yield* run('pwd; echo "A=$A"'), "/workspace/sub\nA=1")
      assert.deepStrictEqual(yield* call("bash", { restart: true }), {
        text: "The shell was restarted.",
        isError: false
      })
      assert.strictEqual(yield* run('pwd; echo "A=$A"'), "/workspace\nA=")
      yield* run("cd sub")
      assert.strictEqual((yield* call("bash", { command: "pwd", restart: true })).text, "/workspace")
    }).pipe(Effect.provide(layer))
  )

  it.effect("answers a command that fails with all it printed and its exit code, as an error", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* call("bash", { command: "echo out; echo err >&2; exit 3" }), {
        text: "out\nstderr:\nerr\nexit code: 3",
        isError: true
      })
      assert.deepStrictEqual(yield* call("bash", { command: "false" }), { text: "exit code: 1", isError: true })
      assert.deepStrictEqual(yield* call("bash", { command: "echo warning >&2" }), {
        text: "stderr:\nwarning",
        isError: false
      })
    }).pipe(Effect.provide(layer))
  )

  it.effect("gives 120 s where no limit is named, and 600 s at most", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* run("x", {}), "limit 120000")
      assert.strictEqual(yield* run("x", { timeout_ms: 5_000 }), "limit 5000")
      assert.strictEqual(yield* run("x", { timeout_ms: 999_999_999 }), "limit 600000")
      assert.include(yield* run("x", { timeout_ms: 0 }), "timeout_ms: expected a value greater than 0, got number 0")
    }).pipe(Effect.provide(ends({})))
  )

  it.effect("says that the time limit was reached, after what was printed", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* call("bash", { command: "sleep 9", timeout_ms: 50 }), {
        text: "limit 50\nThe command was stopped: it ran for longer than 50 ms.\nexit code: 124",
        isError: true
      })
    }).pipe(Effect.provide(ends({ exitCode: 124, timedOut: true })))
  )

  it.effect("says that output is missing", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* call("bash", { command: "yes" }), {
        text: "limit 120000\n[truncated: the first 102400 bytes of each stream are kept]",
        isError: false
      })
    }).pipe(Effect.provide(ends({ truncated: true })))
  )

  it.effect("needs a command or a restart, and is not safe to run again", () =>
    Effect.gen(function* () {
      for (const input of [{}, { command: "" }, { restart: false }]) {
        assert.deepStrictEqual(yield* call("bash", input), { text: "command: required, but missing", isError: true })
      }
      assert.isFalse(bash.replaySafe)
    }).pipe(Effect.provide(layer))
  )
})
