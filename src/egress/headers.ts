/** Which headers of a request go on to the upstream. */

/**
 * Between two neighbours only (RFC 9110 7.6.1), set by the runtime itself, claims about where a request came from, or ways to make a server
 * see another host, path or method than was decided about.
 */
const dropped = new Set([
  "connection",
  "content-length",
  "expect",
  "forwarded",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "true-client-ip",
  "upgrade",
  "via",
  "x-client-ip",
  "x-host",
  "x-http-host-override",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-host",
  "x-original-method",
  "x-original-url",
  "x-real-ip",
  "x-rewrite-url"
])
const droppedPrefixes = ["cdn-", "cf-", "x-forwarded-"]

export const isForwardable = (name: string): boolean =>
  !dropped.has(name) && !droppedPrefixes.some((prefix) => name.startsWith(prefix))

export const isWebSocketUpgrade = (headers: Headers): boolean => headers.get("upgrade")?.toLowerCase() === "websocket"

/** What a caller's headers become: those that may go on, and `Upgrade` where a WebSocket is asked for. */
export const forwardable = (headers: Headers): Headers => {
  const named = new Set((headers.get("connection") ?? "").split(",").map((name) => name.trim().toLowerCase()))
  const kept = new Headers()
  for (const [name, value] of headers) {
    if (isForwardable(name) && !named.has(name)) kept.append(name, value)
  }
  if (isWebSocketUpgrade(headers)) kept.set("upgrade", "websocket")
  return kept
}

/** Bytes that headers take in a message. */
export const sizeOf = (headers: Headers): number => {
  let size = 0
  for (const [name, value] of headers) size += name.length + value.length + 4
  return size
}

/** Why headers may not go on as they are; undefined where they may. The runtime's own `Headers` takes none of this in. */
export const malformed = (headers: Headers): string | undefined => {
  for (const [name, value] of headers) {
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name)) return "a header's name holds a character that no name may hold"
    if (/[\0\r\n]/.test(value)) return `the header ${name} holds a line break or a null`
  }
  return undefined
}

/** Headers that describe a body: they go when a redirect drops it. */
export const bodyHeaders = ["content-encoding", "content-language", "content-location", "content-type"]

/** A caller's own credentials: they stay behind when a redirect leaves the origin. */
export const credentialHeaders = ["authorization", "cookie"]

/** Headers that ask for a part of an answer. */
export const partHeaders = ["range", "if-range"]
