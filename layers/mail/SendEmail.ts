import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import { maskAnthropicKeys } from "../../src/domain/AnthropicKey.ts"
import { MailNotSent, MailOut, type OutgoingMail } from "../../src/mail/MailOut.ts"

/** What is wrong with the mail itself, or with whom it is for: it stays so. */
const final = /^E_(VALIDATION|FIELD|TOO_MANY|CONTENT|HEADER|RECIPIENT)/

const failed = (cause: unknown) => {
  const code = Predicate.hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : ""
  const message = cause instanceof Error ? cause.message : "it was not sent"
  const detail = maskAnthropicKeys(`${code} ${message}`.trim()).slice(0, 500)
  return new MailNotSent({ detail, isFinal: final.test(code) })
}

const toBuilder = ({ files, from, headers, subject, text, to }: OutgoingMail): EmailMessageBuilder => ({
  from: { name: from.name, email: from.address },
  to,
  subject,
  text,
  headers: { ...headers },
  ...(files.length === 0
    ? {}
    : {
        attachments: files.map(({ content, mediaType, name }) => ({
          disposition: "attachment" as const,
          filename: name,
          type: mediaType,
          content
        }))
      })
})

/** Mail sent by Cloudflare, which writes its MIME. Without the binding none is sent. */
export const layer = (binding: SendEmail | undefined): Layer.Layer<MailOut> =>
  Layer.succeed(
    MailOut,
    MailOut.of({
      send: Effect.fn("MailOut.send")((mail) =>
        binding === undefined
          ? Effect.fail(new MailNotSent({ detail: "the binding EMAIL is missing", isFinal: false }))
          : Effect.map(
              Effect.tryPromise({ try: () => binding.send(toBuilder(mail)), catch: failed }),
              ({ messageId }) => (messageId.startsWith("<") ? messageId : `<${messageId}>`)
            )
      )
    })
  )
