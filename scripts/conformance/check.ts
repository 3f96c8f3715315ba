import { isDeepStrictEqual } from "node:util"
import * as Arguments from "../../src/model/Arguments.ts"
import { header } from "../../src/model/dialects/harmony.ts"
import { make, type Options, parse, type Parsed } from "../../src/model/ToolCallText.ts"
import type { Case, ExpectedCall, HarmonyEvent } from "./cases.ts"

export interface Verdict {
  /** Undefined where the case says nothing about it. */
  readonly calls?: boolean
  readonly content?: boolean
  readonly parsed?: Parsed
}

/** Compares what we read with what the case expects, in the way the data's README asks for. */
export const check = (one: Case, options: Options): Verdict => {
  if (one.kind === "header") {
    const { channel, recipient, role } = one.expected
    return { calls: isDeepStrictEqual(header(one.input), { role, channel, recipient }) }
  }
  const parsed = parse(one.input, options)
  if (one.kind === "events") return { ...checkEvents(one.expected.events ?? [], parsed), parsed }
  const content = sameContent(one, parsed.content)
  if (one.kind === "segments") return { content, parsed }
  return { calls: sameCalls(one, parsed), content, parsed }
}

const sameCalls = ({ expected: { calls = [] } }: Case, parsed: Parsed): boolean => {
  const read = calls.map(repaired)
  const made = read.filter((call) => call.arguments !== null)
  const refused = read.filter((call) => call.arguments === null)
  return (
    made.length === parsed.calls.length &&
    made.every((call, index) => sameCall(call, parsed.calls[index])) &&
    refused.every(({ name }) => parsed.problems.some((problem) => "name" in problem && problem.name === name))
  )
}

/** Some engines hand on the text of arguments that are not JSON. A session would repair it, and so do we where the call is whole. */
const repaired = (call: ExpectedCall): ExpectedCall => {
  if (call.arguments !== null || call.arguments_text === undefined) return call
  const { input, problem } = Arguments.parse(call.arguments_text, { type: "object" }, { truncated: false })
  return problem === null ? { ...call, arguments: input } : call
}

const sameCall = (expected: ExpectedCall, call: Parsed["calls"][number] | undefined): boolean =>
  call?.name === expected.name &&
  isDeepStrictEqual(call.arguments, expected.arguments) &&
  (!(expected.id ?? "").startsWith("functions.") || call.id === expected.id)

const sameContent = ({ expected, kind, prompt_tail = "", reasoning_extracted }: Case, content: string): boolean => {
  const normal = (text: string): string => (kind === "stream" ? text.replace(/\s/g, "") : text.trim())
  const wanted = normal(expected.content ?? "")
  const got = normal(content)
  // Reasoning that the suite left in the content, and text that the prompt began, are not ours to repeat.
  return (
    wanted === got ||
    (reasoning_extracted === false && wanted.endsWith(got)) ||
    normal(prompt_tail + content).endsWith(wanted)
  )
}

/** The messages of a conversation, of which ours are those of the assistant. */
const checkEvents = (events: ReadonlyArray<HarmonyEvent>, parsed: Parsed): Verdict => {
  let text = ""
  let calls = 0
  let isOurs = false
  for (const { content, header, type } of events) {
    if (header !== undefined) {
      if (header.Recipient !== "") calls++
      isOurs = header.Role === "assistant" && header.Recipient === ""
    } else if (type === "ContentEmitted" && isOurs) text += content
  }
  const refused = parsed.problems.length + parsed.calls.length
  return { calls: refused === calls, content: text === (parsed.reasoning ?? "") + parsed.content }
}

/** Whether every split of a text gives the same: one character at a time, and in two pieces wherever it can be cut. */
export const sameWhenSplit = (text: string, options: Options, whole: Parsed, limit: number): boolean => {
  if (
    !sameInPieces(
      Array.from({ length: text.length }, (_, at) => text[at]!),
      options,
      whole
    )
  )
    return false
  const step = Math.max(1, Math.ceil(text.length / limit))
  for (let at = 1; at < text.length; at += step) {
    if (!sameInPieces([text.slice(0, at), text.slice(at)], options, whole)) return false
  }
  return true
}

const sameInPieces = (pieces: ReadonlyArray<string>, options: Options, whole: Parsed): boolean => {
  const parser = make(options)
  for (const piece of pieces) parser.push(piece)
  return isDeepStrictEqual(parser.end(), whole)
}
