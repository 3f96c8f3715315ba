import * as Schema from "effect/Schema"
import { isHeaderValue } from "../domain/Header.ts"

/** Addresses of mail, as far as a program need know them. */

/** An address without quotes or comments: what mailboxes and their senders have. */
const address = /^[a-z0-9!#$%&'*/=?^_`{|}~.+-]{1,64}@([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/

export const normalise = (text: string): string => text.trim().toLowerCase()

export const isAddress = (text: string): boolean => text.length <= 254 && address.test(text)

export const isDomain = (text: string): boolean => isAddress(`a@${text}`)

export const domainOf = (text: string): string => text.slice(text.lastIndexOf("@") + 1)

export const AddressInput = Schema.String.check(
  Schema.makeFilter((text: string) => (isAddress(normalise(text)) ? true : "is no address such as ada@example.com"))
)

/** `ada@example.com`, or `*@example.com`. */
export const SenderInput = Schema.String.check(
  Schema.makeFilter((text: string) =>
    isAddress(normalise(text).replace(/^\*@/, "any@")) ? true : "is neither ada@example.com nor *@example.com"
  )
)

/** Whether a list of senders names this one. */
export const isAllowed = (senders: ReadonlyArray<string>, sender: string): boolean =>
  senders.some((entry) => entry === sender || entry === `*@${domainOf(sender)}`)

/** Of no more letters than a local part has, in lower case: mail servers may change the case. */
const token = /^[a-z2-7]{26}$/

const letters = "abcdefghijklmnopqrstuvwxyz234567"

/** Makes a thread's token of random bytes, five bits of each. */
export const threadToken = (bytes: Uint8Array): string => Array.from(bytes, (byte) => letters[byte & 31]).join("")

export const threadTokenBytes = 26

/** `agent@example.com` as one of its threads has it. */
export const withThread = (mailbox: string, thread: string): string => mailbox.replace("@", `+${thread}@`)

/** The mailbox that a mail is for, and the thread where its address names one. */
export const routeOf = (to: string): { readonly mailbox: string; readonly thread: string | null } => {
  const recipient = normalise(to)
  const domain = domainOf(recipient)
  const [local = "", ...rest] = recipient.slice(0, -domain.length - 1).split("+")
  return { mailbox: `${local}@${domain}`, thread: rest.length === 0 ? null : rest.join("+") }
}

export const isThreadToken = (text: string): boolean => token.test(text)

const maxHeader = 200

/** A text as a header may hold it: on one line, and of a reasonable length. */
export const headerText = (text: string): string => {
  const line = text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .replace(/ {2,}/g, " ")
    .trim()
  return Array.from(line).slice(0, maxHeader).join("")
}

/** Ids of messages in a header, in their order, each once. What is no id is left out, so that nothing else gets into a header of ours. */
export const messageIds = (values: ReadonlyArray<string>): ReadonlyArray<string> => {
  const text = values.join(" ").slice(0, 20_000)
  const found = text.match(/<[^<>@\s]{1,250}@[^<>@\s]{1,250}>/g) ?? []
  return [...new Set(found)].filter((id) => isHeaderValue(id) && /^[\x20-\x7e]+$/.test(id))
}

/** Mails that `References` names at most: the first one, and the latest. */
const maxReferences = 20

/** Characters of the header: the platform sends no mail with a longer one than 2,048 bytes. */
const maxReferencesLength = 2_000

/** What a mail refers to that answers one: RFC 5322, 3.6.4. */
export const referencesTo = ({
  message_id,
  references
}: {
  readonly message_id: string
  readonly references: ReadonlyArray<string>
}): ReadonlyArray<string> => {
  const [first, ...others] = references.filter((id) => id !== message_id)
  if (first === undefined) return [message_id]
  const latest = [message_id]
  let length = first.length + message_id.length + 1
  for (const id of others.toReversed()) {
    length += id.length + 1
    if (length > maxReferencesLength || latest.length === maxReferences - 1) break
    latest.unshift(id)
  }
  return [first, ...latest]
}

export const replySubject = (subject: string): string =>
  headerText(/^(re|aw|sv|antw)\s*:/i.test(subject) ? subject : `Re: ${subject}`)
