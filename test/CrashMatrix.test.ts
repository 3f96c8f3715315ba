import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Layer, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as BlobsMemory from "../layers/storage/BlobsMemory.ts"
import * as Memory from "../layers/storage/Memory.ts"
import { agentLoop } from "../layers/test.ts"
import type { ClientEvent, SessionEvent } from "../src/domain/Event.ts"
import { AgentLoop } from "../src/loop/AgentLoop.ts"
import { noUsage } from "../src/loop/Spent.ts"
import {
  ContextOverflow,
  InvalidRequest,
  type Message,
  ModelClient,
  ModelError,
  type ModelErrorReason,
  type ModelPart,
  type ModelRequest
} from "../src/ModelClient.ts"
import { Storage } from "../src/Storage.ts"
import { defineTool } from "../src/tools/defineTool.ts"
import { record, toolset } from "./support/records.ts"
import { replays } from "./support/replayed.ts"

/**
 * One session with everything a turn can meet, killed once at every write and in the middle of every model request and tool call. What is
 * left of a process that was killed never does anything again; the next one starts over the same storage.
 */

const session = record("1", {
  output_config: {
    format: { type: "json_schema", schema: { type: "object", properties: { well: { type: "boolean" } } } }
  },
  agent: {
    ...record("1").agent,
    model: { id: "local/main", fallbacks: ["local/spare"] },
    tools: [
      { ...toolset, configs: [{ name: "ask", enabled: true, permission_policy: { type: "always_ask" } }] },
      { type: "custom", name: "client", description: "Run by the client", input_schema: { type: "object" } }
    ]
  }
})

const call = (name: string, input: object): ModelPart => ({ type: "tool_call", name, arguments: JSON.stringify(input) })

const texts = (messages: ReadonlyArray<Message>) =>
  messages.map((message) => (message.role === "tool" ? `${message.name}: ${message.text}` : message.text)).join("\n")

/** Answers by what it is shown, so that a request which is repeated is answered the same. */
const answer = ({ model, messages }: ModelRequest): ReadonlyArray<ModelPart> | ModelErrorReason => {
  const shown = texts(messages)
  const last = messages.at(-1)!
  if (last.role === "user" && last.text.includes("ummar")) return [{ type: "text", text: "SO FAR: all went well" }]
  if (shown.includes("late")) return [call("safe", { label: "beside" }), call("structured_output", { well: "true" })]
  if (shown.includes("You answered in text")) return [call("safe", { label: "late" })]
  if (shown.includes("SO FAR")) return [{ type: "text", text: "all done" }]
  if (shown.includes("after: ")) return new ContextOverflow({ detail: "too long" })
  if (shown.includes("client: ")) {
    if (model === "local/main") return new InvalidRequest({ detail: "not today" })
    return [call("safe", { label: "after" })]
  }
  if (shown.includes("ask: ")) return [call("client", {})]
  if (shown.includes("once: ")) return [call("ask", { label: "asked" })]
  return [
    { type: "text", text: "three at a time" },
    call("safe", { label: "a" }),
    call("safe", { label: "b" }),
    call("once", { label: "c" })
  ]
}

/** Counts the moments at which a process can be killed, and kills it at one of them. */
class World {
  moments = 0
  isDead = false
  readonly effects: Array<{ readonly label: string; readonly key: string }> = []
  private readonly fatal: number

  constructor(fatal: number) {
    this.fatal = fatal
  }

  /** Nothing after it happens where the process is dead. */
  readonly moment: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.isDead && ++this.moments === this.fatal) this.isDead = true
    return this.isDead ? Effect.never : Effect.void
  })

  around<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.andThen(
      this.moment,
      Effect.tap(effect, () => this.moment)
    )
  }

  process(durable: Storage["Service"]) {
    const storage = Storage.of({
      ...durable,
      append: (events) => this.around(durable.append(events)),
      takeOver: this.around(durable.takeOver)
    })
    const stream = (request: ModelRequest) => {
      const parts = answer(request)
      if ("_tag" in parts) return Stream.fail(new ModelError({ model: request.model, reason: parts }))
      const finish = { type: "finish", usage: noUsage, truncated: false } as const
      return Stream.mapEffect(Stream.fromIterable([...parts, finish]), (part) => Effect.as(this.moment, part))
    }
    const tool = (name: string, replay?: "safe") =>
      defineTool({
        name,
        description: name,
        input: Schema.Struct({ label: Schema.String }),
        ...(replay === undefined ? {} : { replay }),
        run: ({ label }, { idempotencyKey: key }) =>
          this.around(
            Effect.sync(() => {
              this.effects.push({ label, key })
              return label
            })
          ).pipe(Effect.map((done) => (done === "after" ? "after: " : done)))
      })
    return Layer.build(
      Layer.fresh(
        agentLoop({
          id: session.id,
          model: Layer.succeed(ModelClient, ModelClient.of({ stream })),
          storage: Layer.succeed(Storage, storage),
          tools: [tool("safe", "safe"), tool("once"), tool("ask")]
        })
      )
    ).pipe(Effect.map((services) => Context.get(services, AgentLoop)))
  }
}

