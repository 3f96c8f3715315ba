import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Hex from "effect/encoding/Hex"
import { Artifacts } from "../Artifacts.ts"
import { now } from "../domain/Common.ts"
import { nextMailId, nextSessionId } from "../domain/Ids.ts"
import type { Mail, Mailbox, RefusalReason } from "../domain/Mail.ts"
import { Mailboxes } from "../Mailboxes.ts"
import {
  domainOf,
  isAddress,
  isAllowed,
  isThreadToken,
  messageIds,
  normalise,
  routeOf,
  threadToken,
  threadTokenBytes
} from "../mail/address.ts"
import { unproven } from "../mail/authentication.ts"
import { automatic } from "../mail/automatic.ts"
import { headersOf, MailReader, type ParsedMail } from "../mail/ParsedMail.ts"
import type { StorageError } from "../Storage.ts"
import { incoming, refused } from "./incomingMail.ts"
import { agentText } from "./mailText.ts"
import { TriggerSettings } from "./Settings.ts"
import { TaskRunner } from "./TaskRunner.ts"

/** A mail as the platform hands it over. */
export interface ArrivedMail {
  /** Who is told where it fails: empty where it is such a message itself. */
  readonly from: string
  readonly to: string
  /** Bytes. */
  readonly size: number
  readonly raw: Effect.Effect<Uint8Array, StorageError>
}

/** What the sending server is told; `ignored` mail is taken, so that nothing goes back to a machine. */
export type Verdict = { readonly type: "accepted" | "ignored" } | { readonly type: "rejected"; readonly reason: string }

/** Bytes of a mail: as many as a file of a workspace may have. */
const maxSize = 10 * 1024 * 1024

const hour = 60 * 60 * 1000

/** The server whose word about senders counts: that of Cloudflare's Email Routing, which hands mail to the Worker. */
const mailServer = "mx.cloudflare.net"

/** Whoever sent these is no person who would read a rejection. */
const ignored: ReadonlyArray<RefusalReason> = ["bounce", "auto_reply", "mailing_list", "loop"]

interface Refusal {
  readonly reason: RefusalReason
  readonly detail: string
}

/** Handles mail that arrives: each becomes a task, or is refused and kept with the reason. */
export class MailConsumer extends Context.Service<
  MailConsumer,
  { receive(mail: ArrivedMail): Effect.Effect<Verdict, StorageError> }
