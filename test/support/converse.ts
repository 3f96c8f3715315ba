import { Effect, Stream } from "effect"
import { Sessions } from "../../src/Sessions.ts"
import { record, toolset } from "./records.ts"

/** A session of an agent that has all tools. */
export const session = record("1", { agent: { ...record("1").agent, tools: [toolset] } })

/** The whole log of a new session whose only message this is, once its stream says that the turn is over. */
export const converse = Effect.fnUntraced(function* (text: string) {
  const sessions = yield* Sessions
  yield* sessions.create(session, [{ type: "user.message", content: [{ type: "text", text }] }])
  const stream = yield* sessions.stream(session.id, { deltas: new Set() })
  yield* Stream.fromReadableStream({ evaluate: () => stream, onError: String }).pipe(
    Stream.decodeText,
    Stream.takeUntil((chunk) => chunk.includes("event: session.status_idle")),
    Stream.runDrain
  )
  return yield* sessions.events(session.id, { limit: 1000, order: "asc" })
})
