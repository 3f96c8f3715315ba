import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { SandboxBackend } from "../../SandboxBackend.ts"

const locks = new WeakMap<SandboxBackend["Service"], Semaphore.Semaphore>()

/**
 * One change at a time, in the order asked for. The calls of one turn run side by side: without this, two edits of the same file would both
 * start from the content before them, and the later would undo the other.
 */
export const exclusive =
  (workspace: SandboxBackend["Service"]) =>
  <A, E>(change: Effect.Effect<A, E>): Effect.Effect<A, E> => {
    const lock = locks.get(workspace) ?? Semaphore.makeUnsafe(1)
    locks.set(workspace, lock)
    return lock.withPermit(change)
  }
