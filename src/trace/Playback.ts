import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { SessionEvent, Setup } from "../domain/Event.ts"
import type { WorkspaceSnapshot } from "../domain/WorkspaceSnapshot.ts"
import * as Hash from "../loop/Hash.ts"
import type { Rebuilt } from "../loop/Rebuild.ts"
import type { ModelRequest, ToolCall } from "../ModelClient.ts"
import { SnapshotFailed } from "../Snapshots.ts"
import type { ToolResult } from "../ToolRegistry.ts"
import { differences } from "./differences.ts"
import { isInput, type Recorded } from "./Recorded.ts"
import { ReplayDivergence } from "./ReplayDivergence.ts"
import * as Shown from "./Shown.ts"
import { sameEvents } from "./sameEvents.ts"

/** What the loop waits for, and whether the recording has come to it. */
interface Gate {
  readonly waitsFor: string
  readonly isOpen: () => boolean
  readonly open: () => void
}

/**
 * What one process of a replayed session is told from outside, by the layers that stand for the outside. The recording sets the pace: each
 * of these comes when it is what the recorded log goes on with. It is driven by `replay`.
 */
export class Playback extends Context.Service<Playback, Process>()("ownloop/trace/Playback") {}

/** One process of the replayed session. */
export class Process {
  readonly setup: Setup | undefined
  readonly recorded: Recorded
  /** Where this process first went another way than the recorded one. */
  divergence: ReplayDivergence | undefined
  isDead = false
  /** Place before which an input is on its way into the log. */
  sendingAt: number | undefined
  /** So many processes died at this place that this one gives the turn up. */
  private readonly isLast: boolean
  private isFresh = true
  private gates: ReadonlyArray<Gate> = []
  private messages: ReadonlyArray<unknown>

  constructor(recorded: Recorded, messages: ReadonlyArray<unknown>, isLast = false) {
    this.recorded = recorded
    this.setup = recorded.setup
    this.messages = messages
    this.isLast = isLast
  }

  /** Whether what comes next is the work of another process, for this one died or was replaced by a deploy. */
  get isDoomed(): boolean {
    const { death, nextSetup } = this.recorded
    if (nextSetup !== undefined && nextSetup !== this.setup) return true
    return death !== null && !(death === "once" ? this.isFresh : this.isLast)
  }

  /** Milliseconds since the epoch. Whoever asks decides by it: not before what the log has first is in it. */
  readonly time: Effect.Effect<number> = Effect.suspend(() => {
    const { recorded } = this
    const isReady = () =>
      !this.isDoomed && (recorded.next === undefined || !isInput(recorded.next) || this.sendingAt === recorded.seq)
    return Effect.map(isReady() ? Effect.void : this.gate("the time", isReady), () => recorded.time)
  })

  /** A pause is over once the loop is what goes on. */
  readonly sleep: Effect.Effect<void> = Effect.suspend(() =>
    this.gate("a pause", () => {
      const { next } = this.recorded
      return next !== undefined && !isInput(next) && !this.isDoomed
    })
  )

  /** The events that the model's answer becomes, once they are what comes next. */
  answer(request: ModelRequest): Effect.Effect<ReadonlyArray<SessionEvent>> {
    return Effect.suspend(() => {
      const divergence = this.checkPrompt(request)
      if (divergence !== undefined) return this.diverge(divergence)
      const isAnswer = () => this.recorded.death === null && this.recorded.answer !== undefined
      return Effect.map(this.gate("a model", isAnswer), () => this.recorded.answer ?? [])
    })
  }

  /** What the tool answered, once its result is what comes next. */
  result({ id, name }: Pick<ToolCall, "id" | "name">): Effect.Effect<ToolResult> {
    const isResult = () => {
      const { next, death } = this.recorded
      return next?.type === "agent.tool_result" && next.tool_use_id === id && death === null
    }
    return Effect.map(this.gate(`the tool ${name}`, isResult), () => {
      const { next, nextText } = this.recorded
      if (next?.type !== "agent.tool_result") return { text: "", isError: true } // Not reached: the gate is open for nothing else.
      const text = nextText ?? next.content.map(({ text }) => text).join("\n")
      return { text, isError: next.is_error, ...(next.rejected === true ? { rejected: true } : {}) }
    })
  }

  /** What came of saving the workspace, once that is what comes next. */
  readonly saved: Effect.Effect<WorkspaceSnapshot, SnapshotFailed> = Effect.suspend(() => {
    const isOutcome = () => {
      const { next, death } = this.recorded
      return (
        death === null && (next?.type === "session.workspace_saved" || next?.type === "session.workspace_not_saved")
      )
    }
    return Effect.flatMap(this.gate("the workspace to be saved", isOutcome), () => {
      const { next } = this.recorded
      if (next?.type === "session.workspace_saved") return Effect.succeed(next.snapshot)
      return Effect.fail(
        new SnapshotFailed({ detail: next?.type === "session.workspace_not_saved" ? next.message : "" })
      )
    })
  })

