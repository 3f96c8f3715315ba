import { afterEach, assert } from "@effect/vitest"
import { Cause, Effect, Layer, Schema } from "effect"
import { layer as scripted, type Turn } from "../../layers/model/Scripted.ts"
import { agentLoop } from "../../layers/test.ts"
import type { Blobs } from "../../src/Blobs.ts"
import type { SessionEvent } from "../../src/domain/Event.ts"
import type { SessionRecord } from "../../src/domain/Session.ts"
import { AgentLoop } from "../../src/loop/AgentLoop.ts"
import { Storage } from "../../src/Storage.ts"
import { defineTool, type Tool } from "../../src/tools/defineTool.ts"
import { record, toolset } from "./records.ts"
import { replays } from "./replayed.ts"

export const session = record("1", { agent: { ...record("1").agent, tools: [toolset] } })

export const echo = defineTool({
  name: "echo",
  description: "Says it again",
  input: Schema.Struct({ text: Schema.String }),
  run: ({ text }) => Effect.succeed(`echo ${text}`)
})

const problems: Array<string> = []
afterEach(() => assert.deepStrictEqual(problems.splice(0), [], "sessions that do not run again as they did"))

/** The loop of a test. Whatever session it leaves behind is exported in the end, and must run again from there as it did. */
export const replayable = <Model>(options: Omit<Parameters<typeof agentLoop<Model>>[0], "id">) =>
  Layer.effectDiscard(
    Effect.flatMap(Effect.context<Storage | Blobs>(), (services) =>
      // A finalizer cannot fail its test.
      Effect.addFinalizer(() =>
        Effect.catchCause(Effect.provide(replays, services), (cause) =>
          Effect.sync(() => problems.push(Cause.pretty(cause)))
        )
      )
    )
  ).pipe(Layer.provideMerge(agentLoop({ ...options, id: session.id })))

/** The loop with a scripted model and these tools, over a storage in memory. */
export const loop = (
  turns: ReadonlyArray<Turn>,
  tools: ReadonlyArray<Tool> = [echo],
  config: Record<string, string> = {}
) => replayable({ model: scripted(turns), tools, config })

export const message = (text: string) => ({ type: "user.message", content: [{ type: "text", text }] }) as const

/** Sends a message to a new session and works until it rests. */
export const converse = (text: string, fields: Partial<SessionRecord> = {}) =>
  Effect.gen(function* () {
    const agent = yield* AgentLoop
    yield* agent.putRecord({ ...session, ...fields })
    yield* agent.send([message(text)])
    yield* agent.run
  })

export const events = Effect.flatMap(Storage, (storage) =>
  Effect.map(storage.log(0, 10_000), (log) => log.map(({ event }) => event))
)
export const types = Effect.map(events, (all) => all.map(({ type }) => type))
export const ofType = <T extends SessionEvent["type"]>(type: T) =>
  Effect.map(events, (all) => all.filter((event): event is Extract<SessionEvent, { type: T }> => event.type === type))
export const results = Effect.map(ofType("agent.tool_result"), (all) =>
  all.map(({ content, is_error }) => ({ text: content[0]?.text, is_error }))
)
export const stopReason = Effect.map(ofType("session.status_idle"), (all) => all.at(-1)?.stop_reason.type)
