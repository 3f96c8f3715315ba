import { Sse } from "effect/encoding"
import type { ModelUsage } from "../domain/Event.ts"
import { ConnectionFailed, InvalidResponse, type ModelErrorReason, type ModelPart } from "../ModelClient.ts"
import { type ChatChunk, parseJson, read, type Usage } from "./ChatChunk.ts"
import * as ProviderFailure from "./ProviderFailure.ts"
import { ToolCallDeltas } from "./ToolCallDeltas.ts"

/**
 * Reads the body of an answer, cut into pieces anywhere: server-sent events, or one JSON document where the server did not stream.
 * Pure: `feed` and `end` take text in, `take` hands the parts out, and `outcome` says how the answer ended.
 */
export class ChatStream {
  /** `finished` once the last part is there; a reason once nothing can follow; undefined while the answer goes on. */
  outcome: "finished" | ModelErrorReason | undefined

  private parts: Array<ModelPart> = []
  private format: "events" | "document" | undefined
  /** All of a document; of events what came before the first line, and something to quote. */
  private text = ""
  private events = 0
  private ending = false
  private sawFinishReason = false
  private usage: Usage | null = null
  private readonly calls = new ToolCallDeltas()
  private readonly parser = Sse.makeParser((event) => {
    if (event._tag === "Event") this.event(event.data)
  })
  private readonly classify: ProviderFailure.Classify

  constructor(classify: ProviderFailure.Classify) {
    this.classify = classify
  }

  feed(text: string): void {
    if (this.format === undefined) {
      this.text += text
      const start = this.text.trimStart()
      if (start === "") return
      this.format = start.startsWith("{") || start.startsWith("[") ? "document" : "events"
      if (this.format === "events") this.parse(this.text)
    } else if (this.format === "document") {
      this.text += text
    } else {
      this.parse(text)
    }
  }

  /** The body is over, broken off where there is a reason. */
  end(broken?: ModelErrorReason): void {
    if (this.outcome !== undefined) return
    if (this.format === "document" && broken === undefined) return this.document()
    this.ending = true
    if (this.format === "events") this.parse("\n\n")
    if (this.outcome !== undefined) return
    this.outcome = this.sawFinishReason ? this.finish() : (broken ?? this.truncated())
  }

  /** The parts since it was last asked. */
  take(): ReadonlyArray<ModelPart> {
    const parts = this.parts
    this.parts = []
    return parts
  }

  private parse(text: string): void {
    const error = this.parser.feed(text)
    if (error !== undefined) this.outcome ??= new InvalidResponse({ detail: error.message })
  }

  private event(data: string): void {
    if (this.outcome !== undefined || data.trim() === "") return
    if (data.trim() === "[DONE]") {
      this.outcome = this.finish()
      return
    }
    const json = parseJson(data)
    // The last line of a stream that broke off is no answer, but no nonsense either.
    if (json === undefined && this.ending) return
    this.events++
    this.chunk(json, data)
  }

  private document(): void {
    const json = parseJson(this.text)
    const answer = json !== null && typeof json === "object" && "result" in json ? (json.result ?? json) : json
    this.chunk(answer, this.text)
    this.outcome ??= this.finish()
  }

  private chunk(json: unknown, text: string): void {
    const chunk = read(json)
    const failure = chunk === undefined || hasError(json) ? ProviderFailure.fromJson(json) : undefined
    if (failure !== undefined) {
      this.outcome = this.classify(failure)
    } else if (chunk === undefined) {
      this.outcome = this.nonsense(text)
    } else {
      this.add(chunk)
    }
  }

  private add(chunk: ChatChunk): void {
    if (chunk.reasoning !== "") this.parts.push({ type: "reasoning", text: chunk.reasoning })
    if (chunk.text !== "") this.parts.push({ type: "text", text: chunk.text })
    for (const delta of chunk.toolCalls) this.calls.add(delta)
    if (chunk.usage !== null) this.usage = chunk.usage
    this.sawFinishReason ||= chunk.finished
  }

  private finish(): "finished" | ModelErrorReason {
    for (const call of this.calls.calls) {
      if (call.name === "") return new InvalidResponse({ detail: "a tool call has no name" })
    }
    for (const { name, arguments: text } of this.calls.calls) {
      this.parts.push({ type: "tool_call", name, arguments: text })
    }
    this.parts.push({ type: "finish", usage: modelUsage(this.usage) })
    return "finished"
  }

  private nonsense(text: string): ModelErrorReason {
    return this.classify({ status: 200, code: "", detail: `not a chat completion: ${text}` })
  }

  private truncated(): ModelErrorReason {
    const start = this.text.trimStart()
    return this.events > 0 || fields.some((field) => start.startsWith(field) || field.startsWith(start))
      ? new ConnectionFailed({ detail: "the answer ended before its end marker" })
      : this.nonsense(start)
  }
}

/** What a stream of events begins with. */
const fields = ["data:", "event:", "id:", "retry:", ":"]

const hasError = (json: unknown): boolean =>
  json !== null && typeof json === "object" && "error" in json && Boolean(json.error)

/** Servers count the prompt's cached part in, the wire API counts it apart. */
const modelUsage = (usage: Usage | null): ModelUsage => {
  const cached = Math.trunc(usage?.prompt_tokens_details?.cached_tokens ?? 0)
  return {
    input_tokens: Math.max(0, Math.trunc(usage?.prompt_tokens ?? 0) - cached),
    output_tokens: Math.trunc(usage?.completion_tokens ?? 0),
    cache_read_input_tokens: cached,
    cache_creation_input_tokens: 0
  }
}
