import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Schema, Stream } from "effect"
import { agentLoop } from "../layers/test.ts"
import * as Memory from "../layers/storage/Memory.ts"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import { noUsage } from "../src/loop/Spent.ts"
import { ModelClient, type ModelPart, type ModelRequest } from "../src/ModelClient.ts"
import { Storage } from "../src/Storage.ts"
import { defineTool } from "../src/tools/defineTool.ts"
import { replayable, session } from "./support/agentLoop.ts"

/** The interpreter itself under crashes and races, with a storage that takes its time. */

const message = (text: string) => ({ type: "user.message", content: [{ type: "text", text }] }) as const
const finish: ModelPart = { type: "finish", usage: noUsage, truncated: false }
const someYields = (count: number) => Effect.repeat(Effect.yieldNow, { times: count })

/** Answers by the conversation, so that it does not matter how often it is asked. */
const brain = (answer: (request: ModelRequest) => ReadonlyArray<ModelPart>) =>
  Layer.succeed(ModelClient, ModelClient.of({ stream: (request) => Stream.fromIterable([...answer(request), finish]) }))

const twoCalls = brain(({ messages }) =>
  messages.at(-1)?.role === "user"
    ? [
        { type: "tool_call", name: "once", arguments: "{}" },
        { type: "tool_call", name: "safe", arguments: "{}" }
      ]
    : [{ type: "text", text: "done" }]
)

describe("a process that dies", () => {
  for (let place = 1; place <= 9; place++) {
    for (const moment of ["before", "after"] as const) {
      it.effect(
        `${moment} its write number ${place} loses no input, repeats no finished call, and ends as any other`,
        () =>
          Effect.gen(function* () {
            const runs: Array<string> = []
            const tool = (name: string, replay: "safe" | undefined) =>
              defineTool({
                name,
                description: name,
                input: Schema.Struct({}),
                ...(replay === undefined ? {} : { replay }),
                run: () => Effect.sync(() => name + runs.push(name))
              })
            const durable = Context.get(yield* Layer.build(Memory.storage), Storage)
            const gone = Effect.die("the process is gone")
            let writes = 0
            const dying = Storage.of({
              ...durable,
              append: (events) =>
                Effect.suspend(() => {
                  if (++writes < place) return durable.append(events)
                  return writes === place && moment === "after" ? Effect.andThen(durable.append(events), gone) : gone
                })
            })
            const process = (storage: Storage["Service"]) =>
              Layer.build(
                Layer.fresh(
                  agentLoop({
                    id: session.id,
                    model: twoCalls,
                    storage: Layer.succeed(Storage, storage),
                    tools: [tool("once", undefined), tool("safe", "safe")]
                  })
                )
              ).pipe(Effect.map((services) => Context.get(services, AgentLoop)))

            const first = yield* process(dying)
            yield* first.putRecord(session)
            yield* Effect.exit(Effect.andThen(first.send([message("go")]), first.run))

            const second = yield* process(durable)
            yield* second.run
            const { state } = yield* second.snapshot
            const accepted = !(place === 1 && moment === "before")
            assert.deepStrictEqual(
              state.messages.map(({ role }) => role),
              accepted ? ["user", "assistant", "tool", "tool", "assistant"] : []
            )
            assert.deepStrictEqual([state.status, state.calls, state.queue], ["idle", [], []])
            assert.isAtMost(runs.filter((name) => name === "once").length, 1)
            const safe = state.messages.find((shown) => shown.role === "tool" && shown.name === "safe")
            if (accepted) assert(safe?.role === "tool" && !safe.isError)
          }).pipe(Effect.scoped)
      )
    }
  }
})

describe("an interrupt", () => {
  it.effect.prop(
    "that comes at any moment ends its turn once, and the next turn runs to its end",
    [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 }))).check(Schema.isMinLength(12))],
    ([pauses]) => {
      let taken = 0
      const pause = Effect.suspend(() => someYields(pauses[taken++ % pauses.length]!))
      const slow = Layer.effect(
        Storage,
        Effect.map(Storage, (storage) =>
          Storage.of({
            ...storage,
            append: (events) =>
              Effect.andThen(
                pause,
                Effect.tap(storage.append(events), () => pause)
              )
          })
        )
      ).pipe(Layer.provide(Memory.storage))
      const says = brain(() => [{ type: "text", text: "hi" }])
      return Effect.gen(function* () {
        const agent = yield* AgentLoop
        yield* agent.putRecord(session)
        yield* agent.send([message("one")])
        const turn = yield* Effect.forkChild(agent.run)
        yield* pause
        yield* agent.send([{ type: "user.interrupt" }])
        yield* Fiber.join(turn)
        yield* agent.run
        yield* agent.send([message("two")])
        yield* agent.run
        const { state, lastSeq } = yield* agent.snapshot
        assert.deepStrictEqual([state.status, state.stopReason?.type, state.interrupted], ["idle", "end_turn", false])
        assert.strictEqual(state.messages.at(-1)?.role, "assistant")
        assert.isBelow(lastSeq, 30)
      }).pipe(Effect.provide(replayable({ model: says, storage: slow })))
    },
    // As many sessions, each of them run again.
    60_000
  )

  it.effect("of a message that no turn has taken in yet keeps the model from being asked", () =>
    Effect.gen(function* () {
      const agent = yield* AgentLoop
      yield* agent.putRecord(session)
      yield* agent.send([message("never mind"), { type: "user.interrupt" }])
      yield* agent.run
      const { state } = yield* agent.snapshot
      assert.deepStrictEqual([state.status, state.stopReason?.type, state.steps], ["idle", "end_turn", 0])
      yield* agent.send([message("now")])
      yield* agent.run
      const after = (yield* agent.snapshot).state
      assert.deepStrictEqual(
        after.messages.map((shown) => shown.role === "tool" || shown.text),
        ["never mind", "now", "hi"]
      )
    }).pipe(Effect.provide(replayable({ model: brain(() => [{ type: "text", text: "hi" }]) })))
  )
})

describe("first use", () => {
  it.effect("by many at once reads the log once, and loses nothing that is appended meanwhile", () =>
    Effect.gen(function* () {
      const inner = yield* Layer.build(Memory.storage)
      const durable = Context.get(inner, Storage)
      yield* durable.putRecord(session)
      let reads = 0
      const slow = Storage.of({
        ...durable,
        log: (after, limit) =>
          Effect.andThen(
            someYields(20),
            Effect.tap(durable.log(after, limit), () => Effect.sync(() => reads++))
          )
      })
      yield* Effect.gen(function* () {
        const agent = yield* AgentLoop
        const readers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(agent.snapshot))
        yield* agent.send([message("hello")])
        yield* Effect.forEach(readers, Fiber.join)
        assert.lengthOf((yield* agent.snapshot).state.queue, 1)
        assert.strictEqual(reads, 1)
      }).pipe(Effect.provide(replayable({ model: brain(() => []), storage: Layer.succeed(Storage, slow) })))
    }).pipe(Effect.scoped)
  )
})