/** What the client does next, from what it sees: it has no memory of its own, as after a restart of its own process. */
const reply = (log: ReadonlyArray<SessionEvent>): ReadonlyArray<ClientEvent> => {
  const said = (text: string) => ({ type: "user.message", content: [{ type: "text", text }] }) as const
  if (log.length === 0) return [said("go"), said("and hurry")]
  const last = log.at(-1)!
  if (last.type !== "session.status_idle" || last.stop_reason.type !== "requires_action") return []
  return last.stop_reason.event_ids.map((id) =>
    log.some((event) => event.id === id && event.type === "agent.custom_tool_use")
      ? { type: "user.custom_tool_result", custom_tool_use_id: id, content: [{ type: "text", text: "sunny" }] }
      : { type: "user.tool_confirmation", tool_use_id: id, result: "allow" }
  )
}

/** Lets the session come to its end, through one crash at the moment given, or none. */
const run = Effect.fnUntraced(function* (fatal: number) {
  const world = new World(fatal)
  const durable = Context.get(yield* Layer.build(Memory.storage), Storage)
  yield* durable.putRecord(session)
  const log = Effect.map(durable.log(0, 1_000), (entries) => entries.map(({ event }) => event))
  while (true) {
    world.isDead = false
    const agent = yield* world.process(durable)
    const life = Effect.gen(function* () {
      yield* agent.run
      for (let events = reply(yield* log); events.length > 0; events = reply(yield* log)) {
        yield* agent.send(events)
        yield* agent.run
      }
      return true
    })
    const fiber = yield* Effect.forkDetach(life)
    const ended = Effect.sync(() => fiber.pollUnsafe())
    while ((yield* ended) === undefined && !world.isDead) {
      yield* Effect.andThen(TestClock.adjust("1 second"), Effect.yieldNow)
    }
    const exit = yield* ended
    if (exit === undefined) continue
    if (Exit.isFailure(exit)) return yield* Effect.die(Cause.squash(exit.cause))
    const { state } = yield* agent.snapshot
    yield* Effect.provide(replays, [Layer.succeed(Storage, durable), BlobsMemory.layer])
    return { world, state, log: yield* log }
  }
})

const unknown = "interrupted: whether it took effect is not known"

/** The log with ids in their order of appearance and no times; results that belong to one answer are in the order of its calls. */
const normalised = (log: ReadonlyArray<SessionEvent>) => {
  const calls = log.flatMap((event) => (event.type === "agent.tool_use" ? [event] : []))
  const place = (event: SessionEvent) =>
    event.type === "agent.tool_result" ? calls.findIndex(({ id }) => id === event.tool_use_id) : -1
  const sorted: Array<SessionEvent> = []
  for (const event of log) {
    let at = sorted.length
    while (event.type === "agent.tool_result" && at > 0 && place(sorted[at - 1]!) > place(event)) at--
    sorted.splice(at, 0, event)
  }
  const ids: Array<string> = []
  const order = (id: string) => `#${ids.includes(id) ? ids.indexOf(id) : ids.push(id) - 1}`
  return sorted.map((event) => {
    const label = event.type === "agent.tool_result" ? JSON.stringify(calls[place(event)]!.input["label"]) : ""
    const settled = known.has(label) && JSON.stringify(event).includes(unknown)
    const text = settled
      ? JSON.stringify({ ...event, content: [{ type: "text", text: known.get(label) }], is_error: false })
      : JSON.stringify(event)
    return text
      .replaceAll(/"(processed_at|request_hash)":"[^"]*"/g, '"$1":"-"')
      .replaceAll(/,"started_at":"[^"]*"/g, "")
      .replaceAll(/sevt_\w+/g, order)
  })
}

/** What the tools that may not run twice answer, by their input. */
const known = new Map([
  ['"c"', "c"],
  ['"asked"', "asked"]
])

/** More than there are: each process that takes over adds a few. */
const most = 200

describe("a session that is killed", () => {
  it.effect(
    "at any write, in any model request and in any tool call ends as if nothing had happened",
    () =>
      Effect.gen(function* () {
        const undisturbed = yield* run(0)
        const expected = normalised(undisturbed.log)
        const { moments } = undisturbed.world
        assert.isAbove(moments, 60)
        assert.isBelow(moments, most)
        const types = new Set(undisturbed.log.map(({ type }) => type))
        for (const type of [
          "agent.thread_context_compacted",
          "session.error",
          "agent.custom_tool_use",
          "session.structured_output_reminder",
          "agent.structured_output"
        ] as const) {
          assert.isTrue(types.has(type), `the session meets ${type}`)
        }
        for (let fatal = 1; fatal <= moments; fatal++) {
          const { log, state, world } = yield* run(fatal)
          const where = `killed at moment ${fatal}`
          assert.deepStrictEqual(normalised(log), expected, where)
          assert.deepStrictEqual(
            [state.status, state.calls, state.queue, state.isRequesting],
            ["idle", [], [], false],
            where
          )
          assert.deepStrictEqual<unknown>(state.structuredOutput?.value, { well: true }, where)
          const results = log.flatMap((event) => (event.type === "agent.tool_result" ? [event] : []))
          for (const use of log.flatMap((event) => (event.type === "agent.tool_use" ? [event] : []))) {
            if (use.name === "structured_output") continue
            const its = world.effects.filter(({ label }) => label === use.input["label"])
            const isUnknown = results.some(
              ({ tool_use_id, content }) => tool_use_id === use.id && content[0]?.text === unknown
            )
            const effects = use.name === "safe" ? new Set(its.map(({ key }) => key)).size : its.length
            if (isUnknown) assert.isAtMost(effects, 1, where)
            else assert.strictEqual(effects, 1, `${where}: ${use.name}`)
          }
        }
      }).pipe(Effect.scoped),
    // A whole session for each moment, each of them run again: a busy machine takes its time.
    60_000
  )
})
