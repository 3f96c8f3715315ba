import assert from "node:assert/strict"
import { Effect, Option } from "effect"
import { ApprovalLinks } from "../src/ApprovalLinks.ts"
import { Mailboxes } from "../src/Mailboxes.ts"
import type { Contract } from "./support/contract.ts"
import { approvalLink, mail, mailbox } from "./support/records.ts"

const all = { limit: 100 }
const ids = Effect.map((items: ReadonlyArray<{ readonly id: string }>) => items.map(({ id }) => id))
const at = (day: number) => `2026-11-${day}T12:00:00.000Z`
const box = mailbox("1").id

export const contract: Contract<Mailboxes | ApprovalLinks> = {
  "an address is one mailbox": Effect.gen(function* () {
    const mailboxes = yield* Mailboxes
    const first = mailbox("1", { address: "a@x.example" })
    assert.equal(yield* mailboxes.add(first), true)
    assert.equal(yield* mailboxes.add(mailbox("2", { address: "a@x.example" })), false)
    assert.deepEqual(yield* mailboxes.mailboxAt("a@x.example"), Option.some(first))
    assert.deepEqual(yield* mailboxes.mailboxAt("b@x.example"), Option.none())
    assert.deepEqual(yield* mailboxes.mailbox(mailbox("2").id), Option.none())
    const archived = { ...first, archived_at: at(25) }
    yield* mailboxes.put(archived)
    assert.deepEqual(yield* mailboxes.mailbox(first.id), Option.some(archived))
    // Archived, it keeps its address.
    assert.equal(yield* mailboxes.add(mailbox("3", { address: "a@x.example" })), false)
  }),

  "mailboxes are listed newest first, archived ones where they are asked for": Effect.gen(function* () {
    const mailboxes = yield* Mailboxes
    yield* mailboxes.add(mailbox("1"))
    yield* mailboxes.add(mailbox("2", { archived_at: at(24) }))
    yield* mailboxes.add(mailbox("3"))
    assert.deepEqual(yield* ids(mailboxes.mailboxes({ ...all, includeArchived: false })), ["mbox_3", "mbox_1"])
    assert.deepEqual(yield* ids(mailboxes.mailboxes({ limit: 1, after: "mbox_3", includeArchived: true })), ["mbox_2"])
  }),

  "an accepted mail is there once, a refused one each time": Effect.gen(function* () {
    const mailboxes = yield* Mailboxes
    const refusal = { reason: "bounce", detail: "it is one" } as const
    const fields = { message_id: "<same@x>" }
    const first = mail("2", fields)
    yield* mailboxes.addMail(mail("1", { ...fields, status: "refused", refusal }))
    assert.deepEqual(yield* mailboxes.addMail(first), first)
    assert.deepEqual(yield* mailboxes.addMail(mail("3", fields)), first)
    yield* mailboxes.addMail(mail("4", { ...fields, status: "refused", refusal }))
    assert.deepEqual(yield* ids(mailboxes.mails(all)), ["mail_4", "mail_2", "mail_1"])
    // Another mailbox got it too.
    const other = mail("5", { ...fields, mailbox_id: mailbox("2").id })
    assert.deepEqual(yield* mailboxes.addMail(other), other)
    // One that was given up makes room.
    yield* mailboxes.putMail({ ...first, status: "refused", refusal })
    const again = mail("6", fields)
    assert.deepEqual(yield* mailboxes.addMail(again), again)
  }),

  "mails are listed newest first, of a mailbox, session or status, without their texts": Effect.gen(function* () {
    const mailboxes = yield* Mailboxes
    yield* mailboxes.addMail(mail("1"))
    yield* mailboxes.addMail(mail("2", { mailbox_id: mailbox("2").id }))
    yield* mailboxes.addMail(mail("3", { session_id: null, status: "sent" }))
    assert.deepEqual(yield* ids(mailboxes.mails({ ...all, mailboxId: box })), ["mail_3", "mail_1"])
    assert.deepEqual(yield* ids(mailboxes.mails({ ...all, status: "accepted", limit: 1 })), ["mail_2"])
    const sessionId = mail("1").session_id!
    assert.deepEqual(yield* ids(mailboxes.mails({ ...all, sessionId, after: "mail_2" })), ["mail_1"])
    const [shown] = yield* mailboxes.mails(all)
    assert.equal(shown?.text, undefined)
    assert.deepEqual(yield* mailboxes.mail(mail("1").id), Option.some(mail("1")))
  }),

  "a mail is found by its message, the last named first, and by its thread": Effect.gen(function* () {
    const mailboxes = yield* Mailboxes
    yield* mailboxes.addMail(mail("1", { thread: "one" }))
    yield* mailboxes.addMail(mail("2", { thread: "one", status: "sent" }))
    yield* mailboxes.addMail(mail("3", { thread: "one", status: "refused" }))
    yield* mailboxes.addMail(mail("4", { mailbox_id: mailbox("2").id }))
    const find = (...names: ReadonlyArray<string>) =>
      Effect.map(
        mailboxes.byMessage(
          box,
          names.map((name) => `<${name}@example.com>`)
        ),
        Option.map(({ id }) => id)
      )
    assert.deepEqual(yield* find("1", "2", "3", "4", "none"), Option.some("mail_2"))
    assert.deepEqual(yield* find("2", "1"), Option.some("mail_1"))
    assert.deepEqual(yield* find("3", "4"), Option.none())
    assert.deepEqual(yield* find(), Option.none())
    assert.deepEqual(
      Option.map(yield* mailboxes.latestOf("one"), ({ id }) => id),
      Option.some("mail_2")
    )
    assert.deepEqual(yield* mailboxes.latestOf("two"), Option.none())
  }),

  "what a mailbox accepted is counted, and what it refused is forgotten": Effect.gen(function* () {
    const mailboxes = yield* Mailboxes
    yield* mailboxes.addMail(mail("1", { created_at: at(20) }))
    yield* mailboxes.addMail(mail("2", { created_at: at(22) }))
    yield* mailboxes.addMail(mail("3", { created_at: at(23), status: "sent" }))
    yield* mailboxes.addMail(mail("4", { created_at: at(20), status: "refused" }))
    yield* mailboxes.addMail(mail("5", { created_at: at(23), status: "refused" }))
    assert.equal(yield* mailboxes.acceptedSince(box, at(22)), 1)
    assert.equal(yield* mailboxes.acceptedSince(box, at(10)), 2)
    yield* mailboxes.deleteRefusedBefore(at(22))
    assert.deepEqual(yield* ids(mailboxes.mails(all)), ["mail_5", "mail_3", "mail_2", "mail_1"])
  }),

  "a link takes one answer, and is forgotten once it is past": Effect.gen(function* () {
    const links = yield* ApprovalLinks
    const link = approvalLink("1", { expires_at: at(24) })
    yield* links.add(link)
    yield* links.add({ ...link, expires_at: at(28) })
    assert.deepEqual(yield* links.link(link.id), Option.some(link))
    const answer = { result: "deny", at: at(23) } as const
    assert.equal(yield* links.answer(link.id, answer), true)
    assert.equal(yield* links.answer(link.id, { result: "allow", at: at(24) }), false)
    assert.deepEqual(yield* links.link(link.id), Option.some({ ...link, answer }))
    assert.equal(yield* links.answer(approvalLink("2").id, answer), false)
    yield* links.add(approvalLink("3", { expires_at: at(26) }))
    yield* links.deleteBefore(at(25))
    assert.deepEqual(yield* links.link(link.id), Option.none())
    assert.deepEqual(yield* links.link(approvalLink("3").id), Option.some(approvalLink("3", { expires_at: at(26) })))
  })
}
