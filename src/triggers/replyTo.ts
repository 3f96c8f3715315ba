import * as Option from "effect/Option"
import type { ReplyQueues } from "./ReplyQueues.ts"
import type { Settings } from "./Settings.ts"
import type { TaskMessage } from "./TaskMessage.ts"
import { refuse } from "./Webhook.ts"

/** Why a task can never send its outcome to where it says. */
export const replyRefusal = (
  { reply_to: to }: TaskMessage,
  queues: ReplyQueues["Service"],
  { mail, webhookHosts, webhookKey }: Settings
): string | null => {
  if (to === null || to === undefined) return null
  if (to.type === "queue") {
    if (queues.has(to.queue)) return null
    const names = [...queues.keys()].join(", ") || "none"
    return `reply_to.queue: ${to.queue} is no queue binding of this deployment that outcomes may be sent to; there are: ${names}`
  }
  if (to.type === "mail") {
    return Option.isSome(mail.domain) ? null : "reply_to: OWNLOOP_MAIL_DOMAIN is not set, so that there is no mail"
  }
  const refusal = refuse(to.url, webhookHosts)
  if (refusal !== null) return `reply_to.url: ${refusal}`
  return Option.isSome(webhookKey)
    ? null
    : "reply_to: the secret OWNLOOP_WEBHOOK_SECRET is not set, so that no webhook can be signed"
}
