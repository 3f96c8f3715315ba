import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SessionEvent } from "../domain/Event.ts"
import type { EventId } from "../domain/Ids.ts"
import type { SessionRecord } from "../domain/Session.ts"
import { NetworkClosed } from "../EgressPolicy.ts"
import { Storage, type StorageError } from "../Storage.ts"
import { ToolRegistry } from "../ToolRegistry.ts"

/** Tools that change files. Those of the deployment's own may change anything else, and are not called again. */
const fileTools: ReadonlySet<string> = new Set(["bash", "write", "edit"])

/** Entries that are read from the log at a time. */
const page = 50

type Use = Extract<SessionEvent, { readonly type: "agent.tool_use" }>

/** What became of it: how many calls were made again, and which of them ended otherwise than they had. */
export interface Rebuilt {
  readonly calls: number
  readonly differing: ReadonlyArray<EventId>
}

/**
 * A fork's files: what changed those of the session it was taken from is called again, in order and without a network, so that nothing outside
 * is changed twice.
 */
export class Rebuild extends Context.Service<
  Rebuild,
  { rebuild(record: SessionRecord): Effect.Effect<Rebuilt, StorageError> }
>()("ownloop/loop/Rebuild") {
  static readonly layer: Layer.Layer<Rebuild, never, Storage | ToolRegistry> = Layer.effect(
    Rebuild,
    Effect.gen(function* () {
      const storage = yield* Storage
      const registry = yield* ToolRegistry

      /** Calls that ran, in the order of their results, and whether they failed. */
      const inherited = Effect.fnUntraced(function* () {
        const uses = new Map<EventId, Use>()
        const calls: Array<{ readonly use: Use; readonly isError: boolean }> = []
        for (let after = 0; ; after += page) {
          const entries = yield* storage.log(after, page)
          for (const { event } of entries) {
            if (event.type === "agent.tool_use" && fileTools.has(event.name)) uses.set(event.id, event)
            if (event.type !== "agent.tool_result" || event.rejected === true) continue
            const use = uses.get(event.tool_use_id)
            if (use !== undefined) calls.push({ use, isError: event.is_error })
          }
          if (entries.length < page) return calls
        }
      })

      const rebuild = Effect.fn("Rebuild.rebuild")(
        function* ({ environment, id: session }: SessionRecord) {
          // A machine's files come from its snapshot.
          const calls = environment.backend === "isolate" ? yield* inherited() : []
          const call = ({ id, name }: Use, input: Use["input"]) => registry.call(session, { id, name, input })
          const differing: Array<EventId> = []
          // A process that died may have made some of them.
          const [first] = calls
          if (first !== undefined) {
            yield* call({ ...first.use, name: "bash" }, { command: "find . -mindepth 1 -delete" })
          }
          for (const { use, isError } of calls) {
            const result = yield* call(use, use.input)
            if (result.isError !== isError) differing.push(use.id)
          }
          return { calls: calls.length, differing }
        },
        Effect.provideService(NetworkClosed, true)
      )

      return Rebuild.of({ rebuild })
    })
  )
}
