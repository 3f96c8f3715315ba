import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Readable } from "node:stream"
import { EgressHttpClient } from "../../src/EgressPolicy.ts"
import { webFetch } from "../../src/tools/builtin/webFetch.ts"
import { call, noSandbox, registryOf } from "./support.ts"

type Page = readonly [status: number, type: string | undefined, body: string | Uint8Array | Iterable<string>]

/** Serves these pages by their path, and answers the address. */
const serve = (pages: Readonly<Record<string, Page>>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = createServer((request, response) => {
        const [status, type, body] = pages[request.url ?? ""] ?? [404, "text/plain", "nothing here"]
        response.writeHead(status, type === undefined ? {} : { "content-type": type })
        Readable.from(typeof body === "string" || body instanceof Uint8Array ? [body] : body).pipe(response)
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      return server
    }),
    (server) =>
      Effect.promise(() => {
        server.closeAllConnections()
        return new Promise((resolve) => server.close(resolve))
      })
  ).pipe(Effect.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`)) // A TCP server has one.

const http = Layer.effect(EgressHttpClient, HttpClient.HttpClient).pipe(Layer.provide(FetchHttpClient.layer))

const fetchPage = (url: string) =>
  call("web_fetch", { url }).pipe(Effect.provide(Layer.provide(registryOf([webFetch]), [noSandbox, http])))

const endless: Iterable<string> = {
  *[Symbol.iterator]() {
    while (true) yield "b".repeat(100_000)
  }
}

describe("web_fetch", () => {
  it.effect("answers pages as readable text, other text as it is", () =>
    Effect.gen(function* () {
      const origin = yield* serve({
        "/page": [200, "text/html; charset=utf-8", "<title>T</title><p>Grüße"],
        "/latin": [200, "text/html; charset=ISO-8859-1", Buffer.from("<p>Gr\u00fc\u00dfe", "latin1")],
        "/odd": [200, "text/plain; charset=x-none", "odd"],
        "/json": [200, "application/json", '{"a": "<b>"}'],
        "/api": [200, "application/problem+json", "{}"],
        "/untyped": [200, undefined, "plain"],
        "/none": [204, undefined, ""]
      })
      const texts = {
        page: "T\n\nGrüße",
        latin: "Grüße",
        odd: "odd",
        json: '{"a": "<b>"}',
        api: "{}",
        untyped: "plain",
        none: "(empty)"
      }
      for (const [path, text] of Object.entries(texts)) {
        assert.deepStrictEqual(yield* fetchPage(`${origin}/${path}`), { text, isError: false }, path)
      }
    })
  )

  it.effect("refuses what is no text, with its type and size", () =>
    Effect.gen(function* () {
      const origin = yield* serve({
        "/image": [200, "image/png", new Uint8Array(1234)],
        "/untyped": [200, undefined, new Uint8Array([0, 255, 254])]
      })
      assert.deepStrictEqual(yield* fetchPage(`${origin}/image`), {
        text: `${origin}/image is not text: image/png, 1234 bytes`,
        isError: true
      })
      const untyped = yield* fetchPage(`${origin}/untyped`)
      assert.deepStrictEqual(untyped, { text: `${origin}/untyped is not text: unknown type, 3 bytes`, isError: true })
    })
  )

  it.effect("answers an error page as an error, with its status and how it begins", () =>
    Effect.gen(function* () {
      const origin = yield* serve({ "/down": [503, "text/html", `<h1>Down</h1>${"x".repeat(9_000)}`] })
      assert.deepStrictEqual(yield* fetchPage(`${origin}/gone`), {
        text: `${origin}/gone answered 404\nnothing here`,
        isError: true
      })
      const down = yield* fetchPage(`${origin}/down`)
      assert.isTrue(down.isError)
      assert.match(down.text, /answered 503\nDown\n\nx{1000}/)
      assert.isBelow(down.text.length, 2_100)
    })
  )

  it.effect("answers the gateway's reason where the host is blocked", () =>
    Effect.gen(function* () {
      const blocked = { error: { type: "egress_blocked", message: "blocked by the egress policy: no rule", host: "h" } }
      const origin = yield* serve({ "/": [403, "application/json", JSON.stringify(blocked)] })
      assert.deepStrictEqual(yield* fetchPage(origin), {
        text: `${origin}/: blocked by the egress policy: no rule`,
        isError: true
      })
    })
  )

  it.effect("shows the first 200 KB, and reads no more than 2 MiB", () =>
    Effect.gen(function* () {
      const origin = yield* serve({
        "/long": [200, "text/plain", "a".repeat(300_000)],
        "/endless": [200, "text/plain", endless]
      })
      const long = yield* fetchPage(`${origin}/long`)
      assert.strictEqual(long.text, `${"a".repeat(200_000)}\n[truncated: the first 200000 of 300000 bytes]`)
      const { text } = yield* fetchPage(`${origin}/endless`)
      assert.strictEqual(
        text,
        `${"b".repeat(200_000)}\n[truncated: the first 200000 of 2097152 bytes]\n[only the first 2097152 bytes of the page were read]`
      )
    })
  )

  it.effect("takes http and https only", () =>
    Effect.gen(function* () {
      for (const url of ["ftp://a.example/", "file:///etc/passwd", "example.com", "data:text/plain,hi"]) {
        assert.deepStrictEqual(yield* fetchPage(url), {
          text: `url: expected an absolute http or https URL, got "${url}"`,
          isError: true
        })
      }
    })
  )

  it.effect("says so where nobody answers", () =>
    Effect.gen(function* () {
      const origin = yield* Effect.scoped(serve({}))
      const result = yield* fetchPage(origin)
      assert.isTrue(result.isError)
      assert.include(result.text, origin)
    })
  )
})
