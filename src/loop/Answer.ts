import * as Stream from "effect/Stream"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { maskFinished } from "../domain/AnthropicKey.ts"
import type { DeltaFrame, ModelUsage } from "../domain/Event.ts"
import { type EventId, nextEventId } from "../domain/Ids.ts"
import { ModelClient, ModelError, type ModelPart, type ModelRequest, InvalidResponse } from "../ModelClient.ts"

/** A whole answer of a model. An id is that of the event the part becomes; null where the part is absent. */
export interface Answer {
  readonly thinking: { readonly id: EventId; readonly text: string } | null
  readonly message: { readonly id: EventId; readonly text: string } | null
  readonly calls: ReadonlyArray<Omit<Extract<ModelPart, { readonly type: "tool_call" }>, "type">>
  readonly usage: ModelUsage
  /** Cut off at the model's length limit. */
  readonly truncated: boolean
}

/** Deltas go out at most this often, in milliseconds: a listener sees no difference, and the loop spends less on it. */
const frameInterval = 30

/** A part that is being written, under the id of the event that will hold it. */
class Part {
  id: EventId | null = null
  text = ""
  private shown = 0
  private shownAt = 0
  private readonly type: "agent.message" | "agent.thinking"

  constructor(type: "agent.message" | "agent.thinking") {
    this.type = type
  }

  /** What listeners have not seen yet, where it is time to show it. The beginning of a key waits for its end, which may be in another delta. */
  frames(now: number): ReadonlyArray<DeltaFrame> {
    if (this.id === null || this.shown === this.text.length || now - this.shownAt < frameInterval) return []
    const { end, text } = maskFinished(this.text, this.shown)
    if (end === this.shown) return []
    const start: ReadonlyArray<DeltaFrame> =
      this.shown === 0 ? [{ type: "event_start", event: { type: this.type, id: this.id } }] : []
    this.shown = end
    this.shownAt = now
    return [
      ...start,
      {
        type: "event_delta",
        event_id: this.id,
        delta: { type: "content_delta", index: 0, content: { type: "text", text } }
      }
    ]
  }

  whole() {
    return this.id === null ? null : { id: this.id, text: this.text }
  }
}

/** Reads a model's answer to its end, showing it while it comes. */
export const read = Effect.fn("ModelClient.stream")(function* (
  request: ModelRequest,
  show: (frames: ReadonlyArray<DeltaFrame>) => Effect.Effect<void>
) {
  yield* Effect.annotateCurrentSpan({ "gen_ai.request.model": request.model, "session.id": request.sessionId })
  const models = yield* ModelClient
  const message = new Part("agent.message")
  const thinking = new Part("agent.thinking")
  const calls: Array<Answer["calls"][number]> = []
  let usage: ModelUsage | null = null
  let truncated = false

  const add = Effect.fnUntraced(function* (part: Part, text: string) {
    if (text === "") return
    part.id ??= yield* nextEventId
    part.text += text
  })
  const take = (part: ModelPart): Effect.Effect<void, never, Effect.Services<typeof nextEventId>> | undefined => {
    switch (part.type) {
      case "text":
        return message.id === null ? add(message, part.text) : void (message.text += part.text)
      case "reasoning":
        return thinking.id === null ? add(thinking, part.text) : void (thinking.text += part.text)
      case "tool_call":
        return void calls.push(part)
      case "finish":
        truncated = part.truncated
        return void (usage = part.usage)
    }
  }

  yield* Stream.runForEachArray(
    models.stream(request),
    Effect.fnUntraced(function* (parts) {
      for (const part of parts) {
        const effect = take(part)
        if (effect !== undefined) yield* effect
      }
      const now = yield* Clock.currentTimeMillis
      const frames = [...thinking.frames(now), ...message.frames(now)]
      if (frames.length > 0) yield* show(frames)
    })
  ).pipe(Effect.catchDefect((defect) => new ModelError({ model: request.model, reason: broken(defect) })))
  if (usage === null || (message.text.trim() === "" && calls.length === 0)) {
    const detail = usage === null ? "the stream ended without an end" : "the model answered nothing"
    return yield* new ModelError({ model: request.model, reason: new InvalidResponse({ detail }) })
  }
  return { thinking: thinking.whole(), message: message.whole(), calls, usage, truncated } satisfies Answer
})

/** A provider's adapter that breaks is a failed model request, not the end of the session. */
const broken = (defect: unknown) =>
  new InvalidResponse({ detail: Predicate.isError(defect) ? defect.message : "the provider's adapter failed" })
