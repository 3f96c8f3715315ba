import type { SessionEvent } from "../domain/Event.ts"
import type { EventId } from "../domain/Ids.ts"
import { spanId } from "../loop/TraceContext.ts"
import { OpenSpan } from "./OpenSpan.ts"
import * as Attributes from "./spanAttributes.ts"

type Of<Type extends SessionEvent["type"]> = Extract<SessionEvent, { readonly type: Type }>

/** The questions that a turn asks people: whether a call may run, or an outbound request be sent. Each lasts until its answer. */
export class ApprovalSpans {
  private readonly asked = new Map<EventId, { readonly span: OpenSpan; readonly until: string | undefined }>()
  private readonly content: boolean

  constructor(content: boolean) {
    this.content = content
  }

  ask(event: Of<"agent.tool_use">, at: string): OpenSpan {
    const span = new OpenSpan(spanId(event.id, "approval"), `approve ${event.name}`, at, Attributes.ofQuestion(event))
    this.asked.set(event.id, { span, until: event.egress?.expires_at })
    return span
  }

  answer(event: Of<"user.tool_confirmation">, at: string): void {
    const asked = this.asked.get(event.tool_use_id)
    asked?.span.set(Attributes.ofAnswer(event, this.content)).end(at)
    if (asked?.until !== undefined && at > asked.until) asked.span.fail("late")
  }

  /** What was asked about is over: by the answer, or because none came, in time or before an interrupt. */
  settle(id: EventId, at: string): void {
    const span = this.asked.get(id)?.span
    if (span?.isOpen === true) span.fail("unanswered").end(at)
  }

  /** An approval of one request is used up. */
  use({ approval_id, tool_use_id }: Of<"span.egress_approval_used">, at: string): void {
    this.asked.get(approval_id)?.span.set(Attributes.ofUse(tool_use_id, at))
  }
}
