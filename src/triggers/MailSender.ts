import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { Artifacts, outputs } from "../Artifacts.ts"
import { now } from "../domain/Common.ts"
import type { Delivery } from "../domain/Delivery.ts"
import { ApprovalLinkId, type MailId, nextMailId, type SessionId } from "../domain/Ids.ts"
import type { Mail, Mailbox } from "../domain/Mail.ts"
import { Outcome } from "../domain/Task.ts"
import { Mailboxes } from "../Mailboxes.ts"
import { headerText, referencesTo, replySubject, withThread } from "../mail/address.ts"
import { ownHeader } from "../mail/automatic.ts"
import { MailOut, type OutgoingFile, type OutgoingMail } from "../mail/MailOut.ts"
import type { StorageError } from "../Storage.ts"
import { type Attempt, failure } from "./Attempt.ts"
import { ApprovalRequests } from "./ApprovalRequests.ts"
import { approvalText } from "./approvalText.ts"
import { outcomeText } from "./mailText.ts"
import { TriggerSettings } from "./Settings.ts"

/** What a delivery by mail says: an outcome, an answer of the agent, or a question to a person. */
const Payload = Schema.Struct({
  data: Schema.Union([
    Schema.Struct({ outcome: Outcome }),
    Schema.Struct({ text: Schema.String, attachments: Schema.Array(Schema.String) }),
    Schema.Struct({ approval_link_id: ApprovalLinkId, titles: Schema.Array(Schema.String) })
  ])
})
const decodePayload = Schema.decodeUnknownOption(Payload)

/** Bytes of all files of one mail: the platform takes 5 MiB, in which Base64 is a third more. */
const maxFiles = 3.5 * 1024 * 1024
const maxCount = 20

/** Sends what leaves by mail. */
export class MailSender extends Context.Service<
  MailSender,
  { send(delivery: Delivery): Effect.Effect<Attempt, StorageError> }
