import type { Budget } from "../domain/Budget.ts"
import type { EgressAsk } from "../domain/Egress.ts"
import type { StopReason } from "../domain/Event.ts"
import type { EventId } from "../domain/Ids.ts"
import { isExpired, outcomeOf } from "./Approvals.ts"
import { failedBeside, type OpenCall, unanswered, waitsForClient } from "./Calls.ts"
import * as Compaction from "./Compaction.ts"
import { choose, mayPass, type ModelChoice } from "./ModelChoice.ts"
import * as Spent from "./Spent.ts"
import * as TokenEstimate from "./TokenEstimate.ts"
import { type QueuedMessage, runningFor, type State } from "./State.ts"

/** What a session does next. Each action ends in events that change the state, so that asking again moves on. */
export type Action =
  /** Nothing to do until a client sends something, or until this time, in milliseconds since the epoch, where there is one. */
  | { readonly type: "rest"; readonly until?: number }
  /** Nothing to do before this time, in milliseconds since the epoch. */
  | { readonly type: "wait"; readonly until: number }
  /** Take queued messages into the conversation. */
  | { readonly type: "takeIn"; readonly messages: ReadonlyArray<QueuedMessage> }
  /** Go on with a turn that waited. */
  | { readonly type: "resume" }
  | { readonly type: "callModel"; readonly choice: ModelChoice }
  /** Put a summary in place of the first `count` messages: a model's, or where none can be asked an outline. */
  | { readonly type: "compact"; readonly count: number; readonly choice: ModelChoice | null }
  /** All models failed for now: go on in so many milliseconds. */
  | { readonly type: "reschedule"; readonly delay: number }
  /** Make a fork's files, before the first of its tools runs. */
  | { readonly type: "rebuildWorkspace" }
  | { readonly type: "runTools"; readonly calls: ReadonlyArray<OpenCall> }
  /** Answer calls without running them; `isRejected` where that is the model's to mend. */
  | {
      readonly type: "settle"
      readonly calls: ReadonlyArray<OpenCall>
      readonly text: (call: OpenCall) => string
      readonly isError: (call: OpenCall) => boolean
      readonly isRejected?: true
    }
  /** Take the final answer that this call gives; the others give another one. */
  | { readonly type: "takeAnswer"; readonly call: OpenCall; readonly others: ReadonlyArray<OpenCall> }
  /** Ask the model, which answered in text, for an answer in the session's form. */
  | { readonly type: "remind" }
  /** Save the workspace, which is in a machine that ends. */
  | { readonly type: "save" }
  /** Save a policy that allows for ever what its call asks, and answer that. */
  | { readonly type: "allowForEver"; readonly call: OpenCall; readonly egress: EgressAsk }
  /** Close a model request that will not be answered. */
  | { readonly type: "closeRequest"; readonly id: EventId }
  | {
      readonly type: "stop"
      readonly stopReason: StopReason
      readonly limit?: "steps" | "rejections" | "compactions" | "reminders"
    }

