import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Ref, Schema } from "effect"
import { call, layer as scripted, say, type Turn } from "../layers/model/Scripted.ts"
import { now } from "../src/domain/Common.ts"
import { SnapshotId } from "../src/domain/Ids.ts"
import type { WorkspaceSnapshot } from "../src/domain/WorkspaceSnapshot.ts"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import { type Saved, SavedWorkspace, SnapshotFailed, Snapshots } from "../src/Snapshots.ts"
import { defineTool } from "../src/tools/defineTool.ts"
import { Operations } from "../src/tools/Operations.ts"
import { converse, events, message, ofType, replayable, results, session, types } from "./support/agentLoop.ts"

/** Sessions whose workspace is in a machine: the loop with something that stands for it. */

/** What each call was told of the workspace. */
let told: Array<Saved> = []

/** A tool that does one thing in the sandbox. */
const act = defineTool({
  name: "act",
  description: "Does it",
  input: Schema.Struct({ operation: Schema.String, error: Schema.optionalKey(Schema.String) }),
  run: Effect.fnUntraced(function* ({ error, operation }) {
    told.push(yield* SavedWorkspace)
    const operations = yield* Operations
    const failed = error === undefined ? {} : { error }
    operations?.push({ name: operation, started_at: yield* now, milliseconds: 0, ...failed })
    return operation
  })
})

const snapshot = (count: number): WorkspaceSnapshot => ({
  id: SnapshotId.make(`snap_${count}`),
  size_bytes: count,
  entries: 1,
  sha256: String(count),
  created_at: "2026-11-24T00:00:00.000Z"
})

const machine = { environment: { ...session.environment, backend: "microvm" as const } }

/** Each save makes another snapshot, unless `save` does something else; `kept` is what is left in the store. */
const world = (turns: ReadonlyArray<Turn>, save?: (count: number) => Effect.Effect<void, SnapshotFailed>) => {
  told = []
  let count = 0
  const kept: Array<ReadonlyArray<string>> = []
  const snapshots = Layer.succeed(
    Snapshots,
    Snapshots.of({
      save: () =>
        Effect.suspend(() => {
          const made = snapshot(++count)
          return Effect.as(save?.(count) ?? Effect.void, made)
        }),
      keepOnly: (ids) => Effect.sync(() => void kept.push(ids))
    })
  )
  return { kept, layer: replayable({ model: scripted(turns), tools: [act], snapshots }) }
}

const write = call("act", { operation: "exec" })
const saves = Effect.map(events, (all) =>
  all.flatMap((event) =>
    event.type === "session.workspace_saved"
      ? [event.snapshot.id]
      : event.type === "session.workspace_not_saved"
        ? [event.message]
        : []
  )
)

