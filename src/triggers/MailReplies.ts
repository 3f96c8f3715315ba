import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Artifacts } from "../Artifacts.ts"
import { now } from "../domain/Common.ts"
import type { SessionId } from "../domain/Ids.ts"
import { Deliveries } from "../Deliveries.ts"
import { Mailboxes } from "../Mailboxes.ts"
import type { MailFile } from "../mail/ParsedMail.ts"
import type { StorageError } from "../Storage.ts"
import { ToolFailure } from "../tools/defineTool.ts"
import { Deliverer } from "./Deliver.ts"
import { mailReply } from "./messages.ts"

/** What an agent writes to the person whose mail its session works on. */
export interface MailReply {
  readonly session: SessionId
  /** Of the call that wrote it: it is sent once, however often that runs. */
  readonly key: string
  readonly text: string
  readonly files: ReadonlyArray<Pick<MailFile, "content"> & { readonly name: string }>
}

/** Answers mail on behalf of agents. */
export class MailReplies extends Context.Service<
  MailReplies,
  {
    /** Answers, in words for the agent, whether the mail is on its way. */
    reply(reply: MailReply): Effect.Effect<string, ToolFailure | StorageError>
  }
>()("ownloop/triggers/MailReplies") {
  static readonly layer: Layer.Layer<MailReplies, never, Artifacts | Deliverer | Deliveries | Mailboxes> = Layer.effect(
    MailReplies,
    Effect.gen(function* () {
      const artifacts = yield* Artifacts
      const deliverer = yield* Deliverer
      const deliveries = yield* Deliveries
      const mailboxes = yield* Mailboxes

      return MailReplies.of({
        reply: Effect.fn("MailReplies.reply")(function* ({ files, key, session, text }) {
          const call = key.slice(key.lastIndexOf("_") + 1)
          const [mail] = yield* mailboxes.mails({ sessionId: session, status: "accepted", limit: 1 })
          if (mail === undefined) return yield* new ToolFailure({ message: "there is no mail to answer" })
          const attachments = files.map(({ name }) => `mail/sent/${call}/${name}`)
          yield* Effect.forEach(files, ({ content }, place) => artifacts.put(session, attachments[place]!, content), {
            discard: true
          })
          const delivery = mailReply(session, call, mail.id, { text, attachments }, yield* now)
          yield* deliveries.add([delivery])
          yield* deliverer.deliver(session)
          const { last_error, status } = Option.getOrElse(yield* deliveries.delivery(delivery.id), () => delivery)
          if (status === "delivered") return `The mail to ${mail.from.address} was sent.`
          if (status === "failed") return yield* new ToolFailure({ message: `the mail was not sent: ${last_error}` })
          return `The mail to ${mail.from.address} is on its way.`
        })
      })
    })
  )
}
