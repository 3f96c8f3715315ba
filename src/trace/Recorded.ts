import type { EgressAsk } from "../domain/Egress.ts"
import type { SessionEvent, Setup } from "../domain/Event.ts"
import type { EventId } from "../domain/Ids.ts"
import type { EgressQuestion } from "../EgressPolicy.ts"
import * as ToolResult from "../loop/ToolResult.ts"
import type { ExportedEntry, SessionExport } from "./Export.ts"

/** Events that came from outside; all others are the loop's own. */
export const isInput = (event: SessionEvent): boolean =>
  event.type === "session.updated" ||
  event.type === "session.machine_stopping" ||
  isOfGateway(event) ||
  (event.type.startsWith("user.") && !isTakenIn(event))

/** The gateway asks whether a request of a tool may be sent, or is about to send one that was allowed once. */
const isOfGateway = (event: SessionEvent) => isQuestion(event) || event.type === "span.egress_approval_used"

type Question = Extract<SessionEvent, { readonly type: "agent.tool_use" }> & { readonly egress: EgressAsk }

const isQuestion = (event: SessionEvent): event is Question =>
  event.type === "agent.tool_use" && event.egress !== undefined

/** What tools sent is shown in the log and decides nothing: a replay sends nothing. */
const isShownOnly = ({ event }: ExportedEntry) => event.type === "span.egress_request"

/** A message is logged again when a turn takes it in. */
const isTakenIn = (event: SessionEvent) => event.type === "user.message" && event.processed_at !== null

const unknown = ToolResult.outcomeUnknown("" as Parameters<typeof ToolResult.outcomeUnknown>[0]) // Only its text counts.

/** What a call is settled with whose process died. */
const isUnknown = (event: SessionEvent | undefined): boolean =>
  event?.type === "agent.tool_result" && event.is_error && event.content[0]?.text === unknown.content[0]!.text

const isGivenUp = (event: SessionEvent | undefined): boolean =>
  event?.type === "session.error" && event.error.reason === "RecoveriesExhausted"

/** Types of events that are logged as soon as they are decided on; what comes before the others may take any time. */
const immediate: ReadonlySet<SessionEvent["type"]> = new Set([
  "user.message",
  "session.structured_output_reminder",
  "session.status_running",
  "session.status_idle",
  "session.status_rescheduled",
  "session.error",
  "span.model_request_end"
])

const answers: ReadonlySet<SessionEvent["type"]> = new Set([
  "agent.thinking",
  "agent.message",
  "agent.tool_use",
  "agent.custom_tool_use",
  "agent.thread_context_compacted",
  "span.model_request_end"
])

type RequestStart = Extract<SessionEvent, { readonly type: "span.model_request_start" }>

/** A recorded log, and how much of it a replay has gone through. */
export class Recorded {
  readonly id: string
  /** Events that were logged again so far. */
  seq = 0
  /** Model requests that were started so far, and the latest of them. */
  step = 0
  start: { readonly event: RequestStart; readonly request: ExportedEntry["request"] } | undefined
  private known: Setup | undefined
  private lastTime: number
  private readonly entries: ReadonlyArray<ExportedEntry>
  /** What persons were asked, by the id of the event that asked. */
  private readonly questions: ReadonlyMap<EventId, EgressAsk>

  constructor({ entries, session }: SessionExport) {
    this.id = session.id
    this.entries = entries.filter((entry) => !isShownOnly(entry))
    this.questions = new Map(
      entries.flatMap(({ event }) => (isQuestion(event) ? [[event.id, event.egress] as const] : []))
    )
    this.lastTime = Date.parse(session.created_at)
    // What a fork goes on from was not run by it.
    this.advance(this.entries.findLastIndex(({ event }) => event.type === "session.forked") + 1)
  }

  /** What comes next. */
  get next(): SessionEvent | undefined {
    return this.at(this.seq)
  }

  /** The whole text of the tool result that comes next, where the event shows only its ends. */
  get nextText(): string | undefined {
    return this.entries[this.seq]?.text
  }

