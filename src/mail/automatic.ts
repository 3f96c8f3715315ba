import type { RefusalReason } from "../domain/Mail.ts"
import { domainOf, normalise } from "./address.ts"
import { headersOf, type ParsedMail } from "./ParsedMail.ts"

/** Servers that one mail may have passed through. */
const maxHops = 30

/** What mail of ours says, so that it is known where it comes back. The value is the session. */
export const ownHeader = "x-ownloop-session"

/**
 * What a mail is that no person wrote, which is never answered (RFC 3834); null where a person may have. `envelopeFrom` is who is told of
 * failures: nobody where the mail is such a message itself.
 */
export const automatic = (
  mail: ParsedMail,
  { envelopeFrom, domain }: { readonly envelopeFrom: string; readonly domain: string }
): { readonly reason: RefusalReason; readonly detail: string } | null => {
  const first = (name: string) => normalise(headersOf(mail, name)[0] ?? "")
  const has = (name: string) => headersOf(mail, name).length > 0
  const sender = normalise(envelopeFrom)

  if (has(ownHeader)) return { reason: "loop", detail: "it was sent by an Ownloop" }
  if (mail.from.some(({ address }) => domainOf(normalise(address)) === domain)) {
    return { reason: "loop", detail: `it comes from the mailboxes' own domain ${domain}` }
  }
  if (headersOf(mail, "received").length > maxHops)
    return { reason: "loop", detail: "it went through too many servers" }

  const type = first("content-type")
  const names = [sender, ...mail.from.map(({ address }) => normalise(address))].map((name) => name.split("@")[0])
  if (sender === "" || sender === "<>" || type.startsWith("multipart/report") || type.startsWith("message/delivery")) {
    return { reason: "bounce", detail: "it is a report of a mail server" }
  }
  if (names.some((name) => name === "mailer-daemon" || name === "postmaster")) {
    return { reason: "bounce", detail: "a mail server wrote it" }
  }
  if (has("list-id") || has("list-unsubscribe") || first("precedence") === "list") {
    return { reason: "mailing_list", detail: "it came through a mailing list" }
  }
  const submitted = first("auto-submitted").split(/[;\s(]/)[0]
  const isMachine =
    (submitted !== "" && submitted !== "no") ||
    ["bulk", "junk", "auto_reply", "auto-reply"].includes(first("precedence")) ||
    ["x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply-from"].some((name) => has(name))
  return isMachine ? { reason: "auto_reply", detail: "a machine wrote it" } : null
}
