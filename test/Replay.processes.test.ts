import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { call, hang, layer as scripted, say, type Turn } from "../layers/model/Scripted.ts"
import * as BlobsMemory from "../layers/storage/BlobsMemory.ts"
import * as Memory from "../layers/storage/Memory.ts"
import { agentLoop } from "../layers/test.ts"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import { Storage } from "../src/Storage.ts"
import type { Tool } from "../src/tools/defineTool.ts"
import { echo, message, session } from "./support/agentLoop.ts"
import { replays } from "./support/replayed.ts"

/** Sessions that went through several processes: what the log does not say of them, a replay finds out. */

interface Process {
  readonly turns: ReadonlyArray<Turn>
  readonly tools?: ReadonlyArray<Tool>
  readonly config?: Record<string, string>
}

/** Each process works until nothing more happens in it; it is then gone, without a word. */
const through = Effect.fnUntraced(function* (processes: ReadonlyArray<Process>) {
  const storage = Layer.succeedContext(yield* Layer.build(Memory.storage))
  const types = Effect.gen(function* () {
    const { log } = yield* Storage
    return (yield* log(0, 1_000)).map(({ event }) => event.type)
  }).pipe(Effect.provide(storage))
  for (const [index, { config = {}, tools = [echo], turns }] of processes.entries()) {
    const layers = agentLoop({ id: session.id, model: scripted(turns), storage, tools, config })
    const agent = Context.get(yield* Layer.build(Layer.fresh(layers)), AgentLoop)
    if (index === 0) yield* Effect.andThen(agent.putRecord(session), agent.send([message("go")]))
    yield* Effect.forkDetach(agent.run)
    yield* Effect.repeat(Effect.yieldNow, { times: 200 })
  }
  yield* Effect.provide(replays, [storage, BlobsMemory.layer])
  return yield* types
})

const never = { ...echo, name: "never", run: () => Effect.never }

describe("a replay of a session", () => {
  it.effect("whose process died in a tool has its process die there, and the next one recovers", () =>
    Effect.gen(function* () {
      const calls = [...call("echo", { text: "a" }), ...call("never", { text: "b" })]
      const types = yield* through([
        { turns: [calls], tools: [echo, never] },
        { turns: [say("done")], tools: [echo, never] }
      ])
      assert.strictEqual(types.filter((type) => type === "agent.tool_result").length, 2)
      assert.strictEqual(types.at(-1), "session.status_idle")
    }).pipe(Effect.scoped)
  )

  it.effect("whose processes died at one place until the turn was given up", () =>
    Effect.gen(function* () {
      const types = yield* through(Array.from({ length: 6 }, () => ({ turns: [hang] })))
      assert.deepStrictEqual(types.slice(-3), ["span.model_request_end", "session.error", "session.status_idle"])
    }).pipe(Effect.scoped)
  )

  it.effect("that a deploy gave other tools and limits in the middle of a turn", () =>
    Effect.gen(function* () {
      const shout = { ...echo, name: "shout", description: "Says it loudly" }
      const types = yield* through([
        { turns: [call("echo", { text: "a" }), hang] },
        {
          turns: [call("shout", { text: "b" }), say("done")],
          tools: [echo, shout],
          config: { OWNLOOP_MAX_STEPS: "7" }
        }
      ])
      assert.strictEqual(types.at(-1), "session.status_idle")
    }).pipe(Effect.scoped)
  )
})
