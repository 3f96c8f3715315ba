import * as Effect from "effect/Effect"
import { ToolFailure } from "./defineTool.ts"

const encoder = new TextEncoder()

export const encode = (text: string): Uint8Array => encoder.encode(text)

/** The text's UTF-8 length in bytes. */
export const byteLength = (text: string): number => encoder.encode(text).length

/** The longest start of a text that fits in so many bytes of UTF-8, without cutting a character. */
export const firstBytes = (text: string, limit: number): string =>
  text.length * 3 <= limit ? text : text.slice(0, encoder.encodeInto(text, new Uint8Array(limit)).read)

/** A text that fits, or as much of it as does and a note that says so. */
export const capped = (text: string, limit: number): string => {
  const kept = firstBytes(text, limit)
  return kept.length === text.length ? text : `${kept}\n[truncated: the first ${limit} of ${byteLength(text)} bytes]`
}

/** A file's content as text, byte order mark included, so that writing it back changes nothing. Binary content is a failure. */
export const decodeFile = (path: string, content: Uint8Array): Effect.Effect<string, ToolFailure> =>
  Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content),
    catch: () => binary(path, content)
  }).pipe(
    Effect.filterOrFail(
      (text) => !text.includes("\0"),
      () => binary(path, content)
    )
  )

const binary = (path: string, content: Uint8Array) =>
  new ToolFailure({ message: `${path}: a binary file of ${content.length} bytes, not UTF-8 text` })