/** What a session may do, and the time. */
export interface Limits {
  /** Model requests that one turn may make. */
  readonly maxSteps: number
  /** Times in a row that a session waits for models that failed. */
  readonly maxReschedules: number
  readonly budget: Budget | null
  /** Final answers are given through a tool, in a form of the session's own. */
  readonly isStructured: boolean
  /** The workspace is in a machine that ends. */
  readonly savesWorkspace: boolean
  /** In the order in which they are asked. */
  readonly models: ReadonlyArray<string>
  /** Tokens. */
  readonly contextWindow: number
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Compactions in a row without an answer in between. */
const maxCompactions = 3

/** Answers in a row of which no call could be run. */
const maxRejections = 8

/** Times that a model is reminded how to answer. */
const maxReminders = 1

/** Milliseconds that a session waits for models that failed: the first time, the second, and from then on. */
const rescheduleDelays = [30_000, 60_000, 120_000]

const rest: Action = { type: "rest" }
const resume: Action = { type: "resume" }
const takeIn = (state: State): Action => ({ type: "takeIn", messages: state.queue })
const exhausted: Action = { type: "stop", stopReason: { type: "retries_exhausted" } }

/** What to do next is a function of the state, the limits and the time alone. */
export const next = (state: State, limits: Limits): Action => {
  if (state.status === "terminated") return rest
  const action = advance(state, limits)
  return limits.savesWorkspace && savesFirst(state, action) ? { type: "save" } : action
}

/** Before the session rests, the workspace is saved; where its machine is about to go, before anything else. */
const savesFirst = ({ saving: { unsaved } }: State, { type }: Action): boolean =>
  unsaved === "urgent" || (unsaved === "files" && (type === "stop" || type === "rest"))

/** Whether a client has to wait for it. Of a session at rest it is not seen that its workspace is saved. */
export const isAtWork = ({ status }: State, { type }: Action): boolean =>
  type !== "rest" && !(type === "save" && status === "idle")

const advance = (state: State, limits: Limits): Action => {
  const open = unanswered(state)
  if (state.interrupted) return abort(state, open)
  if (state.status === "rescheduling") return whileRescheduled(state, limits)
  if (state.status === "idle") return whileIdle(state, open, limits)
  if (open.length > 0) return answer(state, open, limits)
  if (state.messages.at(-1)?.role !== "assistant" && !state.isAnswered) return ask(state, limits)
  if (state.queue.length > 0) return takeIn(state)
  if (limits.isStructured && !state.isAnswered) {
    return state.reminders < maxReminders ? { type: "remind" } : { ...exhausted, limit: "reminders" }
  }
  return { type: "stop", stopReason: { type: "end_turn" } }
}

const whileRescheduled = (state: State, { now }: Limits): Action => {
  const until = Date.parse(state.resumeAt ?? "")
  // Somebody who writes does not want to wait.
  return state.queue.length > state.queuedThen || !(now < until) ? resume : { type: "wait", until }
}

const whileIdle = (state: State, open: ReadonlyArray<OpenCall>, limits: Limits): Action => {
  if (state.stopReason?.type === "requires_action") {
    return whileWaiting(open, state.stopReason.event_ids.length, limits.now)
  }
  const isPaused = state.stopReason?.type === "budget_reached"
  const isUnfinished = open.length > 0 || state.messages.at(-1)?.role !== "assistant"
  if (isPaused && isUnfinished && reachedOf(state, open, limits).length === 0) return resume
  // Calls that are still open have to be answered before anything else is said.
  return state.queue.length > 0 && open.length === 0 ? takeIn(state) : rest
}

/** The limits of the budget that keep the session from its next step. */
const reachedOf = (
  state: State,
  open: ReadonlyArray<OpenCall>,
  { budget, now }: Limits
): ReadonlyArray<Spent.Limit> => {
  const spent = { ...state.spent, active: state.spent.active + runningFor(state, now) }
  // An answer needs no calls.
  return Spent.reached(spent, budget).filter((limit) => open.length > 0 || limit !== "max_tool_calls")
}

const pause = (limit: Spent.Limit): Action => ({ type: "stop", stopReason: { type: "budget_reached", limit } })

/** The calls of an answer: first those that can be answered now, then wait for the client's, and last the final answer. */
const answer = (state: State, open: ReadonlyArray<OpenCall>, limits: Limits): Action => {
  const forEver = open.find((call) => call.isForEver)
  if (forEver?.egress) return { type: "allowForEver", call: forEver, egress: forEver.egress }
  const settled = open.filter(
    (call) =>
      call.permission === "deny" ||
      (call.egress !== null && (call.permission === "allow" || isExpired(call, limits.now)))
  )
  if (settled.length > 0) {
    return { type: "settle", calls: settled, text: outcomeOf, isError: ({ permission }) => permission !== "allow" }
  }
  const waiting = open.filter(waitsForClient)
  const runnable = open.filter((call) => call.runner === "deployment" && !waitsForClient(call))
  if (runnable.length === 0 && waiting.length > 0) {
    return { type: "stop", stopReason: { type: "requires_action", event_ids: waiting.map((call) => call.id) } }
  }
  if (runnable.length === 0) return conclude(state, open)
  const [limit] = reachedOf(state, runnable, limits)
  if (limit !== undefined) return pause(limit)
  if (state.lacksWorkspace) return { type: "rebuildWorkspace" }
  return { type: "runTools", calls: runnable.slice(0, Spent.callsLeft(state.spent, limits.budget)) }
}

/** The first final answer counts, unless a call beside it failed: the model wrote it before it could know. */
const conclude = (state: State, [call, ...others]: ReadonlyArray<OpenCall>): Action => {
  const failed = failedBeside(state)
  if (failed === undefined) return { type: "takeAnswer", call: call!, others }
  const text = `not taken: ${failed.name}, called beside it, failed. Look at its result, then give your final answer again.`
  return { type: "settle", calls: [call!, ...others], text: () => text, isError: () => true, isRejected: true }
}

/** Ask a model, after whatever has to come before. */
const ask = (state: State, limits: Limits): Action => {
  const [limit] = reachedOf(state, [], limits)
  if (limit !== undefined) return pause(limit)
  if (state.steps >= limits.maxSteps) return { ...exhausted, limit: "steps" }
  if (state.rejections >= maxRejections) return { ...exhausted, limit: "rejections" }
  const choice = choose(limits.models, state, limits.now)
  const count = compactable(state, limits)
  if (count !== null) {
    if (state.compactions >= maxCompactions) return { ...exhausted, limit: "compactions" }
    if (choice !== null || !mayPass(state.failures)) return { type: "compact", count, choice }
  } else if (state.isOverflowing) return exhausted
  else if (choice !== null) return { type: "callModel", choice }
  if (!mayPass(state.failures) || state.reschedules >= limits.maxReschedules) return exhausted
  return { type: "reschedule", delay: rescheduleDelays[state.reschedules] ?? rescheduleDelays.at(-1)! }
}

const compactable = (state: State, { contextWindow }: Limits): number | null => {
  const { contextTokens, isOverflowing } = state
  // Some servers count nothing.
  const occupied = contextTokens || TokenEstimate.tokens(state.messages)
  if (!isOverflowing && !Compaction.isDue(occupied, contextWindow)) return null
  return Compaction.plan(state.messages, { contextWindow, contextTokens, overflowed: isOverflowing })
}

/** A client may answer some of what it was asked: the rest is asked for again. */
const whileWaiting = (open: ReadonlyArray<OpenCall>, asked: number, now: number): Action => {
  const waiting = open.filter(waitsForClient)
  if (waiting.length === 0 || waiting.some((call) => isExpired(call, now))) return resume
  if (waiting.length < asked) {
    return { type: "stop", stopReason: { type: "requires_action", event_ids: waiting.map((call) => call.id) } }
  }
  const ends = waiting.flatMap(({ egress }) => (egress === null ? [] : Date.parse(egress.expires_at)))
  return ends.length === 0 ? rest : { type: "rest", until: Math.min(...ends) }
}

const abort = (state: State, open: ReadonlyArray<OpenCall>): Action => {
  if (state.isRequesting) return { type: "closeRequest", id: state.request!.id }
  if (open.length > 0)
    return { type: "settle", calls: open, text: () => "interrupted by the user", isError: () => true }
  const cancelled = state.queue.filter(({ id }) => state.cancelled.includes(id))
  if (cancelled.length > 0) return { type: "takeIn", messages: cancelled }
  return { type: "stop", stopReason: { type: "end_turn" } }
}

/** Calls that a process which is gone may have been running, in a state that was just read from the log. */
export const inDoubt = (state: State): ReadonlyArray<OpenCall> =>
  state.status === "running"
    ? unanswered(state).filter((call) => call.permission === "allow" && call.runner === "deployment")
    : []