>()("ownloop/triggers/MailConsumer") {
  static readonly layer: Layer.Layer<
    MailConsumer,
    never,
    Artifacts | Digest.Digest | Mailboxes | MailReader | SecureRandom.SecureRandom | TaskRunner | TriggerSettings
  > = Layer.effect(
    MailConsumer,
    Effect.gen(function* () {
      const artifacts = yield* Artifacts
      const digest = yield* Digest.Digest
      const mailboxes = yield* Mailboxes
      const reader = yield* MailReader
      const runner = yield* TaskRunner
      const random = yield* SecureRandom.SecureRandom
      const { mail: settings } = yield* TriggerSettings
      const nextMail = Effect.provideService(nextMailId, SecureRandom.SecureRandom, random)
      const nextSession = Effect.provideService(nextSessionId, SecureRandom.SecureRandom, random)

      /** Of a mail that names none, its content. */
      const messageIdOf = Effect.fnUntraced(function* (mail: ParsedMail, raw: Uint8Array) {
        const [id] = messageIds(headersOf(mail, "message-id").slice(0, 1))
        if (id !== undefined) return id
        const hash = yield* Effect.orDie(digest.digest(Digest.sha256, raw))
        return `<${Hex.encode(hash)}@no-message-id.invalid>`
      })

      const refuse = Effect.fnUntraced(function* (
        { reason, detail }: Refusal,
        arrived: ArrivedMail,
        mailbox: Option.Option<Mailbox>,
        mail?: ParsedMail
      ): Effect.fn.Return<Verdict, StorageError> {
        yield* Effect.logInfo("a mail was refused", { reason, detail })
        const head = { id: yield* nextMail, at: yield* now, mailbox: Option.getOrUndefined(mailbox) }
        yield* mailboxes.addMail(refused(arrived, mail, { reason, detail }, head))
        return ignored.includes(reason) ? { type: "ignored" } : { type: "rejected", reason: detail }
      })

      /** Why this mailbox does not take the mail of this sender. */
      const refusalOf = (arrived: ArrivedMail, mail: ParsedMail, mailbox: Mailbox): Refusal | null => {
        const machine = automatic(mail, { envelopeFrom: arrived.from, domain: domainOf(mailbox.address) })
        if (machine !== null) return machine
        const [sender, ...others] = mail.from
        const from = normalise(sender?.address ?? "")
        if (sender === undefined || others.length > 0 || !isAddress(from)) {
          return { reason: "unreadable", detail: "it does not come from one address" }
        }
        const detail = unproven(mail, from, mailServer)
        if (detail !== null) return { reason: "unauthenticated", detail }
        return isAllowed(mailbox.allowed_senders, from)
          ? null
          : { reason: "sender_not_allowed", detail: `${mailbox.address} takes no mail of ${from}` }
      }

      /** The thread that a mail belongs to: that of its address, or of the mails that it refers to; undefined where it begins one. */
      const threadOf = Effect.fnUntraced(function* (
        mailbox: Mailbox,
        token: string | null,
        references: ReadonlyArray<string>,
        sender: string
      ) {
        if (token === null) {
          const known = Option.getOrUndefined(yield* mailboxes.byMessage(mailbox.id, references))
          // Who only names a mail need not have seen it: the thread's own address is what others cannot know.
          const isTheirs = known !== undefined && (known.status === "sent" ? known.to : known.from.address) === sender
          return isTheirs ? { thread: known.thread, session_id: known.session_id } : undefined
        }
        const latest = isThreadToken(token) ? yield* mailboxes.latestOf(token) : Option.none()
        if (Option.isNone(latest) || latest.value.mailbox_id !== mailbox.id) return null
        return { thread: latest.value.thread, session_id: latest.value.session_id }
      })

      /** Repeated, for a mail that is delivered again, it does nothing twice. */
      const submit = Effect.fnUntraced(function* (mail: Mail, mailbox: Mailbox, parsed: ParsedMail, isNew: boolean) {
        if (mail.session_id === null || mail.task_id !== null) return
        for (const [place, { path }] of mail.attachments.entries()) {
          const file = parsed.files[place]
          if (file !== undefined) yield* artifacts.put(mail.session_id, path, file.content)
        }
        const { attachments, from, quoted = "", subject, text = "" } = mail
        const task = yield* runner.submit(
          {
            agent: mailbox.agent,
            environment_id: mailbox.environment_id,
            budget: mailbox.budget,
            input: agentText({ from, subject, text, attachments, quoted: isNew ? quoted : "" }),
            reply_to: { type: "mail", mail: mail.id }
          },
          { key: `mail:${mail.id}`, continues: mail.session_id, attachments }
        )
        yield* mailboxes.putMail({ ...mail, task_id: task.id })
      })

      const accept = Effect.fnUntraced(function* (
        arrived: ArrivedMail,
        parsed: ParsedMail,
        raw: Uint8Array,
        mailbox: Mailbox,
        token: string | null
      ): Effect.fn.Return<Verdict, StorageError> {
        const box = Option.some(mailbox)
        const message_id = yield* messageIdOf(parsed, raw)
        const references = messageIds([...headersOf(parsed, "references"), ...headersOf(parsed, "in-reply-to")])
        const before = Option.filter(
          yield* mailboxes.byMessage(mailbox.id, [message_id]),
          ({ status }) => status === "accepted"
        )
        const thread = yield* threadOf(mailbox, token, references, normalise(parsed.from[0]?.address ?? ""))
        if (thread === null) {
          return yield* refuse(
            { reason: "unknown_thread", detail: "there is no such conversation" },
            arrived,
            box,
            parsed
          )
        }
        if (Option.isNone(before)) {
          const since = new Date((yield* Clock.currentTimeMillis) - hour).toISOString()
          if ((yield* mailboxes.acceptedSince(mailbox.id, since)) >= mailbox.max_mails_per_hour) {
            const detail = `${mailbox.address} takes ${mailbox.max_mails_per_hour} mails in an hour`
            return yield* refuse({ reason: "rate_limited", detail }, arrived, box, parsed)
          }
        }
        const head = {
          id: yield* nextMail,
          at: yield* now,
          mailbox,
          message_id,
          references,
          thread: thread?.thread ?? threadToken(yield* random.randomBytes(threadTokenBytes)),
          session_id: thread?.session_id ?? (yield* nextSession)
        }
        const mail = yield* mailboxes.addMail(incoming(arrived, parsed, head))
        return yield* submit(mail, mailbox, parsed, thread === undefined).pipe(
          Effect.as<Verdict>({ type: "accepted" }),
          Effect.catchTag("TaskRefused", ({ detail }) =>
            Effect.gen(function* () {
              const refusal = { reason: "task_refused", detail } as const
              yield* mailboxes.putMail({ ...mail, status: "refused", refusal })
              return { type: "rejected", reason: `no session could be started: ${detail}` } as const
            })
          )
        )
      })

      const receive = Effect.fn("MailConsumer.receive")(function* (
        arrived: ArrivedMail
      ): Effect.fn.Return<Verdict, StorageError> {
        const route = routeOf(arrived.to)
        const isOurs = Option.isSome(settings.domain) && domainOf(route.mailbox) === settings.domain.value
        const found = isOurs ? yield* mailboxes.mailboxAt(route.mailbox) : Option.none()
        const box = Option.filter(found, ({ archived_at }) => archived_at === null)
        if (Option.isNone(box)) {
          return yield* refuse({ reason: "unknown_address", detail: "there is no such mailbox" }, arrived, box)
        }
        if (arrived.size > maxSize) {
          const detail = `it has ${arrived.size} bytes, of at most ${maxSize}`
          return yield* refuse({ reason: "too_large", detail }, arrived, box)
        }
        const raw = yield* arrived.raw
        const parsed = yield* Effect.option(reader.read(raw))
        if (Option.isNone(parsed)) {
          return yield* refuse({ reason: "unreadable", detail: "it cannot be read" }, arrived, box)
        }
        const refusal = refusalOf(arrived, parsed.value, box.value)
        if (refusal !== null) return yield* refuse(refusal, arrived, box, parsed.value)
        return yield* accept(arrived, parsed.value, raw, box.value, route.thread)
      })

      return MailConsumer.of({ receive })
    })
  )
}
