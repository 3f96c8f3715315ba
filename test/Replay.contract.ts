import assert from "node:assert/strict"
import { Effect, Schema } from "effect"
import { call, fail, layer as scripted, say, type Turn } from "../layers/model/Scripted.ts"
import { agentLoop } from "../layers/test.ts"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import { QuotaExceeded } from "../src/ModelClient.ts"
import { Storage } from "../src/Storage.ts"
import { defineTool } from "../src/tools/defineTool.ts"
import type { Contract } from "./support/contract.ts"
import { record, toolset } from "./support/records.ts"
import { replays } from "./support/replayed.ts"

/** Wherever the loop runs, a session that it ran can be run again. */

const session = record("1", {
  agent: { ...record("1").agent, model: { id: "local/main", fallbacks: ["local/spare"] }, tools: [toolset] }
})

const echo = defineTool({
  name: "echo",
  description: "Says it again",
  input: Schema.Struct({ text: Schema.String }),
  run: ({ text }) => Effect.succeed(text)
})

const converse = (turns: ReadonlyArray<Turn>, messages: number) =>
  Effect.gen(function* () {
    const agent = yield* AgentLoop
    yield* agent.putRecord(session)
    for (let count = 1; count <= messages; count++) {
      yield* agent.send([{ type: "user.message", content: [{ type: "text", text: `message ${count}` }] }])
      yield* agent.run
    }
    assert((yield* Effect.flatMap(Storage, ({ log }) => log(0, 1_000))).length > messages * 8)
    yield* replays
  }).pipe(Effect.provide(agentLoop({ id: session.id, model: scripted(turns), tools: [echo] })))

export const contract: Contract<never> = {
  "a session whose model fails is run again": converse(
    [
      fail(new QuotaExceeded({ detail: "used up" })),
      [...call("echo", { text: "a" }), ...call("echo", { text: "b" })],
      say("done")
    ],
    1
  ),
  "a session of 60 turns is run again": converse(
    Array.from({ length: 60 }, () => [
      [...say("let me see"), ...call("echo", { text: "x".repeat(500) })],
      say("done")
    ]).flat(),
    60
  )
}
