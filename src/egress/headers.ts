/** Which headers of a request go on to the upstream. */

/** Between two neighbours only (RFC 9110 7.6.1), set by the runtime itself, or claims about where a request came from. */
const dropped = new Set([
  "connection",
  "content-length",
  "expect",
  "forwarded",
  "host",
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
  "x-real-ip"
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

/** Headers that describe a body: they go when a redirect drops it. */
export const bodyHeaders = ["content-encoding", "content-language", "content-location", "content-type"]

/** A caller's own credentials: they stay behind when a redirect leaves the origin. */
export const credentialHeaders = ["authorization", "cookie"]

/** Headers that ask for a part of an answer. */
export const partHeaders = ["range", "if-range"]
