import type { Timestamp } from "../domain/Common.ts"
import type { StopReason, TaskAttempt } from "../domain/Event.ts"
import type { EventId } from "../domain/Ids.ts"
import type { SessionStatus } from "../domain/Session.ts"
import type { StructuredOutput } from "../domain/StructuredOutput.ts"
import type { Message } from "../ModelClient.ts"
import type { Approval } from "./Approvals.ts"
import type { OpenCall } from "./Calls.ts"
import * as Spent from "./Spent.ts"

/** Of the shape of `State` and the meaning of `fold`: a checkpoint of another version is not read. */
export const version = 8

export interface QueuedMessage {
  readonly id: EventId
  readonly text: string
  readonly traceparent?: string
  readonly task?: TaskAttempt
}

/** The trace that a turn is recorded under. */
export interface TurnTrace {
  readonly traceId: string
  /** Of the turn's own span. */
  readonly spanId: string
  /** The caller's span; null where the turn begins its trace. */
  readonly parentSpanId: string | null
}

/** An attempt at a model request that failed. */
export interface Failure {
  readonly model: string
  /** Tag of the `ModelError`'s reason. */
  readonly reason: string
  readonly retryAfterMs: number
}

export interface ModelRequestSpan {
  readonly id: EventId
  readonly model: string
  readonly purpose: "answer" | "compaction"
}

/** What a session is, as the fold over its events. Plain data: a checkpoint is its JSON. */
export interface State {
  readonly status: SessionStatus
  readonly stopReason: StopReason | null
  /** The conversation as the model reads it; the calls of its last answer follow in `calls` until they are all answered. */
  readonly messages: ReadonlyArray<Message>
  readonly calls: ReadonlyArray<OpenCall>
  /** Accepted messages that no turn has taken in yet. */
  readonly queue: ReadonlyArray<QueuedMessage>
  /** The parts of an answer whose `span.model_request_end` is still to come. */
  readonly draft: { readonly text: string; readonly reasoning: string }
  /** The latest model request, and whether it has started and not ended. */
  readonly request: ModelRequestSpan | null
  readonly isRequesting: boolean
  /** Since a model last answered: attempts that failed, how often the session was rescheduled, and how often it was compacted. */
  readonly failures: ReadonlyArray<Failure>
  readonly reschedules: number
  readonly compactions: number
  /** Until when a model is out of capacity or quota, in milliseconds since the epoch. */
  readonly resting: { readonly [model: string]: number }
  /** The model that gave this turn's last answer. */
  readonly answeredBy: string | null
  /** When a rescheduled session goes on, and how many messages were queued when it was rescheduled: another one lets it go on at once. */
  readonly resumeAt: Timestamp | null
  readonly queuedThen: number
  /** Tokens in and out of the last answered request; 0 where its server did not say. */
  readonly contextTokens: number
  /** A provider said that the conversation does not fit. */
  readonly isOverflowing: boolean
  /** Model requests of this turn that were answered. */
  readonly steps: number
  /** Answers of this turn, the last ones in a row, of which no call could be run. */
  readonly rejections: number
  /** The latest final answer that came in the session's form. */
  readonly structuredOutput: StructuredOutput | null
  /** Since a message was taken in: whether such an answer came, and how often the model was reminded to give one. */
  readonly isAnswered: boolean
  readonly reminders: number
  readonly interrupted: boolean
  /** Messages that were interrupted before a turn took them in: they join the conversation unanswered. */
  readonly cancelled: ReadonlyArray<EventId>
  /** What persons said of outbound requests. */
  readonly approvals: ReadonlyArray<Approval>
  /** Of the latest turn; null before the first. */
  readonly trace: TurnTrace | null
  /** Hash of the latest request's `setup`; null before the first. */
  readonly setup: string | null
  /** It was forked, and nothing has happened since: what is open was never begun here. */
  readonly isForked: boolean
  /** A fork's files are made when a tool first needs them. */
  readonly lacksWorkspace: boolean
  readonly spent: Spent.Spent
  readonly runningSince: Timestamp | null
}

export const noDraft = { text: "", reasoning: "" }
/** Of a model that has just answered, or is about to be asked for the first time. */
export const untried = { failures: [], reschedules: 0, compactions: 0, isOverflowing: false }

export const initial: State = {
  status: "idle",
  stopReason: null,
  messages: [],
  calls: [],
  queue: [],
  draft: noDraft,
  request: null,
  isRequesting: false,
  ...untried,
  resting: {},
  answeredBy: null,
  resumeAt: null,
  queuedThen: 0,
  contextTokens: 0,
  steps: 0,
  rejections: 0,
  structuredOutput: null,
  isAnswered: false,
  reminders: 0,
  interrupted: false,
  cancelled: [],
  approvals: [],
  trace: null,
  setup: null,
  isForked: false,
  lacksWorkspace: false,
  spent: Spent.nothing,
  runningSince: null
}

/** Milliseconds that have passed since the session began to run; 0 where it does not. */
export const runningFor = ({ runningSince }: State, now: number): number =>
  runningSince === null ? 0 : Math.max(0, now - Date.parse(runningSince))
