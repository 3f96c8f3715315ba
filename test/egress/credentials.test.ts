import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result } from "effect"
import * as Recording from "../../layers/egress/Recording.ts"
import type { Grant } from "../../src/egress/attach.ts"
import { handle, type Send } from "../../src/egress/gateway.ts"
import { parsePattern } from "../../src/egress/pattern.ts"
import { upstream } from "./upstream.ts"

const secret = `hunter2"&hunter2`
const placeholder = "ownloop_opaque-and-unguessable"

const hosts = (...patterns: ReadonlyArray<string>) => patterns.flatMap((pattern) => parsePattern(pattern) ?? [])

const grant = (fields: Partial<Grant> = {}): Grant => ({
  name: "vcrd_1",
  binding: { hosts: hosts("api.example.com") },
  value: Result.succeed(Redacted.make(secret)),
  use: { type: "placeholder", texts: [placeholder], header: true, body: true },
  ...fields
})

const header = (value: string, fields: Partial<Grant> = {}) =>
  grant({
    value: Result.succeed(Redacted.make(value)),
    use: { type: "header", header: "Authorization", format: (value) => `Bearer ${value}` },
    ...fields
  })

/** What a server saw of requests that went through the gateway, what it was answered with, and what was recorded. */
const through = (
  grants: ReadonlyArray<Grant>,
  requests: ReadonlyArray<Request>,
  answer?: (seen: { readonly authorization: string | undefined }) => Response
) =>
  Effect.gen(function* () {
    const { host, seen } = yield* upstream
    // The server speaks no TLS: what is sent to any host by https arrives there.
    const send: Send = async (request) => {
      const url = new URL(request.url)
      const sent = await fetch(new Request(`http://${host}${url.pathname}${url.search}`, request))
      return answer?.({ authorization: seen.at(-1)?.headers.authorization }) ?? sent
    }
    const responses = yield* Effect.forEach(requests, (request) => handle(request, send))
    const texts = yield* Effect.forEach(responses, (response) => Effect.promise(() => response.text()))
    const records = yield* yield* Recording.Decisions
    return { seen, responses, texts, records }
  }).pipe(Effect.provide(Recording.layer({ type: "unrestricted" }, grants)), Effect.scoped)

const post = (body: string | ReadableStream, type: string, url = "https://api.example.com/") =>
  new Request(url, { method: "POST", body, headers: { "content-type": type }, duplex: "half" } as RequestInit)

const bearing = (url: string, init: RequestInit = {}) =>
  new Request(url, { ...init, headers: { authorization: `Bearer ${placeholder}` } })

