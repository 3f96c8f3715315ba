import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import PostalMime, { addressParser, type Attachment } from "postal-mime"
import { type MailFile, MailReader, MailUnreadable } from "../../src/mail/ParsedMail.ts"
import { toText } from "../../src/tools/Html.ts"

/** Parts in parts, and bytes of headers: far more than mail programs write. */
const limits = { maxNestingDepth: 30, maxHeadersSize: 256 * 1024, maxRfc822NestingDepth: 3 }

const utf8 = new TextEncoder()

const bytesOf = (content: Attachment["content"]) =>
  typeof content === "string" ? utf8.encode(content) : new Uint8Array(content)

const fileOf = ({ content, filename, mimeType }: Attachment): MailFile => ({
  name: filename,
  mediaType: mimeType,
  content: bytesOf(content)
})

const read = async (raw: Uint8Array) => {
  const mail = await PostalMime.parse(raw, limits)
  const headers = mail.headers.map(({ key, value }) => ({ name: key, value }))
  const from = headers
    .filter(({ name }) => name === "from")
    .flatMap(({ value }) => addressParser(value, { flatten: true }))
    .map(({ address = "", name }) => ({ name, address }))
  const text = mail.text ?? (mail.html === undefined ? "" : toText(mail.html))
  return { headers, from, subject: mail.subject ?? "", text, files: mail.attachments.map(fileOf) }
}

/** Mail read by postal-mime. */
export const layer: Layer.Layer<MailReader> = Layer.succeed(
  MailReader,
  MailReader.of({
    read: Effect.fn("MailReader.read")((raw) =>
      Effect.tryPromise({
        try: () => read(raw),
        catch: () => new MailUnreadable({ detail: "it is no mail that can be read" })
      })
    )
  })
)
