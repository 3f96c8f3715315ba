import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { SessionEvent } from "../../src/domain/Event.ts"
import {
  ModelClient,
  ModelError,
  type ModelErrorReason,
  type ModelPart,
  ModelErrorReason as Reasons
} from "../../src/ModelClient.ts"
import { Playback } from "../../src/trace/Playback.ts"

/** Answers as the recorded model did: what it said, what it called, or how it failed. */
export const layer: Layer.Layer<ModelClient, never, Playback> = Layer.effect(
  ModelClient,
  Effect.map(Playback, (playback) =>
    ModelClient.of({
      stream: (request) =>
        Stream.unwrap(
          Effect.map(playback.answer(request), (events) => {
            const reason = failureOf(events)
            if (reason !== undefined) return Stream.fail(new ModelError({ model: request.model, reason }))
            return Stream.fromIterable(events.flatMap((event) => partsOf(event, events)))
          })
        )
    })
  )
)

const textOf = ({ content }: { readonly content: ReadonlyArray<{ readonly text: string }> }) =>
  content.map(({ text }) => text).join("\n")

const partsOf = (event: SessionEvent, answer: ReadonlyArray<SessionEvent>): ReadonlyArray<ModelPart> => {
  switch (event.type) {
    case "agent.thinking":
      return [{ type: "reasoning", text: textOf(event) }]
    case "agent.message":
      return [{ type: "text", text: textOf(event) }]
    case "agent.thread_context_compacted":
      return [{ type: "text", text: textOf({ content: event.summary }) }]
    case "agent.tool_use":
    case "agent.custom_tool_use": {
      const { id, input, name, written } = event
      const call = { type: "tool_call", name, arguments: written ?? JSON.stringify(input) } as const
      if (written !== null) return [call]
      const result = answer.find((event) => event.type === "agent.tool_result" && event.tool_use_id === id)
      return [{ ...call, problem: result?.type === "agent.tool_result" ? textOf(result) : "" }]
    }
    case "span.model_request_end":
      return [{ type: "finish", usage: event.model_usage, truncated: event.truncated ?? false }]
    default:
      return []
  }
}

/** Why the attempt failed, of which the error after its end tells. */
const failureOf = (events: ReadonlyArray<SessionEvent>): ModelErrorReason | undefined => {
  const error = events.at(-1)
  if (error?.type !== "session.error") return undefined
  const { message, model, reason: tag, retry_after_ms: retryAfterMs } = error.error
  const Reason = Reasons.members.find(({ identifier }) => identifier === tag)
  if (Reason === undefined) return undefined
  const detail = message.slice(`${model}: ${tag}: `.length)
  return new Reason({ detail, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
}
