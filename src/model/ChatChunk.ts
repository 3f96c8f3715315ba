import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"

/**
 * What a server sends of an answer: a chunk of a stream or a whole answer, in the OpenAI shape or in Workers AI's older one. The checks are
 * written out, for they run once per token: a schema's take several times as long.
 */

type Text = string | null | undefined
type Count = number | null | undefined

export interface ToolCallDelta {
  readonly index?: number | string | null
  readonly id?: string | number | null
  readonly function?: { readonly name?: Text; readonly arguments?: unknown } | null
  readonly name?: Text
  /** Text or an object, whatever the documentation says. */
  readonly arguments?: unknown
}

/** Text, or the parts of it. */
type Content = string | ReadonlyArray<{ readonly text?: Text }> | null | undefined

interface Delta {
  readonly content?: Content
  readonly reasoning_content?: Text
  readonly reasoning?: Text
  readonly tool_calls?: ReadonlyArray<ToolCallDelta> | null
}

export interface Usage {
  readonly prompt_tokens?: Count
  readonly completion_tokens?: Count
  readonly prompt_tokens_details?: { readonly cached_tokens?: Count } | null
}

interface OpenAiChunk {
  readonly object?: unknown
  readonly choices?: ReadonlyArray<{
    readonly delta?: Delta | null
    readonly message?: Delta | null
    readonly finish_reason?: Text
  }> | null
  readonly usage?: Usage | null
}

interface LegacyChunk {
  readonly response?: unknown
  readonly tool_calls?: ReadonlyArray<ToolCallDelta> | null
  readonly finish_reason?: Text
  readonly usage?: Usage | null
}

type Check = (value: unknown) => boolean

const isAbsent: Check = (value) => value === undefined || value === null
const isText: Check = (value) => isAbsent(value) || typeof value === "string"
const isCount: Check = (value) => isAbsent(value) || Number.isFinite(value)
const isIndex: Check = (value) => isCount(value) || (typeof value === "string" && /^\d+$/.test(value))
const isId: Check = (value) => isText(value) || Number.isFinite(value)

/** Absent, or an object whose fields pass: read as one of the shape that the check names. */
const isOptional =
  (isFitting: (fields: { readonly [name: string]: unknown }) => boolean): Check =>
  (value) =>
    isAbsent(value) || (Predicate.isObject(value) && isFitting(value as { readonly [name: string]: unknown })) // an object

const isList =
  (isFitting: Check): Check =>
  (value) =>
    isAbsent(value) || (Array.isArray(value) && value.every((item) => !isAbsent(item) && isFitting(item)))

const isFunction = isOptional(({ name }) => isText(name))
const isToolCall = isOptional(
  (call) => isIndex(call["index"]) && isId(call["id"]) && isText(call["name"]) && isFunction(call["function"])
)
const areToolCalls = isList(isToolCall)
const areParts = isList(isOptional(({ text }) => isText(text)))
const isDelta = isOptional(
  ({ content, reasoning_content, reasoning, tool_calls }) =>
    (isText(content) || areParts(content)) && isText(reasoning_content) && isText(reasoning) && areToolCalls(tool_calls)
)
const isUsage = isOptional(
  ({ prompt_tokens, completion_tokens, prompt_tokens_details }) =>
    isCount(prompt_tokens) && isCount(completion_tokens) && isCached(prompt_tokens_details)
)
const isCached = isOptional(({ cached_tokens }) => isCount(cached_tokens))
const areChoices = isList(
  isOptional(({ delta, message, finish_reason }) => isDelta(delta) && isDelta(message) && isText(finish_reason))
)

const isOpenAiChunk = (json: unknown): json is OpenAiChunk => {
  if (!Predicate.isObject(json)) return false
  const { choices, usage } = json as OpenAiChunk // As far as these two checks say.
  return areChoices(choices) && isUsage(usage)
}

const isLegacyChunk = (json: unknown): json is LegacyChunk => {
  if (!Predicate.isObject(json)) return false
  const { tool_calls, finish_reason, usage } = json as LegacyChunk // As far as these checks say.
  return areToolCalls(tool_calls) && isText(finish_reason) && isUsage(usage)
}

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

const contentText = (content: Content): string =>
  typeof content === "string" ? content : (content?.map(({ text }) => text ?? "").join("") ?? "")

/** Workers AI sends tokens that look like numbers as numbers, and JSON answers as objects. */
const responseText = (response: unknown): string => {
  if (response === undefined || response === null) return ""
  return typeof response === "string" ? response : JSON.stringify(response)
}

export const parseJson = (text: string): unknown => Result.getOrUndefined(Result.try((): unknown => JSON.parse(text)))
