import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Schema, Tracer } from "effect"
import { TestClock } from "effect/testing"
import { ToolRegistry } from "../../src/ToolRegistry.ts"
import { defineTool, type Tool, type ToolEnv, ToolFailure } from "../../src/tools/defineTool.ts"
import { redactor } from "../../src/tools/redactor.ts"
import * as Toolset from "../../src/tools/Toolset.ts"
import { call, noBindings, noNetwork, noSandbox, registryOf } from "./support.ts"

const run =
  (tools: ReadonlyArray<Tool>, env: ToolEnv = noBindings) =>
  <A, E>(program: Effect.Effect<A, E, ToolRegistry>) =>
    program.pipe(Effect.provide(Layer.provide(registryOf(tools, env), [noSandbox, noNetwork])))

/** A tool without input that does this. */
const tool = (name: string, run: Parameters<typeof defineTool>[0]["run"]) =>
  defineTool({ name, description: name, input: Schema.Struct({}), run })

const bindings = (env: Record<string, unknown>) => env as unknown as ToolEnv // Whatever the deployment's own are.

describe("input", () => {
  const search = defineTool({
    name: "search",
    description: "",
    input: Schema.Struct({
      command: Schema.NonEmptyString,
      limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))),
      order: Schema.optional(Schema.Literals(["asc", "desc"])),
      items: Schema.optionalKey(Schema.Array(Schema.Struct({ id: Schema.Int })))
    }),
    run: (input) => Effect.succeed(JSON.stringify(input))
  })
  const message = (input: Parameters<typeof call>[1]) =>
    call("search", input).pipe(
      run([search]),
      Effect.map((result) => (assert.isTrue(result.isError), result.text.split("\n").slice(1)))
    )

  it.effect("that does not fit is answered with every wrong field, what was expected and what came", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* message({ command: 3 }), ["command: expected string, got number 3"])
      assert.deepStrictEqual(yield* message({}), ["command: required, but missing"])
      assert.deepStrictEqual(yield* message({ command: null }), ["command: expected string, got null"])
      assert.deepStrictEqual(
        yield* message({ command: "", limit: 12, order: "up", items: [{ id: "x" }, {}, { id: 1, at: 2 }], more: true }),
        [
          "more: no such field; there are command, limit, order, items",
          'command: expected a value with a length of at least 1, got string ""',
          "limit: expected a value between 1 and 9, got number 12",
          'order: expected "asc" | "desc", got string "up"',
          'items[0].id: expected number, got string "x"',
          "items[1].id: required, but missing",
          "items[2].at: no such field"
        ]
      )
      assert.deepStrictEqual(yield* message({ command: ["ls"] }), ["command: expected string, got an array of 1"])
    })
  )

  it.effect("may have null for what is left out", () =>
    Effect.gen(function* () {
      const result = yield* call("search", { command: "ls", limit: null, order: null, items: null })
      assert.deepStrictEqual(result, { text: '{"command":"ls"}', isError: false })
    }).pipe(run([search]))
  )

  it.effect("is decoded: a tool gets values of its schema's type", () =>
    Effect.gen(function* () {
      const result = yield* call("year", { at: "2026-11-22T10:00:00.000Z" })
      assert.deepStrictEqual(result, { text: "2026", isError: false })
    }).pipe(
      run([
        defineTool({
          name: "year",
          description: "",
          input: Schema.Struct({ at: Schema.Date }),
          run: async ({ at }) => at.getUTCFullYear()
        })
      ])
    )
  )
})