describe("a placeholder", () => {
  it.effect("is replaced in the headers of a request to a bound host, also inside a Basic credential", () =>
    Effect.gen(function* () {
      const basic = `Basic ${btoa(`me:${placeholder}`)}`
      const { records, seen } = yield* through(
        [grant()],
        [
          bearing("https://api.example.com/"),
          new Request("https://api.example.com/", { headers: { authorization: basic, "x-key": `a ${placeholder} b` } })
        ]
      )
      assert.deepStrictEqual(
        seen.map(({ headers }) => headers.authorization),
        [`Bearer ${secret}`, `Basic ${btoa(`me:${secret}`)}`]
      )
      assert.strictEqual(seen[1]?.headers["x-key"], `a ${secret} b`)
      assert.deepStrictEqual(
        records.map(({ outcome, reason }) => [outcome, reason]),
        [
          ["injected", "unrestricted networking, with vcrd_1"],
          ["injected", "unrestricted networking, with vcrd_1"]
        ]
      )
    })
  )

  it.effect("is replaced in a body as its type demands", () =>
    Effect.gen(function* () {
      const { seen } = yield* through(
        [grant()],
        [
          post(JSON.stringify({ key: placeholder }), "application/json"),
          post(`key=${placeholder}&more=1`, "application/x-www-form-urlencoded"),
          post(`key: ${placeholder}`, "text/plain")
        ]
      )
      assert.deepStrictEqual(
        seen.map(({ body }) => body),
        [JSON.stringify({ key: secret }), `key=${encodeURIComponent(secret)}&more=1`, `key: ${secret}`]
      )
    })
  )

  it.effect("is replaced in a long body that streams, wherever that is cut", () =>
    Effect.gen(function* () {
      const filler = "x".repeat(300_000)
      const text = `${filler}${placeholder}${filler}${filler}${filler}${filler}${placeholder}!`
      let at = 0
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (at >= text.length) return controller.close()
          controller.enqueue(Buffer.from(text.slice(at, (at += 9_973))))
        }
      })
      const { seen, records } = yield* through([grant()], [post(body, "text/plain")])
      assert.isTrue(seen[0]?.body === text.replaceAll(placeholder, secret))
      assert.strictEqual(records[0]?.outcome, "injected")
    })
  )

  it.effect(
    "goes out as it is where it is bound to nothing: elsewhere, over http, in the URL, by another method or path",
    () =>
      Effect.gen(function* () {
        const narrow = grant({
          binding: { hosts: hosts("api.example.com"), methods: ["GET"], paths: ["/v1/*", "/v2"] }
        })
        const { records, seen } = yield* through(
          [narrow],
          [
            bearing("https://example.com/v1/a"),
            bearing("https://api.example.com.evil.com/v1/a"),
            bearing("https://api.example.com:8443/v1/a"),
            bearing("http://api.example.com/v1/a"),
            bearing("https://api.example.com/v1/a", { method: "DELETE" }),
            bearing("https://api.example.com/v2/a"),
            bearing("https://api.example.com/v1/..%2fv3"),
            bearing("https://api.example.com/v1/%2e%2e/v3"),
            bearing("https://api.example.com/v1//a"),
            new Request(`https://api.example.com/v1/a?key=${placeholder}`)
          ]
        )
        for (const { headers, url } of seen) assert.notInclude(`${headers.authorization} ${url}`, "hunter2")
        assert.deepStrictEqual(
          seen.slice(0, -1).map(({ headers }) => headers.authorization),
          Array.from({ length: 9 }, () => `Bearer ${placeholder}`)
        )
        assert.include(seen.at(-1)?.url, placeholder)
        assert.isTrue(records.every(({ outcome }) => outcome === "allowed"))
        const bound = yield* through(
          [narrow],
          [bearing("https://API.example.com./v1/a"), bearing("https://api.example.com/v2")]
        )
        assert.isTrue(bound.records.every(({ outcome }) => outcome === "injected"))
      })
  )

  it.effect("does not follow a redirect to another origin: there it is worth nothing", () =>
    Effect.gen(function* () {
      const sent: Array<string | null> = []
      const send: Send = async ({ headers, url }) => {
        sent.push(headers.get("x-key"))
        return url === "https://api.example.com/" ? Response.redirect("https://evil.example.org/") : new Response("end")
      }
      yield* handle(new Request("https://api.example.com/", { headers: { "x-key": placeholder } }), send)
      assert.deepStrictEqual(sent, [secret, placeholder])
    }).pipe(Effect.provide(Recording.layer({ type: "unrestricted" }, [grant()])))
  )

  it.effect("is replaced only where its credential says", () =>
    Effect.gen(function* () {
      const inHeader = grant({ use: { type: "placeholder", texts: [placeholder], header: true, body: false } })
      const inBody = grant({ use: { type: "placeholder", texts: [placeholder], header: false, body: true } })
      const request = () =>
        new Request("https://api.example.com/", {
          method: "POST",
          body: placeholder,
          headers: { "x-key": placeholder }
        })
      const first = yield* through([inHeader], [request()])
      assert.deepStrictEqual([first.seen[0]?.headers["x-key"], first.seen[0]?.body], [secret, placeholder])
      const second = yield* through([inBody], [request()])
      assert.deepStrictEqual([second.seen[0]?.headers["x-key"], second.seen[0]?.body], [placeholder, secret])
    })
  )
})

