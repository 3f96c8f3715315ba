import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as ArtifactsMemory from "../layers/storage/ArtifactsMemory.ts"
import * as Memory from "../layers/storage/Memory.ts"
import type { SessionEvent } from "../src/domain/Event.ts"
import { EventId, SessionId, type TaskId } from "../src/domain/Ids.ts"
import { noUsage } from "../src/loop/Spent.ts"
import { Storage } from "../src/Storage.ts"
import * as Outcome from "../src/triggers/outcome.ts"
import { Workspace } from "../src/Workspace.ts"
import { record, task } from "./support/records.ts"

/** Two tasks of one session, as the mails of a thread are: each has what came of it, and nothing of the other's. */

const at = (second: number) => `2026-11-24T12:00:${String(second).padStart(2, "0")}.000Z`
const id = (place: number) => EventId.make(`sevt_${String(place).padStart(26, "0")}`)
const text = (text: string) => [{ type: "text", text }] as const

const message = (place: number, of: TaskId): SessionEvent => ({
  type: "user.message",
  id: id(place),
  processed_at: at(place),
  content: text("go"),
  task: { id: of, attempt: 1 }
})
const idle = (place: number): SessionEvent => ({
  type: "session.status_idle",
  id: id(place),
  processed_at: at(place),
  stop_reason: { type: "retries_exhausted" },
  stop_details: null
})

const file = (name: string, second: number) => ({
  kind: "file" as const,
  path: `/workspace/outputs/${name}`,
  content: new Uint8Array([1]),
  mode: 0o644,
  modifiedAt: Date.parse(at(second))
})

it.effect("a task that goes on with a session answers with nothing of the task before it", () =>
  Effect.gen(function* () {
    const continues = SessionId.make("sesn_1")
    const [first, second, never] = [task("1"), task("2", { continues }), task("3", { continues })]
    const storage = yield* Storage
    yield* storage.append([
      message(1, first.id),
      { type: "agent.message", id: id(2), processed_at: at(2), content: text("for the first alone") },
      idle(3),
      message(4, second.id),
      idle(5)
    ])
    yield* Workspace.use((workspace) => workspace.write([file("old.txt", 2), file("new.txt", 4)]))
    const outcomeOf = yield* Outcome.make
    const told = { record: record("1"), usage: noUsage, listCost: 0, turnSeq: 4 }
    const entryAt = (seq: number) => ({ seq, event: idle(seq) })
    const step = { status: "failed", reason: null, error: null } as const

    const ended = yield* outcomeOf(told, first, entryAt(3), "succeeded", step)
    assert.strictEqual(ended.text, "for the first alone")
    const failed = yield* outcomeOf(told, second, entryAt(5), "failed", step)
    assert.isNull(failed.text)
    assert.deepStrictEqual(failed.artifacts, [{ path: "new.txt", size: 1 }])
    const unseen = yield* outcomeOf(told, never, entryAt(5), "cancelled", step)
    assert.deepStrictEqual([unseen.text, unseen.artifacts], [null, []])
  }).pipe(Effect.provide(Layer.mergeAll(Memory.storage, Memory.workspace, ArtifactsMemory.layer)))
)