describe("a session on a machine", () => {
  it.effect("saves what a turn wrote before it is idle, and keeps two", () => {
    const { kept, layer } = world([write, say("1"), write, say("2"), write, say("3")])
    return Effect.gen(function* () {
      yield* converse("go", machine)
      assert.deepStrictEqual((yield* types).slice(-2), ["session.workspace_saved", "session.status_idle"])
      const agent = yield* AgentLoop
      for (const text of ["again", "and again"]) {
        yield* agent.send([message(text)])
        yield* agent.run
      }
      assert.deepStrictEqual(yield* saves, ["snap_1", "snap_2", "snap_3"])
      assert.deepStrictEqual(kept, [["snap_1"], ["snap_2", "snap_1"], ["snap_3", "snap_2"]])
      assert.deepStrictEqual(told, [
        { snapshot: null, isBehind: false },
        { snapshot: snapshot(1), isBehind: false },
        { snapshot: snapshot(2), isBehind: false }
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("saves nothing where nothing was written", () => {
    const read = call("act", { operation: "readFile" })
    const dead = call("act", { operation: "exec", error: "SandboxUnavailable" })
    return Effect.gen(function* () {
      yield* converse("go", machine)
      assert.deepStrictEqual(yield* saves, [])
      assert.lengthOf(yield* results, 2)
    }).pipe(Effect.provide(world([read, dead, say("done")]).layer))
  })

  it.effect("tells a call that more was written than was saved", () =>
    Effect.gen(function* () {
      yield* converse("go", machine)
      assert.deepStrictEqual(
        told.map(({ isBehind }) => isBehind),
        [false, true]
      )
    }).pipe(Effect.provide(world([write, write, say("done")]).layer))
  )

  it.effect("says that it could not save, goes on, and tries again when more is written", () => {
    const failing = (count: number) => (count === 2 ? Effect.fail(new SnapshotFailed({ detail: "full" })) : Effect.void)
    const { kept, layer } = world([write, say("1"), write, say("2"), say("3"), write, say("4")], failing)
    return Effect.gen(function* () {
      yield* converse("1", machine)
      const agent = yield* AgentLoop
      for (const text of ["2", "3", "4"]) {
        yield* agent.send([message(text)])
        yield* agent.run
      }
      assert.deepStrictEqual(yield* saves, ["snap_1", "full", "snap_3"])
      // What was good before stays until there is something better.
      assert.deepStrictEqual(kept, [["snap_1"], ["snap_3", "snap_1"]])
      assert.deepStrictEqual(told.at(-1), { snapshot: snapshot(1), isBehind: true })
    }).pipe(Effect.provide(layer))
  })

  it.effect("does not let whoever writes wait until it is saved", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const isFirst = yield* Ref.make(true)
      const slow = () =>
        Effect.flatMap(Ref.getAndSet(isFirst, false), (isFirst) =>
          isFirst ? Effect.andThen(Deferred.succeed(begun, undefined), Effect.never) : Effect.void
        )
      yield* Effect.gen(function* () {
        const agent = yield* AgentLoop
        const fiber = yield* Effect.forkChild(converse("go", machine))
        yield* Deferred.await(begun)
        yield* agent.send([message("wait")])
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(yield* saves, ["snap_2"])
        const texts = (yield* ofType("agent.message")).map(({ content }) => content[0]?.text)
        assert.deepStrictEqual(texts, ["1", "2"])
        assert.lengthOf(yield* ofType("session.status_idle"), 1)
      }).pipe(Effect.provide(world([write, say("1"), say("2")], slow).layer))
    })
  )

  it.effect("saves again when its machine is about to be stopped, without being at work", () =>
    Effect.gen(function* () {
      yield* converse("go", machine)
      const agent = yield* AgentLoop
      yield* agent.noteStopping("idle")
      assert.strictEqual((yield* agent.next).type, "save")
      assert.isFalse(yield* agent.isAtWork)
      yield* agent.run
      assert.deepStrictEqual(yield* saves, ["snap_1", "snap_2"])
      assert.strictEqual((yield* agent.next).type, "rest")
    }).pipe(Effect.provide(world([write, say("done")]).layer))
  )

  it.effect("saves at once, in the middle of a turn, when another machine is about to take its place", () =>
    Effect.gen(function* () {
      const agent = yield* AgentLoop
      yield* agent.putRecord({ ...session, ...machine })
      yield* agent.send([message("go")])
      yield* agent.noteStopping("replaced")
      yield* agent.run
      const order = (yield* types).filter((type) => /workspace|request_start|idle/.test(type))
      assert.deepStrictEqual(order, ["session.workspace_saved", "span.model_request_start", "session.status_idle"])
    }).pipe(Effect.provide(world([say("done")]).layer))
  )

  it.effect("begins with the snapshot that it was created with", () => {
    const { kept, layer } = world([write, say("done")])
    return Effect.gen(function* () {
      yield* converse("go", { ...machine, snapshot: snapshot(7) })
      assert.deepStrictEqual(told, [{ snapshot: snapshot(7), isBehind: false }])
      assert.deepStrictEqual(kept, [["snap_1", "snap_7"]])
    }).pipe(Effect.provide(layer))
  })
})

it.effect("a session in the isolate saves nothing: its files are kept as they are written", () =>
  Effect.gen(function* () {
    yield* converse("go")
    assert.deepStrictEqual(yield* saves, [])
  }).pipe(Effect.provide(world([write, say("done")]).layer))
)
