import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { root } from "../scripts/config.ts"
import * as MailboxesD1 from "../layers/storage/MailboxesD1.ts"
import * as TasksD1 from "../layers/storage/TasksD1.ts"
import { ApprovalLinks } from "../src/ApprovalLinks.ts"
import { Deliveries } from "../src/Deliveries.ts"
import { openStatuses } from "../src/domain/Task.ts"
import { Mailboxes } from "../src/Mailboxes.ts"
import { Tasks } from "../src/Tasks.ts"
import { approvalLink, delivery, mail, mailbox, session, task } from "./support/records.ts"

/** How SQLite would go about every statement of tasks, deliveries and mail: none reads a whole table, or sorts what it read. */

const database = new DatabaseSync(":memory:")
for (const file of readdirSync(join(root, "migrations")).sort()) {
  database.exec(readFileSync(join(root, "migrations", file), "utf8"))
}

const statements = new Set<string>()

/** Takes down what it is asked, and answers nothing. */
const db = {
  prepare: (sql: string) => {
    statements.add(sql)
    const statement = {
      bind: () => statement,
      all: async () => ({ results: [] }),
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

it.effect("no statement of tasks, deliveries and mail reads a whole table or sorts", () =>
  Effect.gen(function* () {
    const tasks = yield* Tasks
    const deliveries = yield* Deliveries
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
    for (const sql of statements) {
      const plan = database
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(({ detail }) => String(detail))
      const scans = plan.filter((step) => /^SCAN (?!agents|CONSTANT)|TEMP B-TREE/.test(step))
      assert.deepStrictEqual(scans, [], sql)
    }
  }).pipe(Effect.provide([TasksD1.layer(db), MailboxesD1.layer(db)]))
)
