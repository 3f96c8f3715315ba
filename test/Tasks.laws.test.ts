import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Catalog } from "../src/Catalog.ts"
import type { SessionId } from "../src/domain/Ids.ts"
import type { Task } from "../src/domain/Task.ts"
import { Storage } from "../src/Storage.ts"
import { Tasks } from "../src/Tasks.ts"
import { agent, environment } from "./support/records.ts"
import { delivered, type Process, start, stores, World } from "./support/taskWorld.ts"

/**
 * Messages that come up to five times, in any order, to a process that is killed at any of its steps: one session and one outcome for each
 * key, whatever happens.
 */

const body = (key: string) => ({
  agent: "agent_1",
  environment_id: "env_1",
  input: `do ${key}`,
  idempotency_key: key,
  reply_to: { type: "queue", queue: "REPLIES" }
})

const thread = "sesn_thread" as SessionId

/** One without a key, whose key is the message's own id, and one that is no task. */
const messages = [
  { id: "a", body: body("a") },
  { id: "b", body: body("b") },
  { id: "c", body: { ...body("c"), idempotency_key: null } },
  { id: "d", body: { input: "for nobody" } },
  // These two share a session, as the mails of a thread do.
  { id: "e", body: body("e"), continues: thread },
  { id: "f", body: body("f"), continues: thread }
]

/** The same for the same seed. */
const random = (seed: number) => {
  let state = seed
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const shuffled = (seed: number) => {
  const next = random(seed)
  const all = messages.flatMap((message) => Array.from({ length: 1 + next(5) }, () => message))
  for (let at = all.length - 1; at > 0; at--) {
    const other = next(at + 1)
    const [one, two] = [all[at]!, all[other]!]
    all[at] = two
    all[other] = one
  }
  return all
}

/** Delivers everything, with the process killed at a moment and started again, and lets time pass until nothing is left to do. */
const run = Effect.fnUntraced(function* (seed: number, fatal: number) {
  const home = yield* Effect.scope
  const world = new World(fatal)
  const kept = yield* stores
  const catalog = Context.get(kept, Catalog)
  const tasks = Context.get(kept, Tasks)
  yield* catalog.addAgentVersion(agent("1", { model: { id: "local/main" } }))
  yield* catalog.putEnvironment(environment("1"))

  let scope = yield* Scope.make()
  let process: Process = yield* Effect.provideService(start(world, kept, home), Scope.Scope, scope)

  const restart = Effect.gen(function* () {
    // What is left of the dead process waits for ever, and nobody waits for it.
    scope = yield* Scope.make()
    process = yield* Effect.provideService(start(world, kept, home), Scope.Scope, scope)
  })

  /** Until it is over, or the process is dead. */
  const attempt = Effect.fnUntraced(function* (work: (process: Process) => Effect.Effect<void>) {
    const fiber = yield* Effect.forkIn(work(process), scope)
    for (let turn = 0; turn < 200 && fiber.pollUnsafe() === undefined && !process.life.isDead; turn++) {
      yield* TestClock.adjust("10 millis")
    }
    if (process.life.isDead) yield* restart
  })

  const deliver = Effect.fnUntraced(function* (
    letter: { readonly id: string; readonly body: unknown; readonly continues?: SessionId },
    kind: "tasks" | "deadLetters"
  ) {
    const { continues } = letter
    if (continues !== undefined) {
      const taken: Array<Task> = []
      while (taken.length === 0) {
        yield* attempt((process) =>
          process.submit(letter.body, { key: letter.id, continues }).pipe(
            Effect.map((task) => void taken.push(task)),
            Effect.orDie
          )
        )
      }
      return
    }
    for (let attempts = 1; attempts <= 3; attempts++) {
      const message = delivered(letter, attempts)
      yield* attempt((process) => process[kind]([message]))
      if (!message.isLeft) return
    }
    assert.fail(`message ${letter.id} was never acknowledged`)
  })

  const all = shuffled(seed)
  for (const letter of all) yield* deliver(letter, "tasks")

  for (let minute = 0; minute < 12; minute++) {
    for (const letter of world.dead.splice(0)) yield* deliver(letter, "deadLetters")
    yield* attempt(({ ring }) => ring)
    yield* attempt(({ sweep }) => sweep)
    yield* TestClock.adjust("30 seconds")
    if (process.life.isDead) yield* restart
  }
  const found = (yield* tasks.tasks({ limit: 100 })).toReversed()
  const letters = yield* tasks.deadLetters({ limit: 100 })
  const logs = yield* Effect.forEach(
    [...world.sessions.values()],
    Effect.fnUntraced(function* ({ services }) {
      const storage = Context.get(services, Storage)
      const log = yield* storage.log(0, 100)
      return Option.toArray(Option.map(yield* storage.record, (record) => ({ ...record, log })))
    })
  )
  return { world, tasks: found, letters, sessions: logs.flat() }
})

const check = ({ world, tasks, letters, sessions }: Effect.Success<ReturnType<typeof run>>, what: string) => {
  assert.deepStrictEqual(
    tasks.map(({ idempotency_key }) => idempotency_key).toSorted(),
    ["a", "b", "e", "f", "queue:c"],
    what
  )
  for (const task of tasks) {
    const statuses = task.transitions.map(({ status }) => status)
    assert.deepStrictEqual(statuses, ["queued", "claimed", "running", "succeeded"], what)
    assert.strictEqual(task.outcome?.text, "done", what)
    const own = sessions.filter(({ id }) => id === task.session_id)
    assert.lengthOf(own, 1, what)
    if (task.continues === undefined) assert.strictEqual(own[0]?.task_id, task.id, what)
    else assert.strictEqual(task.session_id, thread, what)
    // Told once what to do, and read twice: when it came, and when it was taken in.
    const asked = own.flatMap(({ log }) =>
      log.filter(({ event }) => event.type === "user.message" && [undefined, task.id].includes(event.task?.id))
    )
    assert.lengthOf(asked, 2, what)
    const told = world.replies.filter(({ data }) => data.id === task.id)
    assert.isAbove(told.length, 0, what)
    assert.strictEqual(new Set(told.map((message) => JSON.stringify(message))).size, 1, what)
  }
  assert.lengthOf(sessions, 4, what)
  assert.lengthOf(letters, 1, what)
  for (const { message } of letters) assert.deepStrictEqual(message, messages[3]!.body, what)
}

describe("tasks whose messages come again, to a process that dies", () => {
  for (const seed of [1, 2]) {
    it.effect(
      `are done once each, wherever it dies (order ${seed})`,
      () =>
        Effect.gen(function* () {
          const undisturbed = yield* Effect.scoped(run(seed, Infinity))
          check(undisturbed, "with no kill")
          const { moments } = undisturbed.world
          assert.isAbove(moments, 60)
          // Of another order, some of the steps.
          for (let fatal = seed; fatal <= moments; fatal += seed === 1 ? 1 : 4) {
            check(yield* Effect.scoped(run(seed, fatal)), `killed at step ${fatal} of ${moments}`)
          }
        }),
      120_000
    )
  }
})
