import { Result, Schema } from "effect"

/** What a server sends of an answer: a chunk of a stream or a whole answer, in the OpenAI shape or in Workers AI's older one. */

const text = Schema.optionalKey(Schema.NullOr(Schema.String))
const count = Schema.optionalKey(Schema.NullOr(Schema.Finite))
/** Text or an object, whatever the documentation says. */
const argumentsOf = Schema.optionalKey(Schema.Unknown)

const digits = Schema.String.check(Schema.isPattern(/^\d+$/))

const ToolCallDelta = Schema.Struct({
  index: Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.Finite, digits]))),
  id: Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.String, Schema.Finite]))),
  function: Schema.optionalKey(Schema.NullOr(Schema.Struct({ name: text, arguments: argumentsOf }))),
  name: text,
  arguments: argumentsOf
})
export type ToolCallDelta = typeof ToolCallDelta.Type

const toolCalls = Schema.optionalKey(Schema.NullOr(Schema.Array(ToolCallDelta)))

/** Text, or the parts of it. */
const content = Schema.optionalKey(Schema.NullOr(Schema.Union([Schema.String, Schema.Array(Schema.Struct({ text }))])))

const Delta = Schema.Struct({ content, reasoning_content: text, reasoning: text, tool_calls: toolCalls })
const delta = Schema.optionalKey(Schema.NullOr(Delta))

const Usage = Schema.Struct({
  prompt_tokens: count,
  completion_tokens: count,
  prompt_tokens_details: Schema.optionalKey(Schema.NullOr(Schema.Struct({ cached_tokens: count })))
})
export type Usage = typeof Usage.Type

const usage = Schema.optionalKey(Schema.NullOr(Usage))

const OpenAiChunk = Schema.Struct({
  object: Schema.optionalKey(Schema.Unknown),
  choices: Schema.optionalKey(
    Schema.NullOr(Schema.Array(Schema.Struct({ delta, message: delta, finish_reason: text })))
  ),
  usage
})

const LegacyChunk = Schema.Struct({
  response: Schema.optionalKey(Schema.Unknown),
  tool_calls: toolCalls,
  finish_reason: text,
  usage
})

const isOpenAiChunk = Schema.is(OpenAiChunk)
const isLegacyChunk = Schema.is(LegacyChunk)

export interface ChatChunk {
  readonly text: string
  readonly reasoning: string
  readonly toolCalls: ReadonlyArray<ToolCallDelta>
  /** Empty while the answer goes on. */
  readonly finishReason: string
  readonly usage: Usage | null
}

const noCalls: ReadonlyArray<ToolCallDelta> = []

/** Undefined where the value is in neither shape. Only checks, never copies: it runs once per token. */
export const read = (json: unknown): ChatChunk | undefined => {
  if (isOpenAiChunk(json) && (json.choices || json.object === "chat.completion.chunk")) {
    const choice = json.choices?.[0]
    const delta = choice?.delta ?? choice?.message
    return {
      text: contentText(delta?.content),
      reasoning: delta?.reasoning_content || delta?.reasoning || "",
      toolCalls: delta?.tool_calls ?? noCalls,
      finishReason: choice?.finish_reason ?? "",
      usage: json.usage ?? null
    }
  }
  if (isLegacyChunk(json) && ("response" in json || json.tool_calls || json.usage)) {
    return {
      text: responseText(json.response),
      reasoning: "",
      toolCalls: json.tool_calls ?? noCalls,
      finishReason: json.finish_reason ?? "",
      usage: json.usage ?? null
    }
  }
  return undefined
}

const contentText = (content: (typeof Delta.Type)["content"]): string =>
  typeof content === "string" ? content : (content?.map(({ text }) => text ?? "").join("") ?? "")

/** Workers AI sends tokens that look like numbers as numbers, and JSON answers as objects. */
const responseText = (response: unknown): string => {
  if (response === undefined || response === null) return ""
  return typeof response === "string" ? response : JSON.stringify(response)
}

export const parseJson = (text: string): unknown => Result.getOrUndefined(Result.try((): unknown => JSON.parse(text)))
