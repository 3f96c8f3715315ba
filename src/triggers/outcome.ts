import { Effect, Option } from "effect"
import { Artifacts, outputs } from "../Artifacts.ts"
import type { FinalStatus, Outcome } from "../domain/Task.ts"
import type { Told } from "../Outbox.ts"
import { type LogEntry, Storage } from "../Storage.ts"
import { Workspace } from "../Workspace.ts"
import { bounded } from "./messages.ts"
import type { Step } from "./progress.ts"

/** Artifacts of one session, and bytes of one. */
const maxArtifacts = 100
const maxArtifact = 25 * 1024 * 1024

/** Makes the outcome of a session's task out of its log, as it is at an entry, and keeps the files that it left. */
export const make = Effect.gen(function* () {
  const artifacts = yield* Artifacts
  const storage = yield* Storage
  const workspace = yield* Workspace

  const keepArtifacts = Effect.fnUntraced(function* ({ record }: Told) {
    const files = (yield* workspace.entries).filter(
      ({ kind, path, size }) => kind === "file" && path.startsWith(outputs) && size <= maxArtifact
    )
    return yield* Effect.forEach(
      files.slice(0, maxArtifacts),
      Effect.fnUntraced(function* ({ path, size }) {
        const name = path.slice(outputs.length)
        const content = yield* workspace.read(path)
        if (Option.isSome(content)) yield* artifacts.put(record.id, name, content.value)
        return { path: name, size }
      })
    )
  })

  return Effect.fnUntraced(function* (session: Told, { seq }: LogEntry, status: FinalStatus, step: Step) {
    const messages = yield* storage.events({ after: seq, limit: 1, order: "desc", types: ["agent.message"] })
    const [text] = messages.flatMap(({ event }) =>
      event.type === "agent.message" ? [event.content.map(({ text }) => text).join("\n")] : []
    )
    const { input_tokens, output_tokens, cache_read_input_tokens } = session.usage
    const outcome: Outcome = {
      status,
      text: text ?? null,
      is_truncated: false,
      structured_output: null,
      artifacts: yield* keepArtifacts(session),
      usage: { input_tokens, output_tokens, cache_read_input_tokens },
      list_cost_usd: session.listCost,
      error: status === "expired" ? deadlinePassed : step.error
    }
    return bounded(outcome)
  })
})

export const deadlinePassed = { type: "deadline_passed", message: "its deadline passed" }
