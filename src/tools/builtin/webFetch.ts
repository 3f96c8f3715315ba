import * as Stream from "effect/Stream"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import { defineTool, ToolFailure } from "../defineTool.ts"
import { toText } from "../Html.ts"
import { capped, firstBytes } from "../Text.ts"

/** Bytes that are read of a page, that are shown of it, and that are shown of one that answers an error. */
const limits = { body: 2 * 1024 * 1024, text: 200 * 1000, errorText: 2_000 }

export const webFetch = defineTool({
  name: "web_fetch",
  description:
    "Gets a web page or text file over http or https and answers it as text. Only allowed hosts can be reached.",
  input: Schema.Struct({ url: Schema.NonEmptyString }),
  replay: "safe",
  run: ({ url }, { http }) =>
    get(url, http).pipe(
      Effect.timeoutOrElse({
        duration: "60 seconds",
        orElse: () => Effect.fail(new ToolFailure({ message: `${url} did not answer in full within 60 seconds` }))
      })
    )
})

const get = Effect.fnUntraced(function* (text: string, http: HttpClient.HttpClient) {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return yield* new ToolFailure({
      message: `url: expected an absolute http or https URL, got ${JSON.stringify(text)}`
    })
  }
  const response = yield* http.get(url)
  const { bytes, complete } = yield* body(response)
  const page = textOf(response.headers["content-type"] ?? "", bytes)
  if (response.status < 200 || response.status > 299) {
    return yield* new ToolFailure({ message: errorMessage(url, response.status, page ?? "") })
  }
  if (page === undefined) {
    const type = response.headers["content-type"] ?? "unknown type"
    const size = response.headers["content-length"] ?? (complete ? bytes.length : `more than ${bytes.length}`)
    return yield* new ToolFailure({ message: `${url.href} is not text: ${type}, ${size} bytes` })
  }
  const shown = capped(page, limits.text)
  return complete ? shown || "(empty)" : `${shown}\n[only the first ${limits.body} bytes of the page were read]`
})

const body = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    return response.stream.pipe(
      Stream.runForEachWhile((chunk) =>
        Effect.sync(() => {
          chunks.push(chunk)
          size += chunk.length
          return size <= limits.body
        })
      ),
      Effect.map(() => {
        const bytes = new Uint8Array(Math.min(size, limits.body))
        let at = 0
        for (const chunk of chunks) {
          bytes.set(chunk.subarray(0, bytes.length - at), at)
          at = Math.min(at + chunk.length, bytes.length)
        }
        return { bytes, complete: size <= limits.body }
      }),
      Effect.catchReason("HttpClientError", "EmptyBodyError", () =>
        Effect.succeed({ bytes: new Uint8Array(), complete: true })
      )
    )
  })

/** The page as text; undefined where it is not. */
const textOf = (contentType: string, bytes: Uint8Array): string | undefined => {
  const [type = ""] = contentType.toLowerCase().split(";", 1)
  const mediaType = type.trim()
  const text = decode(/charset="?([^\s;"]+)/i.exec(contentType)?.[1] ?? "utf-8", bytes)
  if (mediaType === "text/html" || mediaType === "application/xhtml+xml") return toText(text)
  if (textTypes.test(mediaType)) return text
  return mediaType === "" && !text.includes("\0") && !text.includes("\ufffd") ? text : undefined
}

const textTypes =
  /^text\/|^application\/(?:json|xml|javascript|yaml|x-yaml|x-ndjson|toml|sql|graphql)$|^application\/.*\+(?:json|xml|yaml)$/

const decode = (charset: string, bytes: Uint8Array): string => {
  try {
    return new TextDecoder(charset).decode(bytes)
  } catch {
    return new TextDecoder().decode(bytes) // A charset that does not exist.
  }
}

/** How the egress gateway answers what does not pass. */
const Refusal = Schema.fromJsonString(
  Schema.Struct({
    error: Schema.Struct({ type: Schema.Literals(["egress_blocked", "egress_failed"]), message: Schema.String })
  })
)
const decodeRefusal = Schema.decodeUnknownOption(Refusal)

const errorMessage = (url: URL, status: number, page: string): string =>
  Option.match(decodeRefusal(page), {
    onSome: ({ error }) => `${url.href}: ${error.message}`,
    onNone: () => `${url.href} answered ${status}\n${firstBytes(page.trim(), limits.errorText)}`.trimEnd()
  })
