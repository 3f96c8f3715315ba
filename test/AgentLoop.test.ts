import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schema, Tracer } from "effect"
import { TestClock } from "effect/testing"
import { call, fail, hang, say, Script } from "../layers/model/Scripted.ts"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import { noUsage } from "../src/loop/Spent.ts"
import { type ModelErrorReason, ConnectionFailed, InvalidRequest, RateLimited } from "../src/ModelClient.ts"
import { defineTool } from "../src/tools/defineTool.ts"
import { converse, echo, loop, message, ofType, results, session, stopReason, types } from "./support/agentLoop.ts"
import { toolset } from "./support/records.ts"

describe("AgentLoop", () => {
  it.effect("runs a tool and feeds its output back", () =>
    Effect.gen(function* () {
      yield* converse("say hi")
      assert.deepStrictEqual(yield* types, [
        "user.message",
        "session.status_running",
        "user.message",
        "span.model_request_start",
        "agent.message",
        "agent.tool_use",
        "span.model_request_end",
        "agent.tool_result",
        "span.model_request_start",
        "agent.message",
        "span.model_request_end",
        "session.status_idle"
      ])
      assert.deepStrictEqual(yield* results, [{ text: "echo hi", is_error: false }])
      const requests = yield* Effect.flatMap(Script, ({ requests }) => requests)
      assert.deepInclude(requests[1]!.messages.at(-1), { role: "tool", text: "echo hi", isError: false })
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(Effect.provide(loop([[...say("let me"), ...call("echo", { text: "hi" })], say("done")])))
  )

  it.effect("shows a request as the earlier one and what came since, so that a provider's prefix cache hits", () =>
    Effect.gen(function* () {
      yield* converse("go")
      const [first, second] = yield* Effect.flatMap(Script, ({ requests }) => requests)
      assert.deepStrictEqual(second!.messages.slice(0, first!.messages.length), first!.messages)
      assert.deepStrictEqual([second!.system, second!.tools], [first!.system, first!.tools])
    }).pipe(Effect.provide(loop([call("echo", { text: "a" }), say("done")])))
  )

  it.effect("runs the calls of one answer at the same time, and shows their results in the order of the calls", () => {
    const gates = { a: Deferred.makeUnsafe<void>(), b: Deferred.makeUnsafe<void>() }
    const wait = defineTool({
      name: "wait",
      description: "Waits for the other one",
      input: Schema.Struct({ name: Schema.Literals(["a", "b"]) }),
      run: Effect.fnUntraced(function* ({ name }) {
        if (name === "a") yield* Deferred.await(gates.b)
        yield* Deferred.succeed(gates[name], undefined)
        return name
      })
    })
    return Effect.gen(function* () {
      yield* converse("both")
      const requests = yield* Effect.flatMap(Script, ({ requests }) => requests)
      const shown = requests[1]!.messages.flatMap((shown) => (shown.role === "tool" ? [shown.text] : []))
      assert.deepStrictEqual(shown, ["a", "b"])
    }).pipe(
      Effect.provide(loop([[...call("wait", { name: "a" }), ...call("wait", { name: "b" })], say("done")], [wait]))
    )
  })

  it.effect("tells the model what was wrong with a call, and goes on", () =>
    Effect.gen(function* () {
      yield* converse("try")
      const [unknown, unfit, broken] = yield* results
      assert.isTrue(unknown!.is_error && unfit!.is_error && broken!.is_error)
      assert.include(unknown!.text, "no tool named nothing")
      assert.include(unfit!.text, "text")
      assert.include(broken!.text, "not a JSON object")
      assert.strictEqual(yield* stopReason, "end_turn")
    }).pipe(
      Effect.provide(
        loop([
          call("nothing", {}),
          call("echo", { text: 3 }),
          [{ type: "tool_call", name: "echo", arguments: '{"te' }],
          say("ok")
        ])
      )
    )
  )

  it.effect("tells the model that its length limit cut off a call", () =>
    Effect.gen(function* () {
      yield* converse("try")
      const [broken, empty] = yield* results
      assert.isTrue(broken!.is_error && empty!.is_error)
      assert.include(broken!.text, "length limit")
      assert.include(empty!.text, "length limit")
    }).pipe(
      Effect.provide(
        loop([
          [
            { type: "tool_call", name: "echo", arguments: '{"te' },
            { type: "tool_call", name: "echo", arguments: "" },
            { type: "finish", usage: noUsage, truncated: true }
          ],
          say("ok")
        ])
      )
    )
  )

  describe("arguments", () => {
    const write = (name: string, text: string) => [{ type: "tool_call", name, arguments: text }] as const
    const weather = {
      type: "custom",
      name: "weather",
      description: "The weather",
      input_schema: {
        type: "object",
        properties: { days: { type: "integer" }, cities: { type: "array", items: { type: "string" } } },
        required: ["cities"]
      }
    } as const
    const asking = {
      ...session.agent,
      tools: [{ ...toolset, default_config: { enabled: true, permission_policy: { type: "always_ask" } } }, weather]
    } as const

    it.effect("are repaired, and fitted to the tool's schema, before anybody sees them", () =>
      Effect.gen(function* () {
        yield* converse("go", { agent: asking })
        assert.deepStrictEqual((yield* ofType("agent.tool_use"))[0]!.input, { text: "it's" })
        const [custom] = yield* ofType("agent.custom_tool_use")
        assert.deepStrictEqual(custom!.input, { days: 3, cities: ["Oslo"] })
      }).pipe(
        Effect.provide(
          loop([
            [...write("echo", "```\n{'text': 'it\\'s',}\n```"), ...write("weather", '{"days":"3","cities":"Oslo"}')]
          ])
        )
      )
    )

    it.effect("that do not fit are answered at once: no client is asked to run or to allow the call", () =>
      Effect.gen(function* () {
        yield* converse("go", { agent: asking })
        assert.strictEqual(yield* stopReason, "end_turn")
        const calls = yield* ofType("agent.tool_use")
        assert.deepStrictEqual(
          calls.map(({ name, input, evaluated_permission }) => [name, input, evaluated_permission]),
          [
            ["echo", { text: 3 }, "deny"],
            ["weather", { days: "soon" }, "deny"]
          ]
        )
        assert.deepStrictEqual(
          (yield* ofType("agent.tool_result")).map(({ content, rejected }) => [content[0]!.text, rejected]),
          [
            ["The input does not fit:\ntext: expected string, got number 3", true],
            ['The input does not fit:\ndays: expected integer, got string "soon"\ncities: required, but missing', true]
          ]
        )
        assert.isEmpty(yield* ofType("agent.custom_tool_use"))
      }).pipe(
        Effect.provide(loop([[...call("echo", { text: 3 }), ...call("weather", { days: "soon" })], say("never mind")]))
      )
    )

    const short = defineTool({
      name: "short",
      description: "Takes little",
      input: Schema.Struct({ text: Schema.String.check(Schema.isMaxLength(3)) }),
      run: ({ text }) => (text === "no" ? Effect.fail({ message: "no" }) : Effect.succeed(text))
    })
    /** Each unusable in its own way. */
    const unusable = [
      call("nothing", {}),
      write("short", '{"te'),
      call("short", { text: 3 }),
      call("short", { text: "too long" })
    ]

    it.effect("that nobody can use end the turn after eight answers in a row, and the next message starts anew", () =>
      Effect.gen(function* () {
        yield* converse("go")
        assert.strictEqual(yield* stopReason, "retries_exhausted")
        assert.lengthOf(yield* results, 8)
        const [error] = yield* ofType("session.error")
        assert.deepInclude(error!.error, {
          type: "model_request_failed_error",
          reason: "MalformedToolCalls",
          retry_status: { type: "exhausted" }
        })
        const agent = yield* AgentLoop
        yield* agent.send([message("again")])
        yield* agent.run
        assert.strictEqual(yield* stopReason, "end_turn")
      }).pipe(Effect.provide(loop([...unusable, ...unusable, call("nothing", {}), say("better")], [short])))
    )

    it.effect("do not end it where one call of an answer could be run, even if it failed", () =>
      Effect.gen(function* () {
        yield* converse("go")
        assert.strictEqual(yield* stopReason, "end_turn")
        assert.isEmpty(yield* ofType("session.error"))
      }).pipe(
        Effect.provide(
          loop(
            [
              ...unusable,
              ...unusable.slice(1),
              [...call("nothing", {}), ...call("short", { text: "no" })],
              ...unusable,
              ...unusable.slice(1),
              say("at last")
            ],
            [short]
          )
        )
      )
    )
  })

  it.effect("never offers or runs a tool that the agent has not enabled", () =>
    Effect.gen(function* () {
      const agent = yield* AgentLoop
      yield* agent.putRecord({ ...session, agent: { ...session.agent, tools: [] } })
      yield* agent.send([message("go")])
      yield* agent.run
      const [request] = yield* Effect.flatMap(Script, ({ requests }) => requests)
      assert.deepStrictEqual(request!.tools, [])
      assert.isTrue((yield* results)[0]!.is_error)
    }).pipe(Effect.provide(loop([call("echo", { text: "hi" }), say("done")])))
  )

  describe("model failures", () => {
    const flaky = (reason: ModelErrorReason, times: number) => [
      ...Array.from({ length: times }, () => fail(reason)),
      say("at last")
    ]
    /** Runs with a clock that passes as fast as it is waited for. */
    const patiently = Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(converse("go"))
      yield* TestClock.adjust("5 minutes")
      yield* Fiber.join(fiber)
    })

    it.effect("asks again after a failure that may pass, and says so", () =>
      Effect.gen(function* () {
        yield* patiently
        const errors = yield* ofType("session.error")
        assert.deepStrictEqual(
          errors.map(({ error }) => [error.type, error.reason, error.retry_status.type]),
          [
            ["model_request_failed_error", "ConnectionFailed", "retrying"],
            ["model_request_failed_error", "ConnectionFailed", "retrying"]
          ]
        )
        assert.strictEqual(yield* stopReason, "end_turn")
        const ends = yield* ofType("span.model_request_end")
        assert.deepStrictEqual(
          ends.map(({ is_error }) => is_error),
          [true, true, false]
        )
      }).pipe(Effect.provide(loop(flaky(new ConnectionFailed({ detail: "reset" }), 2))))
    )

    it.effect("gives up after five attempts with a typed error, and still answers afterwards", () =>
      Effect.gen(function* () {
        yield* patiently
        assert.strictEqual(yield* stopReason, "retries_exhausted")
        assert.deepStrictEqual(
          (yield* ofType("session.error")).map(({ error }) => error.retry_status.type),
          ["retrying", "retrying", "retrying", "retrying", "exhausted"]
        )
        const agent = yield* AgentLoop
        yield* agent.send([message("again")])
        yield* agent.run
        assert.strictEqual(yield* stopReason, "end_turn")
      }).pipe(
        Effect.provide(
          loop(flaky(new RateLimited({ detail: "slow down" }), 5), [echo], { OWNLOOP_MAX_RESCHEDULES: "0" })
        )
      )
    )

    it.effect("does not ask again where that cannot help", () =>
      Effect.gen(function* () {
        yield* converse("go")
        const [error] = yield* ofType("session.error")
        assert.deepInclude(error!.error, { reason: "InvalidRequest", retry_status: { type: "exhausted" } })
        assert.strictEqual(yield* stopReason, "retries_exhausted")
      }).pipe(Effect.provide(loop([fail(new InvalidRequest({ detail: "no such parameter" }))])))
    )

    it.effect("waits as long as the provider wishes, within bounds", () =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(converse("go"))
        yield* TestClock.adjust("29 seconds")
        assert.lengthOf(yield* ofType("span.model_request_start"), 1)
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(fiber)
        assert.strictEqual(yield* stopReason, "end_turn")
      }).pipe(Effect.provide(loop(flaky(new RateLimited({ detail: "", retryAfterMs: 3_600_000 }), 1))))
    )

    it.effect("takes an answer of nothing for a failure", () =>
      Effect.gen(function* () {
        yield* patiently
        assert.strictEqual((yield* ofType("session.error"))[0]!.error.reason, "InvalidResponse")
        assert.strictEqual(yield* stopReason, "end_turn")
      }).pipe(Effect.provide(loop([say(" "), say("hello")])))
    )
  })

  describe("interrupts", () => {
    const interruptOnce = <E, R>(started: Effect.Effect<unknown, E, R>) =>
      Effect.gen(function* () {
        const agent = yield* AgentLoop
        const fiber = yield* Effect.forkChild(converse("go"))
        yield* started
        yield* agent.send([{ type: "user.interrupt" }])
        yield* Fiber.join(fiber)
      })

    it.effect("ends a model request in the middle", () =>
      Effect.gen(function* () {
        const started = Effect.gen(function* () {
          while ((yield* ofType("span.model_request_start")).length === 0) yield* Effect.yieldNow
        })
        yield* interruptOnce(started)
        assert.deepStrictEqual((yield* types).slice(-3), [
          "user.interrupt",
          "span.model_request_end",
          "session.status_idle"
        ])
        assert.strictEqual(yield* stopReason, "end_turn")
      }).pipe(Effect.provide(loop([hang])))
    )

    it.effect("ends a running tool, aborts its signal, and tells the model at its next turn", () => {
      const running = Deferred.makeUnsafe<void>()
      let aborted = false
      const slow = defineTool({
        name: "slow",
        description: "Never ends",
        input: Schema.Struct({}),
        run: (_, { signal }) => {
          signal.addEventListener("abort", () => (aborted = true))
          Deferred.doneUnsafe(running, Effect.void)
          return new Promise<string>(() => {})
        }
      })
      return Effect.gen(function* () {
        yield* interruptOnce(Deferred.await(running))
        assert.isTrue(aborted)
        assert.deepStrictEqual(yield* results, [{ text: "interrupted by the user", is_error: true }])
        const agent = yield* AgentLoop
        yield* agent.send([message("what happened?")])
        yield* agent.run
        const requests = yield* Effect.flatMap(Script, ({ requests }) => requests)
        assert.deepStrictEqual(
          requests[1]!.messages.map(({ role }) => role),
          ["user", "assistant", "tool", "user"]
        )
      }).pipe(Effect.provide(loop([call("slow", {}), say("you stopped me")], [slow])))
    })
  })

  it.effect("waits for a confirmation and for a client's result, and goes on with both", () =>
    Effect.gen(function* () {
      const agent = yield* AgentLoop
      yield* agent.putRecord({
        ...session,
        agent: {
          ...session.agent,
          tools: [
            {
              type: "agent_toolset_20260401",
              default_config: { enabled: true, permission_policy: { type: "always_ask" } },
              configs: []
            },
            { type: "custom", name: "weather", description: "The weather", input_schema: { type: "object" } }
          ]
        }
      })
      yield* agent.send([message("go")])
      yield* agent.run
      const [echoUse] = yield* ofType("agent.tool_use")
      const [weather] = yield* ofType("agent.custom_tool_use")
      assert.strictEqual(echoUse!.evaluated_permission, "ask")
      assert.deepStrictEqual((yield* ofType("session.status_idle"))[0]!.stop_reason, {
        type: "requires_action",
        event_ids: [echoUse!.id, weather!.id]
      })
      yield* agent.send([
        { type: "user.tool_confirmation", tool_use_id: echoUse!.id, result: "allow" },
        { type: "user.custom_tool_result", custom_tool_use_id: weather!.id, content: [{ type: "text", text: "rain" }] }
      ])
      yield* agent.run
      const requests = yield* Effect.flatMap(Script, ({ requests }) => requests)
      assert.deepStrictEqual(
        requests[1]!.messages.flatMap((shown) => (shown.role === "tool" ? [shown.text] : [])),
        ["echo hi", "rain"]
      )
      const conflict = yield* Effect.flip(
        agent.send([{ type: "user.tool_confirmation", tool_use_id: echoUse!.id, result: "deny" }])
      )
      assert.strictEqual(conflict._tag, "SessionConflict")
    }).pipe(Effect.provide(loop([[...call("echo", { text: "hi" }), ...call("weather", {})], say("done")])))
  )

  it.effect("stops a turn at its limit of steps", () =>
    Effect.gen(function* () {
      yield* converse("for ever")
      assert.strictEqual(yield* stopReason, "retries_exhausted")
      assert.strictEqual((yield* ofType("session.error"))[0]!.error.type, "tool_use_limit_reached_error")
      assert.lengthOf(yield* results, 3)
    }).pipe(
      Effect.provide(
        loop(
          Array.from({ length: 3 }, () => call("echo", { text: "x" })),
          [echo],
          { OWNLOOP_MAX_STEPS: "3" }
        )
      )
    )
  )

  it.effect("has a span for every step, named after the code", () => {
    const names: Array<string> = []
    const tracer = Tracer.make({
      span: (options) => {
        names.push(options.name)
        return new Tracer.NativeSpan(options)
      }
    })
    return Effect.gen(function* () {
      yield* converse("go")
      assert.deepStrictEqual(
        names.filter((name) => !/^(Storage|SessionLog)\./.test(name)),
        [
          "AgentLoop.send",
          "AgentLoop.run",
          "AgentLoop.recover",
          "AgentLoop.takeIn",
          "AgentLoop.callModel",
          "ModelClient.stream",
          "AgentLoop.runTools",
          "ToolRegistry.call",
          "AgentLoop.callModel",
          "ModelClient.stream",
          "AgentLoop.stop"
        ]
      )
    }).pipe(
      Effect.provide(loop([call("echo", { text: "a" }), say("done")])),
      Effect.provideService(Tracer.Tracer, tracer)
    )
  })
})
