import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import { Storage } from "../src/Storage.ts"
import type { SessionExport } from "../src/trace/Export.ts"
import { Playback, type Process } from "../src/trace/Playback.ts"
import * as Replay from "../src/trace/replay.ts"
import type { ReplayDivergence } from "../src/trace/ReplayDivergence.ts"
import * as ReplayedAmendments from "./egress/ReplayedAmendments.ts"
import * as ReplayedSnapshots from "./sandbox/ReplayedSnapshots.ts"
import * as ReplayedModel from "./model/Replayed.ts"
import * as BlobsMemory from "./storage/BlobsMemory.ts"
import * as Memory from "./storage/Memory.ts"
import * as ReplayedStorage from "./storage/Replayed.ts"
import * as ReplayedRebuild from "./tools/ReplayedRebuild.ts"
import * as ReplayedTools from "./tools/Replayed.ts"

/** Ids of events that are about to be compared; the log keeps the recorded ones. */
const ids = Layer.sync(SecureRandom.SecureRandom, () => {
  let count = 0
  const random = SecureRandom.make((size) => new Uint8Array(size))
  return { ...random, ulid: Effect.sync(() => `REPLAYED${++count}`) }
})

const config = (setup: Process["setup"]) =>
  ConfigProvider.layer(
    ConfigProvider.fromUnknown(
      setup === undefined
        ? {}
        : {
            OWNLOOP_MAX_STEPS: String(setup.max_steps),
            OWNLOOP_MAX_RESCHEDULES: String(setup.max_reschedules),
            OWNLOOP_CONTEXT_WINDOW: String(setup.context_window)
          }
    )
  )

/**
 * Runs an exported session again: the same loop, with the recording in place of everything outside. Answers how many events were logged
 * again; fails where they are not those of the recording.
 */
export const replay = (exported: SessionExport): Effect.Effect<number, ReplayDivergence> =>
  Effect.gen(function* () {
    const storage = Context.get(yield* Layer.build(Layer.fresh(Memory.storage)), Storage)
    const inherited = Replay.inherited(exported)
    if (inherited.length > 0) yield* Effect.orDie(storage.append(inherited))
    const random = yield* Layer.build(Layer.fresh(ids))
    return yield* Replay.replay(exported, (process) =>
      AgentLoop.layer(exported.session.id).pipe(
        Layer.provide([
          ReplayedModel.layer,
          ReplayedTools.layer,
          ReplayedRebuild.layer,
          ReplayedAmendments.layer,
          ReplayedSnapshots.layer,
          ReplayedStorage.layer,
          BlobsMemory.layer
        ]),
        Layer.provide([
          Layer.succeed(Playback, process),
          Layer.succeed(Storage, storage),
          Layer.succeedContext(random),
          config(process.setup)
        ]),
        Layer.fresh,
        Layer.build,
        Effect.map((services) => Context.get(services, AgentLoop)),
        Effect.orDie
      )
    )
  }).pipe(Effect.scoped)