  /** What became of a fork's files, once that is what comes next. */
  readonly rebuilt: Effect.Effect<Rebuilt> = Effect.suspend(() => {
    const found = () => {
      const { next, death } = this.recorded
      return next?.type === "session.workspace_rebuilt" && death === null ? next : undefined
    }
    const answered = this.gate("the files of the fork", () => found() !== undefined)
    return Effect.map(answered, () => ({ calls: found()?.calls ?? 0, differing: found()?.differing ?? [] }))
  })

  /** What was recorded in place of the events that the loop wants to log: the same, but for ids and times. */
  expect(events: ReadonlyArray<SessionEvent>): Effect.Effect<ReadonlyArray<SessionEvent>> {
    return Effect.suspend(() => {
      const expected = this.recorded.ahead(events.length)
      const difference = sameEvents(expected, events)
      if (difference === null) return Effect.succeed(expected)
      const { index, differences } = difference
      const [recorded, replayed] = [expected[index]?.type ?? null, events[index]!.type]
      const isInputOfTool = recorded === replayed && replayed.endsWith("tool_use")
      const reason = recorded === null ? "extra" : isInputOfTool ? "tool_input" : "event"
      return this.diverge(this.differs({ reason, recorded, replayed, differences }, index))
    })
  }

  /** They are in the log. */
  logged(count: number): void {
    this.isFresh = false
    this.recorded.advance(count)
  }

  /** Lets go on what can; false where nothing can. */
  proceed(): boolean {
    const open = this.gates.filter((gate) => gate.isOpen())
    this.gates = this.gates.filter((gate) => !open.includes(gate))
    for (const gate of open) gate.open()
    return open.length > 0
  }

  get isWaiting(): boolean {
    return this.gates.length > 0
  }

  /** The loop does not do what comes next, but what `replayed` says. */
  missing(replayed = this.doing): ReplayDivergence {
    const { next } = this.recorded
    return this.differs({ reason: "missing", recorded: next?.type ?? null, replayed, differences: [] }, 0)
  }

  /** What the model was last shown, for the process after this one. */
  get shown(): ReadonlyArray<unknown> {
    return this.messages
  }

  private get doing(): string {
    const waits = this.gates.map(({ waitsFor }) => waitsFor)
    return waits.length === 0 ? "rests" : `waits for ${waits.join(" and ")}`
  }

  private gate(waitsFor: string, isOpen: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const gate = { waitsFor, isOpen, open: () => resume(Effect.void) }
      this.gates = [...this.gates, gate]
      return Effect.sync(() => (this.gates = this.gates.filter((other) => other !== gate)))
    })
  }

  /** Nothing more happens in this process. */
  private diverge(divergence: ReplayDivergence): Effect.Effect<never> {
    this.divergence ??= divergence
    return Effect.never
  }

  private differs(
    what: Pick<ReplayDivergence, "reason" | "recorded" | "replayed" | "differences">,
    index: number
  ): ReplayDivergence {
    const { id: session, step } = this.recorded
    return new ReplayDivergence({ session, step, seq: this.recorded.placeOf(index), ...what })
  }

  private checkPrompt(request: ModelRequest): ReplayDivergence | undefined {
    const { start } = this.recorded
    const messages = this.messages
    if (start?.event.purpose === undefined) this.messages = request.messages
    const hash = Hash.ofRequest(request)
    if (start?.event.request_hash === undefined || start.event.request_hash === hash) return undefined
    const from = start.request?.from ?? Shown.since(messages, request.messages)
    const replayed = { system: request.system, messages: messagesFrom(request.messages, from) }
    const recorded = {
      system: start.request?.system ?? request.system,
      messages: start.request === undefined ? null : messagesFrom(start.request.messages, 0, from)
    }
    const found = start.request === undefined ? [] : differences(recorded, replayed)
    const type = start.event.type
    const hashes = { path: "request_hash", recorded: start.event.request_hash, replayed: hash }
    return this.differs(
      { reason: "prompt", recorded: type, replayed: type, differences: found.length === 0 ? [hashes] : found },
      -1
    )
  }
}

/** By their places in the conversation. */
const messagesFrom = (messages: ReadonlyArray<unknown>, from: number, first = from) =>
  Object.fromEntries(messages.slice(from).map((message, index) => [first + index, message]))