  /** What came last may not have been seen to. */
  get endsInInput(): boolean {
    const last = this.at(this.entries.length - 1)
    return last !== undefined && isInput(last)
  }

  /** Up to so many events, from the next one on. */
  ahead(count: number): ReadonlyArray<SessionEvent> {
    return this.entries.slice(this.seq, this.seq + count).map(({ event }) => event)
  }

  /** So many events were logged again. */
  advance(count: number): void {
    for (const { event, request } of this.entries.slice(this.seq, this.seq + count)) {
      if (event.processed_at !== null) this.lastTime = Date.parse(event.processed_at)
      if (event.type !== "span.model_request_start") continue
      this.step += 1
      this.start = { event, request }
      this.known = event.setup ?? this.known
    }
    this.seq += count
  }

  /** What the gateway wanted to know, where that is what comes next. */
  get question(): EgressQuestion | undefined {
    const { next } = this
    if (next === undefined) return undefined
    if (isQuestion(next)) return next.egress
    const asked = next.type === "span.egress_approval_used" ? this.questions.get(next.approval_id) : undefined
    return asked && next.type === "span.egress_approval_used" ? { ...asked, tool_use_id: next.tool_use_id } : undefined
  }

  /** Place in the recorded log of an event from the next one on; that after the last where there is none. */
  placeOf(index: number): number {
    return this.entries[this.seq + index]?.seq ?? (this.entries.at(-1)?.seq ?? 0) + 1
  }

  /** How the model request ends, where that comes next: up to its end, and the results or the error that were logged with it. */
  get answer(): ReadonlyArray<SessionEvent> | undefined {
    const { next } = this
    if (next === undefined || isInput(next) || !answers.has(next.type)) return undefined
    const at = this.find(({ type }) => type === "span.model_request_end")
    const end = this.at(at)
    let to = at + 1
    if (end?.type !== "span.model_request_end" || end.is_error) {
      // Without an error it was closed, and not answered.
      if (this.at(to++)?.type !== "session.error") return undefined
    }
    while (isRejected(this.at(to))) to++
    return this.entries.slice(this.seq, to).map(({ event }) => event)
  }

  /** That of the last event, or of the next one where it shows when it was decided on. */
  get time(): number {
    const next = this.at(this.find((event) => !isInput(event)))
    const isImmediate = next !== undefined && (immediate.has(next.type) || this.isAnswerInTime(next))
    return isImmediate && next.processed_at ? Date.parse(next.processed_at) : this.lastTime
  }

  /**
   * Whether a process died before the loop's next event: `once` where that settles what it left running, `often` where the turn was given up
   * because of it.
   */
  get death(): "once" | "often" | null {
    let at = this.find((event) => !isInput(event))
    const isSettled = isUnknown(this.at(at))
    if (this.at(at)?.type === "span.model_request_end") at++
    while (isUnknown(this.at(at))) at++
    if (isGivenUp(this.at(at))) return "often"
    return isSettled ? "once" : null
  }

  /** What the deployment gives a process that starts now: what the next request notes, it has from its beginning. */
  get setup(): Setup | undefined {
    const next = this.at(this.find(({ type }) => type === "span.model_request_start"))
    return (next?.type === "span.model_request_start" ? next.setup : undefined) ?? this.known
  }

  /** The setup that the loop's next event notes. */
  get nextSetup(): Setup | undefined {
    const next = this.at(this.find((event) => !isInput(event)))
    return next?.type === "span.model_request_start" ? next.setup : undefined
  }

  /** Whether a person was waited for, and not any longer. */
  private isAnswerInTime(event: SessionEvent): boolean {
    return event.type === "agent.tool_result" && this.questions.has(event.tool_use_id)
  }

  private at(place: number): SessionEvent | undefined {
    return this.entries[place]?.event
  }

  /** Place of the first such event from the next one on; that after the last where there is none. */
  private find(is: (event: SessionEvent) => boolean): number {
    let at = this.seq
    while (at < this.entries.length && !is(this.entries[at]!.event)) at++
    return at
  }
}

const isRejected = (event: SessionEvent | undefined) => event?.type === "agent.tool_result" && event.rejected === true
