import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import { Artifacts } from "../Artifacts.ts"
import { now } from "../domain/Common.ts"
import type { ClientEvent, TaskAttempt } from "../domain/Event.ts"
import type { SessionId } from "../domain/Ids.ts"
import { workspaceRoot } from "../SandboxBackend.ts"
import { Storage } from "../Storage.ts"
import { Workspace, type WorkspaceChange } from "../Workspace.ts"

/** What is done about messages of tasks before they are logged: each attempt is taken once, and what came with it is put into the workspace. */

const taskOf = (event: ClientEvent) => (event.type === "user.message" ? event.task : undefined)

const page = 100

export const make = Effect.fnUntraced(function* (id: SessionId) {
  const artifacts = yield* Artifacts
  const storage = yield* Storage
  const workspace = yield* Workspace
  const oneAtATime = Semaphore.withPermit(yield* Semaphore.make(1))

  const isLogged = Effect.fnUntraced(function* ({ id, attempt }: TaskAttempt) {
    for (let after: number | undefined; ;) {
      const query = { limit: page, order: "desc", types: ["user.message"] } as const
      const entries = yield* storage.events(after === undefined ? query : { ...query, after })
      const isIt = entries.some(
        ({ event }) => event.type === "user.message" && event.task?.id === id && event.task.attempt === attempt
      )
      if (isIt || entries.length < page) return isIt
      after = entries.at(-1)?.seq
    }
  })

  /** Repeated after a crash it writes the same again. */
  const place = Effect.fnUntraced(function* (events: ReadonlyArray<ClientEvent>) {
    const attachments = events.flatMap((event) => (event.type === "user.message" ? (event.attachments ?? []) : []))
    if (attachments.length === 0) return
    const modifiedAt = Date.parse(yield* now)
    const folders = new Set<string>()
    const files: Array<WorkspaceChange> = []
    for (const { path } of attachments) {
      const content = yield* artifacts.get(id, path)
      if (Option.isNone(content)) continue
      const parts = path.split("/").slice(0, -1)
      for (let depth = 1; depth <= parts.length; depth++) folders.add(parts.slice(0, depth).join("/"))
      files.push({ kind: "file", path: `${workspaceRoot}/${path}`, content: content.value, mode: 0o644, modifiedAt })
    }
    const made = new Set((yield* workspace.entries).map((entry) => entry.path))
    const missing = [...folders].map((folder) => `${workspaceRoot}/${folder}`).filter((path) => !made.has(path))
    yield* workspace.write([
      ...missing.map((path) => ({ kind: "directory", path, mode: 0o755, modifiedAt }) as const),
      ...files
    ])
  })

  const toLogged = (event: ClientEvent): ClientEvent => {
    if (event.type !== "user.message") return event
    const { attachments: _, ...logged } = event
    return logged
  }

  return {
    /** Hands on what was not logged before, its files in place. */
    once: <A, E, R>(
      events: ReadonlyArray<ClientEvent>,
      accept: (events: ReadonlyArray<ClientEvent>) => Effect.Effect<ReadonlyArray<A>, E, R>
    ) => {
      const task = events.map(taskOf).find((task) => task !== undefined)
      if (task === undefined) return accept(events)
      return Effect.gen(function* () {
        if (yield* isLogged(task)) return []
        yield* place(events)
        return yield* accept(events.map(toLogged))
      }).pipe(oneAtATime)
    }
  }
})
