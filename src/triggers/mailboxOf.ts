import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Task } from "../domain/Task.ts"
import type { Mailboxes } from "../Mailboxes.ts"

/** The mailbox of the mail that a task's outcome answers. */
export const mailboxOf = Effect.fnUntraced(function* (
  mailboxes: Mailboxes["Service"],
  { reply_to }: { readonly reply_to?: Task["reply_to"] }
) {
  const mail = reply_to?.type === "mail" ? yield* mailboxes.mail(reply_to.mail) : Option.none()
  return Option.flatMap(mail, ({ mailbox_id, status }) =>
    status === "accepted" ? Option.fromNullOr(mailbox_id) : Option.none()
  )
})