describe("failures", () => {
  it.effect("are results with the message and no stack, however they come about", () =>
    Effect.gen(function* () {
      const failing = {
        fails: "The disk is full.",
        dies: "not a function",
        throws: "thrown",
        rejects: "rejected",
        throwsText: "just text",
        interruptsItself: "The tool stopped itself.",
        silent: "The tool failed and did not say why.",
        unprintable: "Do not know how to serialize a BigInt"
      }
      for (const [name, text] of Object.entries(failing)) {
        assert.deepStrictEqual(yield* call(name, {}), { text, isError: true }, name)
      }
    }).pipe(
      run([
        tool("fails", () => Effect.fail(new ToolFailure({ message: "The disk is full." }))),
        tool("dies", () => Effect.die(new TypeError("not a function"))),
        tool("throws", () => {
          throw new Error("thrown")
        }),
        tool("rejects", () => Promise.reject(new Error("rejected"))),
        // oxlint-disable-next-line prefer-promise-reject-errors -- what other people's code does
        tool("throwsText", () => Promise.reject("just text")),
        tool("interruptsItself", () => Effect.interrupt),
        tool("silent", () => Effect.die(undefined)),
        tool("unprintable", () => Effect.succeed(10n as unknown as number)) // What a tool without types may do.
      ])
    )
  )

  it.effect("and results lose secrets", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* call("leaks", {}), { text: "401 for [redacted]", isError: true })
      assert.deepStrictEqual(yield* call("tells", {}), { text: "[redacted] in plain sight", isError: false })
    }).pipe(
      run(
        [
          tool("leaks", (_, { env }) => Promise.reject(new Error(`401 for ${Reflect.get(env, "WEATHER_TOKEN")}`))),
          tool("tells", () => Effect.succeed("sk-ant-api03-abc_DEF in plain sight"))
        ],
        bindings({ WEATHER_TOKEN: "s3cr3t-s3cr3t" })
      )
    )
  )

  it("lose Anthropic keys however they are written, and nothing that only looks like one", () => {
    const redact = redactor({})
    assert.strictEqual(redact("my_SK-ANT-api03-x, Sk-Ant-y"), "my_[redacted], [redacted]")
    assert.strictEqual(redact("a task-ant-hill"), "a task-ant-hill")
  })

  it("lose the longest of secrets that begin alike", () => {
    const redact = redactor({ A_KEY: "12345678", B_KEY: "12345678-and-more" })
    assert.strictEqual(redact("12345678-and-more 12345678"), "[redacted] [redacted]")
  })

  it("lose the credentials that the gateway attaches, with and without their scheme", () => {
    const EGRESS_HEADERS = JSON.stringify({
      "api.example.com": { authorization: "Bearer t0k3n-t0k3n", "x-api": "v4lu3-v4lu3" },
      "*.example.org": { authorization: "Basic dXNlcjpwYXNz", "x-short": "1" }
    })
    const redact = redactor({ EGRESS_HEADERS })
    assert.strictEqual(redact("sent: Bearer t0k3n-t0k3n"), "sent: [redacted]")
    assert.strictEqual(redact("t0k3n-t0k3n, v4lu3-v4lu3, dXNlcjpwYXNz, 1"), "[redacted], [redacted], [redacted], 1")
    assert.strictEqual(redact(EGRESS_HEADERS), "[redacted]")
    assert.strictEqual(redactor({ EGRESS_HEADERS: "not { json" })("not { json"), "[redacted]")
  })

  it("lose each root key, and every secret in the forms that services repeat it in", () => {
    const key = Buffer.alloc(32, 7).toString("base64")
    const redact = redactor({ OWNLOOP_ROOT_KEY: `new:${key},old:${key.replace("B", "C")}`, API_KEY: "s3cret/s3cret" })
    assert.strictEqual(redact(`${key} ${key.replace("B", "C")}`), "[redacted] [redacted]")
    assert.strictEqual(redact("s3cret%2Fs3cret"), "[redacted]")
    assert.notInclude(redact(btoa("me:s3cret/s3cret")), btoa("me:s3cret/s3cret").slice(6, -4))
  })

  it.effect("of unknown and unavailable tools say what there is", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* call("bsh", {}), {
        text: 'There is no tool "bsh". The tools are: works.',
        isError: true
      })
      assert.deepStrictEqual(yield* call("needy", {}), {
        text: "The tool needy is not available: no AI binding",
        isError: true
      })
      assert.isTrue((yield* call("toString", {})).isError)
    }).pipe(
      run([
        tool("works", () => Effect.succeed("yes")),
        defineTool({
          name: "needy",
          description: "",
          input: Schema.Struct({}),
          requires: () => "no AI binding",
          run: () => Effect.succeed("ran")
        })
      ])
    )
  )
})

