import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Struct from "effect/Struct"
import type { ApprovalLink } from "../../src/domain/ApprovalLink.ts"
import type { Mail, Mailbox } from "../../src/domain/Mail.ts"
import { ApprovalLinks } from "../../src/ApprovalLinks.ts"
import { Mailboxes } from "../../src/Mailboxes.ts"
import { isShown, pageOf } from "./Pages.ts"

const mailboxes = (): Mailboxes["Service"] => {
  const boxes = new Map<string, Mailbox>()
  const mails = new Map<string, Mail>()
  const kept = () => [...mails.values()].filter(({ status }) => status !== "refused")

  return Mailboxes.of({
    add: Effect.fn("Mailboxes.add")(function* (mailbox) {
      if ([...boxes.values()].some(({ address }) => address === mailbox.address)) return false
      boxes.set(mailbox.id, mailbox)
      return true
    }),
    put: Effect.fn("Mailboxes.put")(function* (mailbox) {
      boxes.set(mailbox.id, mailbox)
    }),
    mailbox: Effect.fn("Mailboxes.mailbox")(function* (id) {
      return Option.fromUndefinedOr(boxes.get(id))
    }),
    mailboxAt: Effect.fn("Mailboxes.mailboxAt")(function* (wanted) {
      return Option.fromUndefinedOr([...boxes.values()].find(({ address }) => address === wanted))
    }),
    mailboxes: Effect.fn("Mailboxes.mailboxes")(function* ({ includeArchived, ...page }) {
      return pageOf([...boxes.values()].filter(isShown(includeArchived)), page)
    }),

    addMail: Effect.fn("Mailboxes.addMail")(function* (mail) {
      const known = [...mails.values()].find(
        ({ mailbox_id, message_id, status }) =>
          status === "accepted" && mailbox_id === mail.mailbox_id && message_id === mail.message_id
      )
      if (mail.status === "accepted" && known !== undefined) return known
      mails.set(mail.id, mail)
      return mail
    }),
    putMail: Effect.fn("Mailboxes.putMail")(function* (mail) {
      mails.set(mail.id, mail)
    }),
    mail: Effect.fn("Mailboxes.mail")(function* (id) {
      return Option.fromUndefinedOr(mails.get(id))
    }),
    mails: Effect.fn("Mailboxes.mails")(function* ({ mailboxId, sessionId, status, ...page }) {
      const found = [...mails.values()]
        .filter(({ mailbox_id }) => mailboxId === undefined || mailbox_id === mailboxId)
        .filter(({ session_id }) => sessionId === undefined || session_id === sessionId)
        .filter((mail) => status === undefined || mail.status === status)
      return pageOf(found, page).map((mail) => Struct.omit(mail, ["text", "quoted", "signature"]))
    }),
    byMessage: Effect.fn("Mailboxes.byMessage")(function* (mailbox, messageIds) {
      const found = messageIds.map((id) =>
        kept().find(({ mailbox_id, message_id }) => mailbox_id === mailbox && message_id === id)
      )
      return Option.fromUndefinedOr(found.findLast((mail) => mail !== undefined))
    }),
    latestOf: Effect.fn("Mailboxes.latestOf")(function* (wanted) {
      const found = kept().filter(({ thread }) => thread === wanted)
      return Array.head(pageOf(found, { limit: 1 }))
    }),
    acceptedSince: Effect.fn("Mailboxes.acceptedSince")(function* (mailbox, time) {
      return kept().filter(
        ({ created_at, mailbox_id, status }) => status === "accepted" && mailbox_id === mailbox && created_at >= time
      ).length
    }),
    deleteRefusedBefore: Effect.fn("Mailboxes.deleteRefusedBefore")(function* (time) {
      for (const { id, created_at, status } of mails.values()) {
        if (status === "refused" && created_at < time) mails.delete(id)
      }
    })
  })
}

const approvalLinks = (): ApprovalLinks["Service"] => {
  const links = new Map<string, ApprovalLink>()
  return ApprovalLinks.of({
    add: Effect.fn("ApprovalLinks.add")(function* (link) {
      if (!links.has(link.id)) links.set(link.id, link)
    }),
    link: Effect.fn("ApprovalLinks.link")(function* (id) {
      return Option.fromUndefinedOr(links.get(id))
    }),
    answer: Effect.fn("ApprovalLinks.answer")(function* (id, answer) {
      const link = links.get(id)
      if (link === undefined || link.answer !== null) return false
      links.set(id, { ...link, answer })
      return true
    }),
    deleteBefore: Effect.fn("ApprovalLinks.deleteBefore")(function* (time) {
      for (const { id, expires_at } of links.values()) if (expires_at < time) links.delete(id)
    })
  })
}

export const layer: Layer.Layer<Mailboxes | ApprovalLinks> = Layer.sync(Mailboxes, mailboxes).pipe(
  Layer.merge(Layer.sync(ApprovalLinks, approvalLinks))
)
