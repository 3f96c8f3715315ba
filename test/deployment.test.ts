import { assert, describe, it } from "@effect/vitest"
import { Effect, Struct } from "effect"
import { Decisions } from "../layers/egress/Recording.ts"
import { call, layer as scripted, say, type Turn } from "../layers/model/Scripted.ts"
import { deployment } from "../layers/test.ts"
import { Sessions } from "../src/Sessions.ts"
import { converse, session } from "./support/converse.ts"

/** The same loop, tools, sandbox and gateway as in the Worker, in this process. */

const node = (turns: ReadonlyArray<Turn>) =>
  deployment({
    model: scripted(turns),
    networking: {
      type: "limited",
      allowed_hosts: ["example.com"],
      allow_package_managers: false,
      allow_mcp_servers: false
    },
    send: async (request) => new Response(`one two three from ${new URL(request.url).host}`)
  })

const results = (entries: Effect.Success<ReturnType<typeof converse>>) =>
  entries.flatMap(({ event }) => (event.type === "agent.tool_result" ? [event.content[0]!.text] : []))

describe("a deployment in Node", () => {
  it.effect("keeps 16 pairs of metadata at most, counted after the change", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions
      const pairs = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`k${index}`, "v"]))
      const { id } = yield* sessions.create({ ...session, metadata: pairs }, [])
      const error = yield* Effect.flip(sessions.update(id, { metadata: { more: "v" } }))
      assert.strictEqual(error._tag, "MetadataFull")
      assert.deepStrictEqual((yield* sessions.get(id)).metadata, pairs)
      const { metadata } = yield* sessions.update(id, { metadata: { more: "v", k0: null } })
      assert.deepStrictEqual(metadata, { ...Struct.omit(pairs, ["k0"]), more: "v" })
    }).pipe(Effect.provide(node([])))
  )

  it.live("has a session once, however often it is created", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions
      yield* converse("go")
      const before = yield* sessions.events(session.id, { limit: 1000, order: "asc" })
      yield* sessions.create(session, [{ type: "user.message", content: [{ type: "text", text: "go" }] }])
      assert.deepStrictEqual(yield* sessions.events(session.id, { limit: 1000, order: "asc" }), before)
    }).pipe(Effect.provide(node([say("done")])))
  )

  it.live("lets a session go on when its budget is raised, and refuses one that is not", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions
      const go = { type: "user.message", content: [{ type: "text", text: "go" }] } as const
      const limit = (max_steps: number) => ({ budget: { type: "limit", max_steps } }) as const
      const { id } = yield* sessions.create({ ...session, ...limit(1) }, [go])
      const stops = Effect.map(sessions.events(id, { limit: 1000, order: "asc" }), (entries) =>
        entries.flatMap(({ event }) => (event.type === "session.status_idle" ? [event.stop_reason.type] : []))
      )
      const until = (count: number): Effect.Effect<ReadonlyArray<string>, unknown> =>
        Effect.flatMap(stops, (all) =>
          all.length < count ? Effect.andThen(Effect.yieldNow, until(count)) : Effect.succeed(all)
        )
      assert.deepStrictEqual(yield* until(1), ["budget_reached"])
      const refusal = yield* Effect.flip(sessions.update(id, limit(1)))
      assert.include(refusal.message, "budget_not_raised")
      const raised = yield* sessions.update(id, limit(2))
      assert.deepStrictEqual<unknown>(raised.budget, limit(2).budget)
      assert.deepStrictEqual(yield* until(2), ["budget_reached", "end_turn"])
      assert.isNull((yield* sessions.update(id, { budget: null })).budget)
      assert.include((yield* Effect.flip(sessions.update(id, limit(9)))).message, "budget_create_only")
      yield* sessions.archive(id)
      assert.include((yield* Effect.flip(sessions.update(id, { budget: null }))).message, "it is archived")
    }).pipe(Effect.provide(node([call("glob", { pattern: "*" }), say("done")])))
  )

  it.live("writes a file, runs a script over it and reads the result", () =>
    Effect.gen(function* () {
      const [, , printed, read] = results(yield* converse("add them up"))
      assert.include(printed, "done")
      assert.include(read, "6")
    }).pipe(
      Effect.provide(
        node([
          call("write", { file_path: "numbers.txt", content: "1\n2\n3\n" }),
          call("write", {
            file_path: "sum.js",
            content: `const fs = require("fs")
const numbers = fs.readFileSync("numbers.txt", "utf8").trim().split("\\n").map(Number)
fs.writeFileSync("sum.txt", String(numbers.reduce((a, b) => a + b)))
console.log("done")`
          }),
          call("bash", { command: "node sum.js" }),
          call("read", { file_path: "sum.txt" }),
          say("6")
        ])
      )
    )
  )

  it.live("sends everything through the gateway", () =>
    Effect.gen(function* () {
      const [fetched, curled, blocked] = results(yield* converse("go"))
      assert.include(fetched, "one two three")
      assert.include(curled, "one two three")
      assert.include(blocked, "blocked")
      const decisions = yield* Effect.flatten(Decisions)
      assert.deepStrictEqual(
        decisions.map(({ host, outcome }) => [host, outcome]),
        [
          ["example.com", "allowed"],
          ["example.com", "allowed"],
          ["elsewhere.com", "blocked"]
        ]
      )
    }).pipe(
      Effect.provide(
        node([
          call("web_fetch", { url: "https://example.com/" }),
          call("bash", { command: "curl -s https://example.com/" }),
          call("bash", { command: "curl -s https://elsewhere.com/" }),
          say("done")
        ])
      )
    )
  )
})
