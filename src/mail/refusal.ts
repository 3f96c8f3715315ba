import type { Mailbox, RefusalReason } from "../domain/Mail.ts"
import { domainOf, isAddress, isAllowed, normalise } from "./address.ts"
import { unproven } from "./authentication.ts"
import { automatic } from "./automatic.ts"
import type { ParsedMail } from "./ParsedMail.ts"

export interface Refusal {
  readonly reason: RefusalReason
  readonly detail: string
}

/** The server whose word about senders counts: that of Cloudflare's Email Routing, which hands mail to the Worker. */
const mailServer = "mx.cloudflare.net"

/** Why a mailbox does not take this mail; null where it does. `envelopeFrom` is who is told where the mail fails. */
export const refusalOf = (envelopeFrom: string, mail: ParsedMail, mailbox: Mailbox): Refusal | null => {
  const machine = automatic(mail, { envelopeFrom, domain: domainOf(mailbox.address) })
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
