import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Delivery } from "../domain/Delivery.ts"
import type { SessionEvent } from "../domain/Event.ts"
import { ApprovalLinkId } from "../domain/Ids.ts"
import type { SessionRecord } from "../domain/Session.ts"
import { Mailboxes } from "../Mailboxes.ts"
import type { Told } from "../Outbox.ts"
import { type LogEntry, Storage, type StorageError } from "../Storage.ts"
import { mailReplyName } from "../tools/builtin/mailReply.ts"
import { ApprovalRequests } from "./ApprovalRequests.ts"
import { questionOf } from "./approvalText.ts"
import { approvalMail } from "./messages.ts"
import { TriggerSettings } from "./Settings.ts"

/** What a session's log means for people who are written to. */

/** Events that are looked through. */
const maxEvents = 400

/** What a session asks a person, on its way to who is asked; told again, it is the same. */
export const make = Effect.gen(function* () {
  const approvals = yield* ApprovalRequests
  const mailboxes = yield* Mailboxes
  const storage = yield* Storage
  const { mail: settings } = yield* TriggerSettings

  const approverOf = Effect.fnUntraced(function* ({ mailbox_id }: SessionRecord) {
    const mailbox = mailbox_id === undefined ? Option.none() : yield* mailboxes.mailbox(mailbox_id)
    return Option.orElse(
      Option.flatMap(mailbox, ({ approver }) => Option.fromNullOr(approver)),
      () => settings.approver
    )
  })

  return Effect.fnUntraced(function* (
    record: SessionRecord,
    event: SessionEvent
  ): Effect.fn.Return<ReadonlyArray<Delivery>, StorageError> {
    if (event.type !== "session.status_idle" || event.stop_reason.type !== "requires_action") return []
    const approver = yield* approverOf(record)
    if (Option.isNone(approver)) return []
    const { event_ids } = event.stop_reason
    const entries = yield* storage.events({ limit: maxEvents, order: "desc", types: ["agent.tool_use"] })
    const asked = entries.flatMap(({ event }) =>
      event.type === "agent.tool_use" && event.evaluated_permission === "ask" && event_ids.includes(event.id)
        ? [event]
        : []
    )
    const [first, ...rest] = asked.toReversed()
    // What a client's own tools wait for, a person cannot answer.
    if (first === undefined) return []
    const id = ApprovalLinkId.make(`alnk_${event.id.slice("sevt_".length)}`)
    const link = yield* approvals.request(record.id, [first.id, ...rest.map(({ id }) => id)], id)
    const titles = [first, ...rest].map((event) => questionOf(event).title)
    return [approvalMail(link, titles, approver.value)]
  })
})

/** Whether the agent has answered its mail itself in this turn. */
export const hasReplied = Effect.map(Storage, (storage) =>
  Effect.fnUntraced(function* ({ turnSeq }: Told, { seq }: LogEntry) {
    const types = ["agent.tool_use", "agent.tool_result"] as const
    const entries = yield* storage.events({ after: seq, limit: maxEvents, order: "desc", types })
    const events = entries.filter((entry) => entry.seq >= turnSeq).map(({ event }) => event)
    const replies = events.flatMap((event) =>
      event.type === "agent.tool_use" && event.name === mailReplyName ? [event.id] : []
    )
    return events.some(
      (event) => event.type === "agent.tool_result" && !event.is_error && replies.includes(event.tool_use_id)
    )
  })
)
