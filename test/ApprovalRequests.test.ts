import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import * as Scripted from "../layers/model/Scripted.ts"
import { deployment, triggers } from "../layers/test.ts"
import { ApprovalLinkId, type SessionId } from "../src/domain/Ids.ts"
import { Sessions } from "../src/Sessions.ts"
import { ApprovalRequests } from "../src/triggers/ApprovalRequests.ts"
import { record, toolset } from "./support/records.ts"

const careful = { ...toolset, default_config: { enabled: true, permission_policy: { type: "always_ask" as const } } }
const session = record("1", { agent: { ...record("1").agent, tools: [careful] } })
const id = ApprovalLinkId.make("alnk_1")
const rootKey = `k1:${Buffer.alloc(32, 1).toString("base64")}`
const otherKey = `k2:${Buffer.alloc(32, 2).toString("base64")}`

const world = (config: Record<string, string>) =>
  triggers({ config }).pipe(
    Layer.provideMerge(
      deployment({
        model: Scripted.layer([Scripted.call("bash", { command: "echo hi" }), Scripted.say("done")])
      })
    )
  )

const all = { OWNLOOP_ROOT_KEY: rootKey, OWNLOOP_URL: "https://ownloop.example.com" }

/** A session that asks, and the link that was made of it. */
const ask = Effect.gen(function* () {
  const sessions = yield* Sessions
  const approvals = yield* ApprovalRequests
  yield* sessions.create(session, [{ type: "user.message", content: [{ type: "text", text: "go" }] }])
  let waiting = yield* approvals.waiting(session.id)
  while (waiting.length === 0) {
    yield* TestClock.adjust("1 second")
    waiting = yield* approvals.waiting(session.id)
  }
  const [first, ...rest] = waiting
  return yield* approvals.request(session.id, [first!, ...rest], id)
})

const tokenOf = (url: string) => url.slice(url.lastIndexOf("/") + 1)

const confirmed = (id: SessionId) =>
  Effect.map(
    Sessions.use((sessions) => sessions.events(id, { limit: 10, order: "asc", types: ["user.tool_confirmation"] })),
    (entries) => entries.length
  )

describe("a link", () => {
  it.effect("expires after a day, and answers nothing then", () =>
    Effect.gen(function* () {
      const approvals = yield* ApprovalRequests
      const link = yield* ask
      const token = tokenOf(yield* approvals.urlOf(link))
      assert.strictEqual((yield* approvals.open(token)).state, "open")
      assert.deepStrictEqual(yield* approvals.request(session.id, link.event_ids, id), link)
      yield* TestClock.adjust("24 hours")
      assert.strictEqual((yield* approvals.open(token)).state, "expired")
      assert.strictEqual((yield* approvals.answer(token, "allow")).state, "expired")
      assert.strictEqual(yield* confirmed(session.id), 0)
      assert.deepStrictEqual(Option.getOrThrow(yield* approvals.link(id)).answer, null)
    }).pipe(Effect.provide(world(all)))
  )

  it.effect("is signed by the first root key, and valid under every one that there still is", () =>
    Effect.gen(function* () {
      const approvals = yield* ApprovalRequests
      const link = yield* ask
      const url = yield* Effect.provide(
        ApprovalRequests.use(({ urlOf }) => urlOf(link)),
        Layer.fresh(world(all))
      )
      const [opened] = (yield* approvals.open(tokenOf(url))).questions
      assert.strictEqual(opened?.title, "Run the tool bash")
      assert.notStrictEqual(tokenOf(url), tokenOf(yield* approvals.urlOf(link)))
    }).pipe(Effect.provide(world({ ...all, OWNLOOP_ROOT_KEY: `${otherKey},${rootKey}` })))
  )

  for (const [name, config, reason] of [
    ["OWNLOOP_URL", { OWNLOOP_ROOT_KEY: rootKey }, /^OWNLOOP_URL is not set/],
    ["a root key", { OWNLOOP_URL: all.OWNLOOP_URL }, /^no link can be signed: OWNLOOP_ROOT_KEY is not set/]
  ] as const) {
    it.effect(`is none without ${name}`, () =>
      Effect.gen(function* () {
        const approvals = yield* ApprovalRequests
        const error = yield* Effect.flip(approvals.urlOf(yield* ask))
        assert.match(error.message, reason)
      }).pipe(Effect.provide(world(config)))
    )
  }
})

describe("the settings of mail", () => {
  for (const [name, value] of [
    ["OWNLOOP_MAIL_DOMAIN", "not a domain"],
    ["OWNLOOP_APPROVER", "ada"],
    ["OWNLOOP_URL", "http://ownloop.example.com"],
    ["OWNLOOP_URL", "https://ownloop.example.com/path"]
  ] as const) {
    it.effect(`are refused where ${name} is ${value}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Layer.build(world({ [name]: value })))
        assert.match(error.message, new RegExp(`^the setting ${name} is no`))
      }).pipe(Effect.scoped)
    )
  }
})
