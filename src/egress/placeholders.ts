import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Base64 from "effect/encoding/Base64"
import type { Placeholder } from "../EgressPolicy.ts"
import type { Payload } from "./body.ts"
import { concat, Replacer, through } from "./Replacer.ts"

/** Bytes of a body that are held until it is over, so that it goes out with its length. Of a longer one nothing more is held. */
const heldBytes = 1024 * 1024

/** Puts the values of placeholders into headers, also where one is the user name or password of a `Basic` credential. */
export const replaceInHeaders = (headers: Headers, placeholders: ReadonlyArray<Placeholder>): ReadonlySet<string> => {
  const used = new Set<string>()
  const replace = (text: string) =>
    placeholders.reduce((text, placeholder) => {
      if (!placeholder.header || !text.includes(placeholder.text)) return text
      used.add(placeholder.name)
      return text.replaceAll(placeholder.text, () => Redacted.value(placeholder.value))
    }, text)
  for (const [name, value] of Array.from(headers)) {
    const basic = /^(basic\s+)(\S+)\s*$/i.exec(value)
    const decoded = basic === null ? "" : Result.getOrElse(Base64.decodeString(basic[2]!), () => "")
    const next = basic === null ? replace(value) : replace(decoded)
    if (next !== (basic === null ? value : decoded))
      headers.set(name, basic === null ? next : basic[1] + Base64.encode(next))
  }
  return used
}

export interface ReplacedBody {
  readonly content: Payload["content"]
  /** The credentials that were put in; of a body that is not over yet, all that may be. */
  readonly used: () => ReadonlyArray<string>
}

/** Puts the values of placeholders into a body as it passes, written as its type demands. */
export const replaceInBody = async (
  content: Payload["content"],
  type: string | null,
  placeholders: ReadonlyArray<Placeholder>
): Promise<ReplacedBody> => {
  const write = writerFor(type)
  const replacements = placeholders
    .filter(({ body }) => body)
    .map(({ name, text, value }) => ({
      name,
      find: encoder.encode(text),
      put: encoder.encode(write(Redacted.value(value)))
    }))
  if (content === null || replacements.length === 0) return { content, used: () => [] }
  const replacer = new Replacer(replacements)
  const used = () => replacements.filter((one) => replacer.used.has(one)).map(({ name }) => name)
  const { start, rest } = content instanceof Uint8Array ? { start: content, rest: undefined } : await begin(content)
  if (rest === undefined) return { content: concat([replacer.push(start), replacer.end()]), used }
  const stream = joined(start, rest)
  return {
    content: stream.bytes.pipeThrough(through(replacer)),
    used: () => (stream.isOver() ? used() : replacements.map(({ name }) => name))
  }
}

/** Reads what is held of a stream; there is no rest where that is all of it. */
const begin = async (stream: ReadableStream<Uint8Array>) => {
  const reader = stream.getReader()
  const parts: Array<Uint8Array> = []
  for (let length = 0; length <= heldBytes;) {
    const { done, value } = await reader.read()
    if (done) return { start: concat(parts), rest: undefined }
    parts.push(value)
    length += value.length
  }
  return { start: concat(parts), rest: reader }
}

const joined = (start: Uint8Array, rest: ReadableStreamDefaultReader<Uint8Array>) => {
  let next: Uint8Array | undefined = start
  let isOver = false
  const bytes = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = next === undefined ? await rest.read() : { done: false, value: next }
      next = undefined
      isOver = done
      if (done) controller.close()
      else if (value !== undefined) controller.enqueue(value)
    },
    cancel: (reason) => rest.cancel(reason)
  })
  return { bytes, isOver: () => isOver }
}

/** A value in JSON or in a form is written so that it cannot end what it stands in. */
const writerFor = (type: string | null): ((value: string) => string) => {
  const [media = ""] = (type ?? "").toLowerCase().split(";", 1)
  if (/^application\/(?:.*\+)?json$/.test(media.trim())) return (value) => JSON.stringify(value).slice(1, -1)
  return media.trim() === "application/x-www-form-urlencoded" ? encodeURIComponent : (value) => value
}

const encoder = new TextEncoder()
