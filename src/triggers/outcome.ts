import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Artifacts, outputs } from "../Artifacts.ts"
import type { SessionEvent, SessionEventType } from "../domain/Event.ts"
import type { FinalStatus, Outcome, Task } from "../domain/Task.ts"
import type { Told } from "../Outbox.ts"
import { workspaceRoot } from "../SandboxBackend.ts"
import { type LogEntry, Storage } from "../Storage.ts"
import { Workspace } from "../Workspace.ts"
import { bounded } from "./messages.ts"
import type { Step } from "./progress.ts"

/** Artifacts of one session, and bytes of one. */
const maxArtifacts = 100
const maxArtifact = 25 * 1024 * 1024

/** Messages that are read from the log at a time. */
const page = 50

const folder = `${workspaceRoot}/${outputs}`

/** Makes the outcome of a session's task out of its log, as it is at an entry, and keeps the files that it left. */
export const make = Effect.gen(function* () {
  const artifacts = yield* Artifacts
  const storage = yield* Storage
  const workspace = yield* Workspace

  const keepArtifacts = Effect.fnUntraced(function* ({ record }: Told, since: number) {
    const files = (yield* workspace.entries).filter(
      ({ kind, modifiedAt, path, size }) =>
        kind === "file" && path.startsWith(folder) && size <= maxArtifact && modifiedAt >= since
    )
    return yield* Effect.forEach(
      files.slice(0, maxArtifacts),
      Effect.fnUntraced(function* ({ path, size }) {
        const name = path.slice(folder.length)
        const content = yield* workspace.read(path)
        if (Option.isSome(content)) yield* artifacts.put(record.id, outputs + name, content.value)
        return { path: name, size }
      })
    )
  })

  /** The latest of this type between two places. */
  const last = <T extends SessionEventType>(type: T, from: number, seq: number) =>
    Effect.map(storage.events({ after: seq, limit: 1, order: "desc", types: [type] }), ([entry]) =>
      // Only of that type was asked for.
      entry === undefined || entry.seq < from ? undefined : (entry.event as Extract<SessionEvent, { readonly type: T }>)
    )

  /**
   * Where a task begins that goes on with a session: at its message, for what was said before it belongs to others. One that was never taken
   * in has nothing of its own.
   */
  const beginningOf = Effect.fnUntraced(function* ({ continues, id }: Task, seq: number) {
    if (continues === undefined) return { from: 0, since: 0 }
    for (let after = seq; ;) {
      const entries = yield* storage.events({ after, limit: page, order: "desc", types: ["user.message"] })
      const found = entries.find(({ event }) => event.type === "user.message" && event.task?.id === id)
      if (found !== undefined) return { from: found.seq, since: Date.parse(found.event.processed_at ?? "") || Infinity }
      if (entries.length < page) return { from: Infinity, since: Infinity }
      after = entries.at(-1)!.seq
    }
  })

  return Effect.fnUntraced(function* (session: Told, task: Task, { seq }: LogEntry, status: FinalStatus, step: Step) {
    const { from, since } = yield* beginningOf(task, seq)
    const message = yield* last("agent.message", from, seq)
    const output = yield* last("agent.structured_output", from, seq)
    const { input_tokens, output_tokens, cache_read_input_tokens } = session.usage
    const outcome: Outcome = {
      status,
      text: message?.content.map(({ text }) => text).join("\n") ?? null,
      is_truncated: false,
      structured_output: output?.value ?? null,
      artifacts: yield* keepArtifacts(session, since),
      usage: { input_tokens, output_tokens, cache_read_input_tokens },
      list_cost_usd: session.listCost,
      error: status === "expired" ? deadlinePassed : step.error
    }
    return bounded(outcome)
  })
})

export const deadlinePassed = { type: "deadline_passed", message: "its deadline passed" }
