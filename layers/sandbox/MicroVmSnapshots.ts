import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { nextSnapshotId } from "../../src/domain/Ids.ts"
import { SnapshotFailed, Snapshots } from "../../src/Snapshots.ts"
import { StorageError } from "../../src/Storage.ts"
import type { Machine } from "./microvm/Protocol.ts"

/** Of what is in a session's machine. Each is one call of the machine's Durable Object, which keeps the archive in R2. */
export const layer = (
  machine: () => Pick<Machine, "save" | "keepOnly">,
  /** Whether what git ignores is saved too. */
  includeIgnored: boolean
): Layer.Layer<Snapshots, never, SecureRandom.SecureRandom> =>
  Layer.effect(
    Snapshots,
    Effect.gen(function* () {
      const nextId = Effect.provideService(nextSnapshotId, SecureRandom.SecureRandom, yield* SecureRandom.SecureRandom)
      return Snapshots.of({
        save: Effect.fn("Snapshots.save")(function* (latest) {
          const id = yield* nextId
          const reply = yield* Effect.tryPromise({
            try: () => machine().save(id, latest, includeIgnored),
            catch: (cause) => new SnapshotFailed({ detail: String(cause) })
          })
          return "value" in reply ? reply.value : yield* new SnapshotFailed({ detail: reply.failed })
        }),
        keepOnly: Effect.fn("Snapshots.keepOnly")((ids) =>
          Effect.tryPromise({
            try: () => machine().keepOnly(ids),
            catch: (cause) => new StorageError({ operation: "Snapshots.keepOnly", cause })
          })
        )
      })
    })
  )