describe("calls", () => {
  it.effect("that are interrupted stay interrupted, and abort their signal", () =>
    Effect.gen(function* () {
      const signals: Array<AbortSignal> = []
      const started = Promise.withResolvers<void>()
      const waits = tool("waits", (_, { signal }) => {
        signals.push(signal)
        started.resolve()
        return new Promise(() => {})
      })
      const fiber = yield* call("waits", {}).pipe(run([waits]), Effect.forkChild)
      yield* Effect.promise(() => started.promise)
      assert.deepStrictEqual(
        signals.map((signal) => signal.aborted),
        [false]
      )
      yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.deepStrictEqual(
        signals.map((signal) => signal.aborted),
        [true]
      )
    })
  )

  it.effect("that do not end are stopped after 15 minutes, and abort their signal", () =>
    Effect.gen(function* () {
      const signals: Array<AbortSignal> = []
      const waits = tool("waits", (_, { signal }) => {
        signals.push(signal)
        return new Promise(() => {})
      })
      const fiber = yield* call("waits", {}).pipe(run([waits]), Effect.forkChild({ startImmediately: true }))
      yield* TestClock.adjust("899 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(fiber), {
        text: "The tool was stopped: it took longer than 15 minutes.",
        isError: true
      })
      assert.deepStrictEqual(
        signals.map((signal) => signal.aborted),
        [true]
      )
    })
  )

  it.effect("are spans that name the tool and the call", () => {
    const spans: Array<Tracer.NativeSpan> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    return Effect.gen(function* () {
      yield* call("works", {})
      assert.deepStrictEqual(
        spans.map(({ name, attributes }) => [name, Object.fromEntries(attributes)]),
        [["ToolRegistry.call", { "gen_ai.tool.name": "works", "gen_ai.tool.call.id": "sevt_1" }]]
      )
    }).pipe(run([tool("works", () => Effect.succeed("yes"))]), Effect.provideService(Tracer.Tracer, tracer))
  })

  it.effect("answer no more than 8 MiB, without cutting a character", () =>
    Effect.gen(function* () {
      const { text } = yield* call("talks", {})
      assert.isTrue(text.startsWith("x" + "é".repeat(4_000_000)))
      assert.include(text.slice(-80), "é\n[truncated: the first 8388608 of 10000001 bytes]")
    }).pipe(run([tool("talks", () => Effect.succeed(`x${"é".repeat(5_000_000)}`))]))
  )
})

const needs = (name: string, requires: (env: ToolEnv) => string | null | undefined) =>
  defineTool({ name, description: name, input: Schema.Struct({}), requires, run: () => Effect.succeed("") })

describe("list", () => {
  it("says of each tool whether it is available, and why not; throwing is a reason", () => {
    const listed = Toolset.list(
      {
        builtIn: [tool("plain", () => Effect.succeed(""))],
        custom: [
          needs("fine", () => undefined),
          needs("bound", (env) => ("AI" in env ? null : "no AI binding")),
          needs("broken", () => {
            throw new TypeError("env.AI is undefined")
          })
        ]
      },
      noBindings
    )
    assert.deepStrictEqual(
      listed.map(({ name, source, available, reason }) => [name, source, available, reason]),
      [
        ["plain", "built_in", true, null],
        ["fine", "custom", true, null],
        ["bound", "custom", false, "no AI binding"],
        ["broken", "custom", false, "env.AI is undefined"]
      ]
    )
  })

  it("has no room for two tools of one name", () => {
    const twin = tool("twin", () => Effect.succeed(""))
    assert.throws(() => Toolset.make({ builtIn: [twin], custom: [twin] }), /tool twin: there are two of this name/)
    const taken = tool("structured_output", () => Effect.succeed(""))
    assert.throws(() => Toolset.make({ builtIn: [], custom: [taken] }), /tool structured_output: the name is taken/)
  })
})

describe("layer", () => {
  it.effect("refuses bindings that hold an Anthropic key, and does not say it", () =>
    Effect.gen(function* () {
      for (const env of [
        { ANTHROPIC_API_KEY: "x" },
        { WEATHER: "sk-ant-api03-secret" },
        { URL: "https://x/?k=sk-ant-api03" }
      ]) {
        const error = yield* Effect.void.pipe(run([], bindings(env)), Effect.flip)
        assert.strictEqual(error._tag, "AnthropicKeyRefused")
        assert.notInclude(error.message, "api03")
      }
    })
  )
})
