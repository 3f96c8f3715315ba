import { mask, maskEverywhere } from "../domain/AnthropicKey.ts"
import type { Timestamp } from "../domain/Common.ts"
import type { Attachment } from "../domain/Event.ts"
import type { MailId } from "../domain/Ids.ts"
import type { Mail, Mailbox } from "../domain/Mail.ts"
import { headerText, normalise } from "../mail/address.ts"
import { headersOf, type MailFile, type ParsedMail } from "../mail/ParsedMail.ts"
import { split } from "../mail/quoted.ts"
import type { ArrivedMail } from "./MailConsumer.ts"

/** What is kept of a mail that arrived. */

interface Head {
  readonly id: MailId
  readonly at: Timestamp
  readonly mailbox: Mailbox | undefined
}

/** Characters of a mail that its agent reads. */
const maxText = 60_000
const maxQuoted = 20_000

/** Files of one mail. */
const maxFiles = 50

const senderOf = (arrived: ArrivedMail, mail: ParsedMail | undefined) => {
  const [from] = mail?.from ?? []
  return from === undefined
    ? { name: "", address: normalise(arrived.from).slice(0, 254) }
    : { name: headerText(from.name), address: normalise(from.address).slice(0, 254) }
}

/** A name without folders, and with nothing in it that a file's name cannot have or a person cannot see. */
const fileName = (name: string | null, place: number): string => {
  const last = (name ?? "").split(/[/\\]/).at(-1) ?? ""
  const clean = headerText(last.replace(/[:*?"<>|]/g, "_"))
    .replace(/^\.+/, "")
    .slice(-100)
  return clean === "" ? `attachment-${place + 1}` : clean
}

const attachmentsOf = (files: ReadonlyArray<MailFile>, id: MailId): ReadonlyArray<Attachment> => {
  const names = new Set<string>()
  return files.slice(0, maxFiles).map(({ content, mediaType, name }, place) => {
    const wanted = fileName(name, place)
    const free = names.has(wanted) ? `${place + 1}-${wanted}` : wanted
    names.add(free)
    return { path: `mail/${id}/${free}`, size: content.length, media_type: headerText(mediaType) }
  })
}

const cut = (text: string, limit: number) => (text.length <= limit ? text : text.slice(0, limit))

const base = (arrived: ArrivedMail, mail: ParsedMail | undefined, { at, id, mailbox }: Head) => ({
  type: "mail" as const,
  id,
  mailbox_id: mailbox?.id ?? null,
  task_id: null,
  from: senderOf(arrived, mail),
  to: normalise(arrived.to).slice(0, 320),
  subject: headerText(mail?.subject ?? ""),
  created_at: at
})

/** Of a refused mail the head: nobody asked for what else its sender wrote. */
export const refused = (
  arrived: ArrivedMail,
  mail: ParsedMail | undefined,
  refusal: NonNullable<Mail["refusal"]>,
  head: Head
): Mail =>
  maskEverywhere<Mail>({
    ...base(arrived, mail, head),
    status: "refused",
    refusal,
    thread: null,
    session_id: null,
    message_id: headerText(mail === undefined ? "" : (headersOf(mail, "message-id")[0] ?? "")),
    references: [],
    attachments: [],
    warnings: []
  })

/** An accepted mail, without the keys that are refused everywhere. */
export const incoming = (
  arrived: ArrivedMail,
  mail: ParsedMail,
  head: Head & Pick<Mail, "message_id" | "references" | "thread" | "session_id">
): Mail => {
  const { message_id, references, session_id, thread } = head
  const { quoted, signature, text } = split(mail.text)
  const warnings = [
    ...(text.length > maxText ? [`only the first ${maxText} characters of the text are shown`] : []),
    ...(mail.files.length > maxFiles ? [`only the first ${maxFiles} files are kept`] : [])
  ]
  const whole: Mail = {
    ...base(arrived, mail, head),
    status: "accepted",
    refusal: null,
    thread,
    session_id,
    message_id,
    references,
    text: cut(text, maxText),
    quoted: cut(quoted, maxQuoted),
    signature: cut(signature, 2_000),
    attachments: attachmentsOf(mail.files, head.id),
    warnings
  }
  const masked = maskEverywhere(whole)
  if (masked === whole) return whole
  return { ...masked, warnings: [...warnings, `the mail held an Anthropic API key, in place of which stands ${mask}`] }
}
