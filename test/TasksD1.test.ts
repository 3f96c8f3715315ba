import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { root } from "../scripts/config.ts"
import * as MailboxesD1 from "../layers/storage/MailboxesD1.ts"
import * as TasksD1 from "../layers/storage/TasksD1.ts"
import { ApprovalLinks } from "../src/ApprovalLinks.ts"
import { Deliveries } from "../src/Deliveries.ts"
import { Deployments } from "../src/Deployments.ts"
import { openStatuses } from "../src/domain/Task.ts"
import { Mailboxes } from "../src/Mailboxes.ts"
import { Tasks } from "../src/Tasks.ts"
import { toTask } from "../src/triggers/runs.ts"
import { Scheduler } from "../src/triggers/Scheduler.ts"
import { TaskRunner } from "../src/triggers/TaskRunner.ts"
import { approvalLink, delivery, deployment, mail, mailbox, session, task } from "./support/records.ts"

/** How SQLite would go about every statement of tasks, deliveries, mail and deployments: none reads a whole table, or sorts what it read. */

const database = new DatabaseSync(":memory:")
for (const file of readdirSync(join(root, "migrations")).sort()) {
  database.exec(readFileSync(join(root, "migrations", file), "utf8"))
}

const statements = new Set<string>()
/** In the order in which they were sent. */
const sent: Array<string> = []

/** Takes down what it is asked, and answers nothing. */
const db = {
  prepare: (sql: string) => {
    statements.add(sql)
    const statement = {
      bind: () => statement,
      all: async () => {
        sent.push(sql)
        return { results: [] }
      },
      first: async () => null,
      run: async () => ({ meta: { changes: 0 } })
    }
    return statement
  },
  batch: async (all: ReadonlyArray<unknown>) => all.map(() => ({ results: [] }))
} as unknown as D1Database

const at = "2026-11-24T12:00:00.000Z"
const page = { limit: 20, after: "x" }
const { id } = task("1")

const planOf = (sql: string) =>
  database
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .all()
    .map(({ detail }) => String(detail))

it.effect("no statement of tasks, deliveries, mail and deployments reads a whole table or sorts", () =>
  Effect.gen(function* () {
    const tasks = yield* Tasks
    const deliveries = yield* Deliveries
    const deployments = yield* Deployments
    const sesn = session("1").id
    yield* tasks.add(task("1"))
    yield* tasks.task(id)
    yield* tasks.tasks(page)
    yield* tasks.tasks({ ...page, agentId: "agent_1" })
    yield* tasks.tasks({ ...page, statuses: ["queued"], agentId: "agent_1" })
    yield* tasks.claim(sesn, { concurrency: 1, concurrencyPerAgent: 1 }, at)
    yield* tasks.change({
      id,
      from: openStatuses,
      session: sesn,
      seq: 1,
      status: "failed",
      at,
      reason: null,
      deliveries: [delivery("1")]
    })
    yield* tasks.end(id, "expired", at)
    yield* tasks.overdue(at, 10)
    yield* tasks.quiet({ before: at, limit: 10 }, at)
    yield* tasks.quietSessions({ before: at, limit: 10 }, at)
    yield* tasks.sweeps(page)
    yield* tasks.deadLetter("x")
    yield* tasks.deadLetters(page)
    yield* tasks.deleteNotesBefore(at)
    yield* deliveries.add([delivery("1")])
    yield* deliveries.take({ now: 0, leaseUntil: 1, limit: 10 })
    yield* deliveries.put(delivery("1", { status: "failed" }), null)
    yield* deliveries.delivery("x")
    yield* deliveries.deliveries(page)
    yield* deliveries.deliveries({ ...page, sessionId: sesn })
    yield* deliveries.deliveries({ ...page, taskId: id })
    yield* deliveries.deliveries({ ...page, status: "failed" })
    yield* deliveries.deleteBefore(at)
    const mailboxes = yield* Mailboxes
    const links = yield* ApprovalLinks
    yield* mailboxes.add(mailbox("1"))
    yield* mailboxes.put(mailbox("1"))
    yield* mailboxes.mailbox(mailbox("1").id)
    yield* mailboxes.mailboxAt("a@x.example")
    yield* mailboxes.mailboxes({ ...page, includeArchived: true })
    yield* mailboxes.addMail(mail("1"))
    yield* mailboxes.putMail(mail("1"))
    yield* mailboxes.mail(mail("1").id)
    yield* mailboxes.mails(page)
    yield* mailboxes.mails({ ...page, mailboxId: mailbox("1").id })
    yield* mailboxes.mails({ ...page, sessionId: sesn })
    yield* mailboxes.mails({ ...page, status: "refused" })
    yield* mailboxes.byMessage(mailbox("1").id, ["<1@x>"])
    yield* mailboxes.latestOf("thread")
    yield* mailboxes.acceptedSince(mailbox("1").id, at)
    yield* mailboxes.deleteRefusedBefore(at)
    yield* links.add(approvalLink("1"))
    yield* links.link(approvalLink("1").id)
    yield* links.answer(approvalLink("1").id, { result: "allow", at })
    yield* links.deleteBefore(at)
    assert.isAbove(statements.size, 40)
    const stored = { deployment: deployment("1"), next: null, lastRunAt: null }
    const run = toTask(stored.deployment, { id, trigger_context: { type: "manual" }, error: null, at })
    const cancels = { at, reason: "overlap" }
    yield* deployments.add(stored)
    yield* deployments.deployment(stored.deployment.id)
    yield* deployments.deployments({ ...page, includeArchived: false })
    yield* deployments.deployments({ ...page, includeArchived: true, agentId: "agent_1" })
    yield* deployments.deployments({ ...page, includeArchived: false, status: "active" })
    yield* deployments.pause(stored.deployment.id, { type: "manual" }, at)
    yield* deployments.due(0, 10)
    yield* deployments.fire([
      { id: stored.deployment.id, scheduledAt: 0, next: null, lastRunAt: at, runs: [run], isQueued: true, cancels }
    ])
    yield* deployments.run(id)
    yield* deployments.runs(page)
    yield* deployments.runs({ ...page, deploymentId: stored.deployment.id })
    yield* deployments.runs({ ...page, hasError: true })
    assert.isAbove(statements.size, 30)
    for (const sql of statements) {
      const scans = planOf(sql).filter((step) => /^SCAN (?!agents|CONSTANT)|TEMP B-TREE/.test(step))
      assert.deepStrictEqual(scans, [], sql)
    }
  }).pipe(Effect.provide([TasksD1.layer(db), MailboxesD1.layer(db)]))
)

it.effect("a tick with nothing due is one query, of the index of what is due, however many schedules there are", () =>
  Effect.gen(function* () {
    sent.length = 0
    yield* Scheduler.use(({ tick }) => tick)
    assert.lengthOf(sent, 1)
    assert.include(planOf(sent[0]!)[0], "SEARCH deployments USING INDEX deployments_due")
  }).pipe(
    Effect.provide(
      Scheduler.layer.pipe(
        Layer.provide([
          TasksD1.layer(db),
          Layer.mock(TaskRunner, { dispatch: Effect.void }),
          SecureRandom.layerWebCrypto
        ])
      )
    )
  )
)
