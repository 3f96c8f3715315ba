import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Catalog } from "../../src/Catalog.ts"
import { Mailboxes } from "../../src/Mailboxes.ts"
import { Storage } from "../../src/Storage.ts"
import { Tasks } from "../../src/Tasks.ts"
import type { Verdict } from "../../src/triggers/MailConsumer.ts"
import { Workspace } from "../../src/Workspace.ts"
import { write } from "../support/mail.ts"
import { agent, environment, mailbox } from "../support/records.ts"
import { type Process, start, stores, World } from "../support/taskWorld.ts"

/** Mail that comes up to five times, in any order, to a process that is killed at any of its steps: each mail is one task and has one answer. */

const box = mailbox("1", {
  address: "support@agents.example.com",
  environment_id: "env_1",
  allowed_senders: ["*@example.com"]
})

const withFile = {
  headers: { "Content-Type": "multipart/mixed; boundary=x" },
  body: '--x\nContent-Type: text/plain\n\nsee\n--x\nContent-Disposition: attachment; filename="a.txt"\n\ncontent\n--x--'
}

/** The second answers the first. */
const letters = [
  { to: box.address, id: "<1@example.com>", ...withFile },
  { to: box.address, id: "<2@example.com>", headers: { References: "<1@example.com>" } },
  { to: box.address, id: "<3@example.com>", from: "bob@example.com" }
].map((letter) => ({ ...letter, raw: new TextEncoder().encode(write(letter)) }))

/** The same for the same seed. */
const order = (seed: number) => (seed === 1 ? [0, 0, 1, 2, 1] : [1, 2, 0, 0, 1, 2, 0, 0, 0])

const run = Effect.fnUntraced(function* (seed: number, fatal: number) {
  const home = yield* Effect.scope
  const world = new World(fatal)
  const kept = yield* stores
  const catalog = Context.get(kept, Catalog)
  const mailboxes = Context.get(kept, Mailboxes)
  yield* catalog.addAgentVersion(agent("1", { model: { id: "local/main" } }))
  yield* catalog.putEnvironment(environment("1"))
  yield* mailboxes.add(box)

  let scope = yield* Scope.make()
  let process: Process = yield* Effect.provideService(start(world, kept, home), Scope.Scope, scope)

  /** Until it is over, or the process is dead. */
  const attempt = Effect.fnUntraced(function* (work: (process: Process) => Effect.Effect<void>) {
    const fiber = yield* Effect.forkIn(work(process), scope)
    for (let turn = 0; turn < 200 && fiber.pollUnsafe() === undefined && !process.life.isDead; turn++) {
      yield* TestClock.adjust("10 millis")
    }
    if (!process.life.isDead) return
    scope = yield* Scope.make()
    process = yield* Effect.provideService(start(world, kept, home), Scope.Scope, scope)
  })

  for (const place of order(seed)) {
    const { from = "ada@example.com", raw, to } = letters[place]!
    const verdicts: Array<Verdict> = []
    const arrived = { from, to, size: raw.length, raw: Effect.succeed(raw) }
    // A server whose mail was not taken sends it again.
    while (verdicts.length === 0) {
      yield* attempt(({ receive }) =>
        receive(arrived).pipe(
          Effect.map((verdict) => void verdicts.push(verdict)),
          Effect.orDie
        )
      )
    }
    assert.strictEqual(verdicts[0]?.type, "accepted")
  }
  for (let minute = 0; minute < 12; minute++) {
    yield* attempt(({ ring }) => ring)
    yield* attempt(({ sweep }) => sweep)
    yield* TestClock.adjust("30 seconds")
  }
  const accepted = yield* mailboxes.mails({ limit: 100, status: "accepted" })
  const tasks = yield* Context.get(kept, Tasks).tasks({ limit: 100 })
  return { world, accepted, tasks }
})

const check = Effect.fnUntraced(function* (
  { accepted, tasks, world }: Effect.Success<ReturnType<typeof run>>,
  what: string
) {
  const byMessage = (id: string) => accepted.find(({ message_id }) => message_id === id)
  assert.sameMembers(
    accepted.map(({ message_id }) => message_id),
    letters.map(({ id }) => id),
    what
  )
  assert.lengthOf(tasks, 3, what)
  const [first, second, third] = letters.map(({ id }) => byMessage(id))
  assert.notStrictEqual(third?.session_id, first?.session_id, what)
  // Who comes first begins the thread; the other goes on with it, where it could know.
  if (first!.id < second!.id) assert.strictEqual(second?.session_id, first?.session_id, what)
  for (const mail of accepted) {
    const task = tasks.find(({ id }) => id === mail.task_id)
    assert.strictEqual(task?.idempotency_key, `mail:${mail.id}`, what)
    assert.strictEqual(task?.status, "succeeded", what)
    assert.strictEqual(task?.session_id, mail.session_id, what)
    const { services } = world.sessions.get(mail.session_id!)!
    const log = yield* Context.get(services, Storage).log(0, 100)
    // Read twice: when it came, and when it was taken in.
    const told = log.filter(({ event }) => event.type === "user.message" && event.task?.id === task?.id)
    assert.lengthOf(told, 2, what)
    const answers = world.mails.filter(({ headers }) => headers["In-Reply-To"] === mail.message_id)
    assert.isAbove(answers.length, 0, what)
    assert.strictEqual(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1, what)
    assert.strictEqual(answers[0]?.to, mail.from.address, what)
    assert.strictEqual(answers[0]?.text, "done", what)
    for (const { path } of mail.attachments) {
      const content = yield* Context.get(services, Workspace).read(`/workspace/${path}`)
      assert.strictEqual(new TextDecoder().decode(Option.getOrThrow(content)).trim(), "content", what)
    }
  }
})

describe("mail that comes again, to a process that dies", () => {
  for (const seed of [1, 2]) {
    it.effect(
      `is taken once and answered, wherever it dies (order ${seed})`,
      () =>
        Effect.gen(function* () {
          const undisturbed = yield* Effect.scoped(run(seed, Infinity))
          yield* check(undisturbed, "with no kill")
          const { moments } = undisturbed.world
          assert.isAbove(moments, 100)
          for (let fatal = seed; fatal <= moments; fatal += seed === 1 ? 1 : 4) {
            yield* check(yield* Effect.scoped(run(seed, fatal)), `killed at step ${fatal} of ${moments}`)
          }
        }),
      120_000
    )
  }
})
