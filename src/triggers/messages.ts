import type { Timestamp } from "../domain/Common.ts"
import type { Delivery } from "../domain/Delivery.ts"
import type { ApprovalLink } from "../domain/ApprovalLink.ts"
import type { MailId, SessionId } from "../domain/Ids.ts"
import type { FinalStatus, Outcome, ReplyTo, Task } from "../domain/Task.ts"
import type { Endpoint } from "./Settings.ts"
import { scrubbed } from "./TaskMessage.ts"

/** What is told to the outside, in the wire API's shape of a webhook. */

/** One deployment is one organization with one workspace: both are named because the wire API names them. */
const owner = { organization_id: "ownloop", workspace_id: "default" }

const pending = { type: "delivery", status: "pending", attempts: 0, last_error: null } as const

/** Characters of an outcome's text that are kept: a queue takes 128 KB. */
const maxText = 30_000

/** Characters of an outcome in a form. */
const maxOutput = 30_000

export const noUsage = { input_tokens: 0, output_tokens: 0, cache_read_input_tokens: 0 }

/** Of a task that never had a session, or whose session is gone. */
export const emptyOutcome = (status: FinalStatus, error: Outcome["error"]): Outcome => ({
  status,
  text: null,
  is_truncated: false,
  structured_output: null,
  artifacts: [],
  usage: noUsage,
  list_cost_usd: 0,
  error
})

/** As much of it as fits into a message. */
export const bounded = (outcome: Outcome): Outcome => {
  const { text, structured_output } = outcome
  const isTextLong = text !== null && text.length > maxText
  const isOutputLong = JSON.stringify(structured_output).length > maxOutput
  if (!isTextLong && !isOutputLong) return outcome
  return {
    ...outcome,
    is_truncated: true,
    text: isTextLong ? text.slice(0, maxText) : text,
    structured_output: isOutputLong ? null : structured_output
  }
}

const delivery = (
  fields: Pick<Delivery, "id" | "to" | "session_id" | "task_id" | "event">,
  data: object,
  at: Timestamp
): Delivery => ({
  ...pending,
  ...fields,
  created_at: at,
  updated_at: at,
  payload: scrubbed({ type: "event", id: fields.id, created_at: at, data: { type: fields.event, ...data, ...owner } })
})

/** The outcome of a task on its way to who asked for it. Each attempt has one. */
export const reply = (task: Task, to: ReplyTo, outcome: Outcome, at: Timestamp): Delivery =>
  delivery(
    {
      id: `dlvr_${task.id.slice("task_".length)}_${task.attempt}`,
      to,
      session_id: task.session_id,
      task_id: task.id,
      event: `task.${outcome.status}`
    },
    {
      id: task.id,
      idempotency_key: task.idempotency_key,
      session_id: task.session_id,
      attempt: task.attempt,
      metadata: task.metadata,
      outcome
    },
    at
  )

/** An answer of an agent on its way to the sender of a mail. `call` names the call that wrote it. */
export const mailReply = (
  session: SessionId,
  call: string,
  mail: MailId,
  said: { readonly text: string; readonly attachments: ReadonlyArray<string> },
  at: Timestamp
): Delivery =>
  delivery(
    { id: `dlvr_${call}_mail`, to: { type: "mail", mail }, session_id: session, task_id: null, event: "mail.reply" },
    { id: session, ...said },
    at
  )

/** A question on its way to who may answer it. */
export const approvalMail = (link: ApprovalLink, titles: ReadonlyArray<string>, address: string): Delivery =>
  delivery(
    {
      id: `dlvr_${link.id.slice("alnk_".length)}_approval`,
      to: { type: "approver", address },
      session_id: link.session_id,
      task_id: null,
      event: "approval.requested"
    },
    { id: link.session_id, approval_link_id: link.id, titles },
    link.created_at
  )

/** An event of a session on its way to every endpoint that wants it. `source` names the event, always the same. */
export const hooks = (
  session: SessionId,
  events: ReadonlyArray<string>,
  source: string,
  endpoints: ReadonlyArray<Endpoint>,
  at: Timestamp
): ReadonlyArray<Delivery> =>
  endpoints.flatMap((endpoint, place) =>
    events
      .filter((event) => endpoint.events?.has(event) ?? true)
      .map((event) =>
        delivery(
          {
            id: `dlvr_${source}_${event.slice("session.".length)}_${place}`,
            to: { type: "webhook", url: endpoint.url },
            session_id: session,
            task_id: null,
            event
          },
          { id: session },
          at
        )
      )
  )