>()("ownloop/triggers/MailSender") {
  static readonly layer: Layer.Layer<
    MailSender,
    never,
    ApprovalRequests | Artifacts | Mailboxes | MailOut | SecureRandom.SecureRandom | TriggerSettings
  > = Layer.effect(
    MailSender,
    Effect.gen(function* () {
      const artifacts = yield* Artifacts
      const mailboxes = yield* Mailboxes
      const out = yield* MailOut
      const approvals = yield* ApprovalRequests
      const { mail: settings } = yield* TriggerSettings
      const random = yield* SecureRandom.SecureRandom
      const nextId = Effect.provideService(nextMailId, SecureRandom.SecureRandom, random)

      /** As many as fit, and the paths of the others. */
      const read = Effect.fnUntraced(function* (session: SessionId | null, paths: ReadonlyArray<string>) {
        const files: Array<OutgoingFile> = []
        const left: Array<string> = []
        let size = 0
        for (const path of session === null ? [] : paths) {
          const content = files.length < maxCount ? yield* artifacts.get(session!, path) : Option.none()
          if (Option.isNone(content) || size + content.value.length > maxFiles) {
            left.push(path.slice(path.lastIndexOf("/") + 1))
            continue
          }
          size += content.value.length
          const name = headerText(path.slice(path.lastIndexOf("/") + 1))
          files.push({ name, mediaType: "application/octet-stream", content: content.value })
        }
        return { files, left }
      })

      const post = (mail: OutgoingMail) =>
        Effect.match(out.send(mail), {
          onFailure: ({ detail, isFinal }) => ({ ok: false, error: detail, retry: !isFinal }) as const,
          onSuccess: (messageId) => ({ ok: true, messageId }) as const
        })

      /** The thread's other mails name it. Where that cannot be noted, its address still leads back to the session. */
      const keep = Effect.fnUntraced(function* (sent: Mail) {
        yield* Effect.catch(mailboxes.addMail(sent), (error) => Effect.logError("a sent mail could not be kept", error))
      })

      const answer = Effect.fnUntraced(function* (
        delivery: Delivery,
        mail: Mail & { readonly thread: string },
        mailbox: Mailbox,
        { text, paths }: { readonly text: string; readonly paths: ReadonlyArray<string> }
      ) {
        const { files, left } = yield* read(delivery.session_id, paths)
        const missing = left.length === 0 ? [] : [`Too large to attach: ${left.join(", ")}`]
        const notes = [...missing, ...mail.warnings.map((warning) => `Note: ${warning}.`)]
        const references = referencesTo(mail)
        const from = withThread(mailbox.address, mail.thread)
        const outgoing: OutgoingMail = {
          from: { name: mailbox.address, address: from },
          to: mail.from.address,
          subject: replySubject(mail.subject),
          text: [text, ...notes].join("\n\n"),
          headers: {
            "In-Reply-To": mail.message_id,
            References: references.join(" "),
            "Auto-Submitted": "auto-replied",
            [ownHeader]: delivery.session_id ?? "none"
          },
          files
        }
        const result = yield* post(outgoing)
        if (!result.ok) return result
        yield* keep({
          type: "mail",
          id: yield* nextId,
          status: "sent",
          refusal: null,
          mailbox_id: mailbox.id,
          thread: mail.thread,
          session_id: mail.session_id,
          task_id: delivery.task_id,
          message_id: result.messageId,
          references,
          from: outgoing.from,
          to: outgoing.to,
          subject: outgoing.subject,
          text: outgoing.text,
          attachments: [],
          warnings: [],
          created_at: yield* now
        })
        return { ok: true } as const
      })

      const toMail = Effect.fnUntraced(function* (delivery: Delivery, id: MailId) {
        const payload = decodePayload(delivery.payload)
        const mail = yield* mailboxes.mail(id)
        if (Option.isNone(mail) || mail.value.thread === null || mail.value.mailbox_id === null) {
          return failure(`there is no mail ${id} to answer`, false)
        }
        const mailbox = yield* mailboxes.mailbox(mail.value.mailbox_id)
        if (Option.isNone(mailbox) || Option.isNone(payload)) return failure("its mailbox does not exist", false)
        const { data } = payload.value
        if ("approval_link_id" in data) return failure("it asks nobody", false)
        const said =
          "outcome" in data
            ? { text: outcomeText(data.outcome), paths: data.outcome.artifacts.map(({ path }) => outputs + path) }
            : { text: data.text, paths: data.attachments }
        return yield* answer(delivery, { ...mail.value, thread: mail.value.thread }, mailbox.value, said)
      })

      const toApprover = Effect.fnUntraced(function* (delivery: Delivery, address: string) {
        const payload = decodePayload(delivery.payload)
        if (Option.isNone(payload) || !("approval_link_id" in payload.value.data))
          return failure("it asks nothing", false)
        if (Option.isNone(settings.domain)) return failure("OWNLOOP_MAIL_DOMAIN is not set")
        const { approval_link_id, titles } = payload.value.data
        const link = yield* approvals.link(approval_link_id)
        if (Option.isNone(link)) return failure("its link is not known any more", false)
        const url = yield* Effect.result(approvals.urlOf(link.value))
        if (Result.isFailure(url)) return failure(url.failure.detail)
        const asked = approvalText(link.value, titles, url.success)
        const result = yield* post({
          from: { name: "Ownloop", address: `no-reply@${settings.domain.value}` },
          to: address,
          subject: headerText(asked.subject),
          text: asked.text,
          headers: { "Auto-Submitted": "auto-generated", [ownHeader]: delivery.session_id ?? "none" },
          files: []
        })
        return result.ok ? ({ ok: true } as const) : result
      })

      return MailSender.of({
        send: Effect.fn("MailSender.send")(function* (delivery) {
          if (delivery.to.type === "mail") return yield* toMail(delivery, delivery.to.mail)
          if (delivery.to.type === "approver") return yield* toApprover(delivery, delivery.to.address)
          return failure("it does not leave by mail", false)
        })
      })
    })
  )
}
