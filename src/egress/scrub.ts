import * as Result from "effect/Result"
import * as Base64 from "effect/encoding/Base64"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Hex from "effect/encoding/Hex"
import { mask } from "../domain/AnthropicKey.ts"
import { concat, Replacer, through } from "./Replacer.ts"

/** Characters of a value that count as a secret: shorter ones stand in any text. */
export const minSecretLength = 8

/** Takes secrets out of what is shown to a sandbox, a tool, a model or a log, in every form that services repeat them in. */
export interface Scrubber {
  readonly isIdle: boolean
  text(text: string): string
  stream(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array>
}

export const scrubber = (secrets: ReadonlyArray<string>): Scrubber => {
  const forms = [...new Set(secrets.filter((secret) => secret.length >= minSecretLength).flatMap(formsOf))]
    // The longest first: one that begins another would leave the rest of it.
    .sort((a, b) => b.length - a.length)
  const put = encoder.encode(mask)
  return {
    isIdle: forms.length === 0,
    text: (text) => forms.reduce((clean, form) => clean.replaceAll(form, mask), text),
    stream: (stream) =>
      stream.pipeThrough(through(new Replacer(forms.map((form) => ({ find: encoder.encode(form), put })))))
  }
}

/** What of a header's value is secret: the whole, what follows a scheme such as `Bearer `, and the password in a `Basic` credential. */
export const partsOf = (header: string): ReadonlyArray<string> => {
  const credential = header.replace(/^[\w-]+\s+/, "")
  const decoded = /^basic\s/i.test(header) ? Result.getOrElse(Base64.decodeString(credential), () => "") : ""
  return [header, credential, decoded.slice(decoded.indexOf(":") + 1)]
}

/**
 * As it is, and as JSON, URLs, HTML, hex and base64 hold it; also one of them inside another, such as JSON in a URL. Of a secret that is
 * escaped still more often, what no escaping changes.
 */
const formsOf = (secret: string): ReadonlyArray<string> => {
  const html = secret.replace(/[&<>"']/g, (char) => entities[char]!)
  const written = [secret, ...writtenOf(secret), html, ...(secret.match(/[\w.~-]{12,}/g) ?? [])]
  return [...new Set(written)].flatMap((form) => {
    const bytes = encoder.encode(form)
    const hex = Hex.encode(bytes)
    return [form, ...writtenOf(form), hex, hex.toUpperCase(), ...[0, 1, 2].flatMap((offset) => base64At(bytes, offset))]
  })
}

/** As JSON and as URLs and forms hold a text, each in its several ways. */
const writtenOf = (text: string): ReadonlyArray<string> => {
  const json = JSON.stringify(text).slice(1, -1)
  const percent = encodeURIComponent(text.toWellFormed())
  const strict = percent.replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
  return [
    json,
    json.replaceAll("/", "\\/"),
    json.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`),
    ...[percent, strict].flatMap((form) => [form, form.replaceAll("%20", "+"), form.replace(/%../g, lower)])
  ]
}

const lower = (text: string) => text.toLowerCase()

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

/** The characters of base64 that the bytes alone decide, where `offset` other bytes (modulo 3) stand before them. */
const base64At = (bytes: Uint8Array, offset: number): ReadonlyArray<string> => {
  const padded = concat([new Uint8Array(offset), bytes])
  const range = [Math.ceil((offset * 8) / 6), Math.floor((padded.length * 8) / 6)] as const
  return [Base64.encode(padded).slice(...range), Base64Url.encode(padded).slice(...range)]
}

const encoder = new TextEncoder()