describe("a header", () => {
  it.effect("is that of the credential that is bound most narrowly, of equals the first", () =>
    Effect.gen(function* () {
      const wide = header("wide-wide", { name: "wide", binding: { hosts: hosts("*.example.com") } })
      const first = header("first-first", { name: "first" })
      const second = header("second-second", { name: "second" })
      const { seen } = yield* through(
        [wide, first, second],
        [bearing("https://api.example.com/"), bearing("https://www.example.com/"), bearing("https://example.com/")]
      )
      assert.deepStrictEqual(
        seen.map(({ headers }) => headers.authorization),
        ["Bearer first-first", "Bearer wide-wide", `Bearer ${placeholder}`]
      )
    })
  )
})

describe("a credential that cannot be used", () => {
  it.effect.each<[what: string, grant: Grant, reason: string]>([
    ["is unreadable", grant({ value: Result.fail("no key") }), "the credential vcrd_1 cannot be used: no key"],
    [
      "would split a header",
      header("hunter2\r\nx-evil: 1"),
      "the credential vcrd_1 cannot be used: it holds what no header may hold"
    ]
  ])("since it %s blocks what it is bound to, and the audit says why", ([, broken, reason]) =>
    Effect.gen(function* () {
      const whole = header("whole-whole", { use: { type: "header", header: "x-whole", format: (value) => value } })
      const { records, responses, seen, texts } = yield* through(
        [whole, broken],
        [new Request("https://api.example.com/"), new Request("https://example.com/")]
      )
      assert.deepStrictEqual(
        responses.map(({ status }) => status),
        [403, 200]
      )
      assert.lengthOf(seen, 1)
      assert.deepStrictEqual([records[0]?.outcome, records[0]?.reason], ["blocked", reason])
      assert.notInclude(`${JSON.stringify(records)} ${texts[0]}`, "hunter2")
    })
  )

  it.effect("does not matter where another one sets the header", () =>
    Effect.gen(function* () {
      const broken = header("", { name: "broken", value: Result.fail("no key"), binding: { hosts: "any" } })
      const { seen } = yield* through([broken, header("narrow-narrow")], [new Request("https://api.example.com/")])
      assert.strictEqual(seen[0]?.headers.authorization, "Bearer narrow-narrow")
    })
  )
})

describe("what a service answers", () => {
  it.effect("shows no credential of the session, in headers, status and body, to whichever host it was sent", () =>
    Effect.gen(function* () {
      const echo = ({ authorization }: { readonly authorization: string | undefined }) =>
        new Response(JSON.stringify({ authorization, stored: secret, key: btoa(`me:${secret}`) }), {
          statusText: "is hunter2-too",
          headers: { "x-echo": authorization ?? "", "x-stored": `value=${encodeURIComponent(secret)}` }
        })
      const { responses, texts } = yield* through(
        [grant(), header("hunter2-too", { name: "vcrd_2" })],
        [bearing("https://api.example.com/"), new Request("https://elsewhere.com/")],
        echo
      )
      for (const [index, { headers, statusText }] of responses.entries()) {
        const shown = `${statusText} ${JSON.stringify([...headers])} ${texts[index]}`
        for (const form of ["hunter2", btoa(secret).slice(0, 12), btoa(`me:${secret}`)]) assert.notInclude(shown, form)
        assert.include(shown, "[redacted]")
      }
    })
  )

  it.effect("is not asked for in parts, of which each would hold too little of a secret", () =>
    Effect.gen(function* () {
      const headers = { range: "bytes=0-3", "if-range": "x" }
      const { seen } = yield* through(
        [grant()],
        [new Request("https://api.example.com/", { headers }), new Request("https://example.com/", { headers })]
      )
      assert.deepStrictEqual(
        seen.map(({ headers }) => headers.range),
        [undefined, "bytes=0-3"]
      )
    })
  )

  it.effect("cannot come over a WebSocket", () =>
    Effect.gen(function* () {
      const upgrade = { headers: { upgrade: "websocket" } }
      const { records, responses, seen } = yield* through([grant()], [new Request("https://api.example.com/", upgrade)])
      assert.deepStrictEqual([responses[0]?.status, seen], [403, []])
      assert.include(records[0]?.reason, "none goes out over a WebSocket")
    })
  )
})
