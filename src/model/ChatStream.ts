import * as Sse from "effect/encoding/Sse"
import type { ModelUsage } from "../domain/Event.ts"
import {
  AnswerTooLong,
  ConnectionFailed,
  InvalidResponse,
  type ModelErrorReason,
  type ModelPart,
  type ModelRequest
} from "../ModelClient.ts"
import { type ChatChunk, parseJson, read, type Usage } from "./ChatChunk.ts"
import * as ProviderFailure from "./ProviderFailure.ts"
import { SpokenCalls } from "./SpokenCalls.ts"
import { ToolCallDeltas } from "./ToolCallDeltas.ts"

/** Characters of text, reasoning and calls together: each becomes a row of the session's log, and a row holds 2 MB. */
const longestAnswer = 600_000
/** Characters of a document or of one event: JSON may write each of an answer's characters as six. */
const longestJson = 4_000_000

const empty = "the answer is empty"
const emptyAnswer = () => new InvalidResponse({ detail: empty })
export const isEmptyAnswer = (reason: ModelErrorReason): boolean =>
  reason._tag === "InvalidResponse" && reason.detail === empty

const isNothing = (result: unknown): boolean =>
  result === null || result === "" || (typeof result === "object" && Object.keys(result).length === 0)

const tooLong = (length: number) => new AnswerTooLong({ detail: `the answer is longer than ${length} characters` })

/**
 * Reads the body of an answer, cut into pieces anywhere: server-sent events, or one JSON document where the server did not stream.
 * Pure: `feed` and `end` take text in, `take` hands the parts out, and `outcome` says how the answer ended.
 */
export class ChatStream {
  /** `finished` once the last part is there; a reason once nothing can follow; undefined while the answer goes on. */
  outcome: "finished" | ModelErrorReason | undefined

  private parts: Array<ModelPart> = []
  private format: "events" | "document" | undefined
  /** All of a document; of events the first piece, something to quote. */
  private text = ""
  private events = 0
  private ending = false
  private finishReason = ""
  private length = 0
  private usage: Usage | null = null
  private readonly calls: ToolCallDeltas
  private readonly parser = Sse.makeParser(
    (event) => {
      if (event._tag === "Event") this.event(event.data)
    },
    { maxEventSize: longestJson }
  )
  private readonly classify: ProviderFailure.Classify
  private readonly spoken: SpokenCalls

  constructor(classify: ProviderFailure.Classify, request: Pick<ModelRequest, "model" | "tools">) {
    this.classify = classify
    this.spoken = new SpokenCalls(request)
    this.calls = new ToolCallDeltas(request.tools.map(({ name }) => name))
  }

  feed(text: string): void {
    if (this.outcome !== undefined) return
    if (this.format === undefined) {
      this.text = text.trimStart()
      if (this.text === "") return
      this.format = this.text.startsWith("{") || this.text.startsWith("[") ? "document" : "events"
      if (this.format === "events") this.parse(this.text)
    } else if (this.format === "document") {
      this.text += text
      if (this.text.length > longestJson) this.outcome = tooLong(longestJson)
    } else {
      this.parse(text)
    }
  }

  /** The body is over, broken off where there is a reason. */
  end(broken?: ModelErrorReason): void {
    if (this.outcome !== undefined) return
    if (this.format === "document" && broken === undefined) return this.document()
    if (this.format === undefined && broken === undefined) this.outcome = emptyAnswer()
    this.ending = true
    if (this.format === "events") this.parse("\n\n")
    if (this.outcome !== undefined) return
    this.outcome = this.finishReason === "" ? (broken ?? this.brokenOff()) : this.finish()
  }

  /** The parts since it was last asked. */
  take(): ReadonlyArray<ModelPart> {
    const parts = this.parts
    this.parts = []
    return parts
  }

  private parse(text: string): void {
    if (this.parser.feed(text) !== undefined) this.outcome ??= tooLong(longestJson)
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
    const isWrapped = json !== null && typeof json === "object" && "result" in json
    if (isWrapped && "success" in json && json.success === true && isNothing(json.result)) this.outcome = emptyAnswer()
    else this.chunk(isWrapped ? (json.result ?? json) : json, this.text)
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
    if (this.format === "document") this.calls.addWhole(chunk.toolCalls)
    else this.calls.addPieces(chunk.toolCalls)
    this.length += chunk.reasoning.length + chunk.text.length
    if (this.length + this.calls.length > longestAnswer) {
      this.outcome = tooLong(longestAnswer)
      return
    }
    if (chunk.reasoning !== "") {
      this.spoken.think(chunk.reasoning)
      this.parts.push({ type: "reasoning", text: chunk.reasoning })
    }
    if (chunk.text !== "") this.parts.push(...this.spoken.push(chunk.text))
    if (chunk.usage !== null) this.usage = chunk.usage
    this.finishReason ||= chunk.finishReason
  }

  private finish(): "finished" | ModelErrorReason {
    for (const call of this.calls.calls) {
      if (call.name === "") return new InvalidResponse({ detail: "a tool call has no name" })
    }
    const truncated = lengthLimits.has(this.finishReason)
    this.parts.push(...this.spoken.end(truncated, this.calls.calls.length > 0))
    for (const { name, arguments: text } of this.calls.calls) {
      this.parts.push({ type: "tool_call", name, arguments: text })
    }
    this.parts.push({ type: "finish", usage: modelUsage(this.usage), truncated })
    return "finished"
  }

  private nonsense(text: string): ModelErrorReason {
    return this.classify({ status: 200, code: "", detail: `not a chat completion: ${text}` })
  }

  private brokenOff(): ModelErrorReason {
    const start = this.text
    return this.events > 0 || fields.some((field) => start.startsWith(field) || field.startsWith(start))
      ? new ConnectionFailed({ detail: "the answer ended before its end marker" })
      : this.nonsense(start)
  }
}

/** How servers say that an answer was cut off at the model's length limit. */
const lengthLimits: ReadonlySet<string> = new Set(["length", "model_length", "max_tokens"])

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
