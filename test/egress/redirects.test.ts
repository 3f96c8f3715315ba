import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Recording from "../../layers/egress/Recording.ts"
import { handle } from "../../src/egress/gateway.ts"
import { type Seen, upstream } from "./upstream.ts"
import { limited } from "./urls.ts"

/** What came of a request that was sent through the gateway to real servers, of which those in `allowed` may be reached. */
const through = (allowed: ReadonlyArray<string>, url: string, init: RequestInit & { readonly duplex?: "half" } = {}) =>
  Effect.gen(function* () {
    const response = yield* handle(new Request(url, init), (request) => fetch(request))
    const text = yield* Effect.promise(() => response.text())
    const records = yield* yield* Recording.Decisions
    return { status: response.status, location: response.headers.get("location"), text, records }
  }).pipe(Effect.provide(Recording.layer(limited(...allowed))))

const to = (host: string, status: number, location: string) =>
  `http://${host}/to?status=${status}&location=${encodeURIComponent(location)}`

/** A chain of redirects of the given length, inside out. */
const chain = (host: string, length: number) => {
  let url = `http://${host}/end`
  for (let left = length; left > 0; left--) url = to(host, 302, url)
  return url
}

describe("a request", () => {
  it.effect("reaches the host that is named, with method, headers, query and body", () =>
    Effect.gen(function* () {
      const { host, seen } = yield* upstream
      const { records, status, text } = yield* through([host], `http://${host}/a/b?q=secret`, {
        method: "PUT",
        headers: { "x-mine": "1", authorization: "Bearer mine" },
        body: "hello"
      })
      assert.deepStrictEqual(
        [status, seen.length, seen[0]?.headers["x-mine"], seen[0]?.headers.authorization],
        [200, 1, "1", "Bearer mine"]
      )
      assert.deepInclude(seen[0], { method: "PUT", url: "/a/b?q=secret", body: "hello" })
      assert.deepStrictEqual(JSON.parse(text), JSON.parse(JSON.stringify(seen[0])))
      const [record, ...more] = records
      assert.deepInclude(record, {
        method: "PUT",
        scheme: "http",
        host: "127.0.0.1",
        port: Number(host.split(":")[1]),
        path: "/a/b",
        outcome: "allowed",
        status: 200
      })
      assert.deepStrictEqual(more, [])
      assert.notInclude(JSON.stringify(records), "secret")
    })
  )

  it.effect("to another port never leaves, and is answered with what an agent can read", () =>
    Effect.gen(function* () {
      const { host, seen } = yield* upstream
      const { records, status, text } = yield* through(["127.0.0.1"], `http://${host}/?q=secret`)
      assert.strictEqual(status, 403)
      assert.deepInclude(JSON.parse(text).error, { type: "egress_blocked", host: "127.0.0.1" })
      assert.include(JSON.parse(text).error.message, "port")
      assert.deepStrictEqual(seen, [])
      assert.deepStrictEqual(
        records.map(({ outcome, status }) => [outcome, status]),
        [["blocked", null]]
      )
    })
  )

  it.effect("to a server that is down is answered with 502 and recorded without a status", () =>
    Effect.gen(function* () {
      const { close, host } = yield* upstream
      close()
      const { records, status, text } = yield* through([host], `http://${host}/?q=secret`)
      assert.strictEqual(status, 502)
      assert.deepInclude(JSON.parse(text).error, {
        type: "egress_failed",
        message: "no answer from the upstream (ECONNREFUSED)"
      })
      assert.deepStrictEqual(
        records.map(({ outcome, status }) => [outcome, status]),
        [["allowed", null]]
      )
    })
  )
})

const carried = ({ headers }: Seen) => [headers.authorization, headers.cookie, headers["x-mine"]]

describe("redirects", () => {
  const methods: ReadonlyArray<readonly [status: number, method: string, becomes: string, keepsBody: boolean]> = [
    [301, "POST", "GET", false],
    [302, "POST", "GET", false],
    [303, "POST", "GET", false],
    [303, "PUT", "GET", false],
    [301, "PUT", "PUT", true],
    [307, "POST", "POST", true],
    [308, "POST", "POST", true]
  ]
  for (const [status, method, becomes, keepsBody] of methods) {
    it.effect(`${status} turns ${method} into ${becomes}`, () =>
      Effect.gen(function* () {
        const { host, seen } = yield* upstream
        yield* through([host], to(host, status, "/end"), {
          method,
          body: "hello",
          headers: { "content-type": "text/x", "x-mine": "1" }
        })
        const last = seen[1]
        assert.deepStrictEqual(
          [last?.method, last?.url, last?.body, last?.headers["content-type"], last?.headers["x-mine"]],
          [becomes, "/end", keepsBody ? "hello" : "", keepsBody ? "text/x" : undefined, "1"]
        )
      })
    )
  }

  it.effect("HEAD stays HEAD after 303", () =>
    Effect.gen(function* () {
      const { host, seen } = yield* upstream
      yield* through([host], to(host, 303, "/end"), { method: "HEAD" })
      assert.deepStrictEqual(
        seen.map(({ method }) => method),
        ["HEAD", "HEAD"]
      )
    })
  )

  it.effect("a body too long to keep is not sent a second time", () =>
    Effect.gen(function* () {
      const { host, seen } = yield* upstream
      const { status, text } = yield* through([host], to(host, 307, "/end"), {
        method: "POST",
        body: "x".repeat(64 * 1024 + 1)
      })
      assert.deepStrictEqual([status, seen.length], [502, 1])
      assert.include(JSON.parse(text).error.message, "body")
    })
  )

  it.effect("every hop is decided and recorded, and the caller's credentials stay with their origin", () =>
    Effect.gen(function* () {
      const first = yield* upstream
      const second = yield* upstream
      const url = to(first.host, 302, to(first.host, 307, to(second.host, 302, `http://${first.host}/end`)))
      const { records, status } = yield* through([first.host, second.host], url, {
        headers: { authorization: "Bearer mine", cookie: "a=b", "x-mine": "1" }
      })
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(
        records.map(({ outcome, status }) => `${outcome} ${status}`),
        ["allowed 302", "allowed 307", "allowed 302", "allowed 200"]
      )
      assert.deepStrictEqual(first.seen.map(carried), [
        ["Bearer mine", "a=b", "1"],
        ["Bearer mine", "a=b", "1"],
        [undefined, undefined, "1"]
      ])
      assert.deepStrictEqual(second.seen.map(carried), [[undefined, undefined, "1"]])
    })
  )

  it.effect("to a host that is not allowed, the request stops there", () =>
    Effect.gen(function* () {
      const first = yield* upstream
      const second = yield* upstream
      const { records, status } = yield* through([first.host], to(first.host, 302, `http://${second.host}/end`))
      assert.deepStrictEqual([status, second.seen], [403, []])
      assert.deepStrictEqual(
        records.map(({ outcome, status }) => [outcome, status]),
        [
          ["allowed", 302],
          ["blocked", null]
        ]
      )
    })
  )

  for (const location of ["file:///etc/passwd", "http://u:p@example.com/", "http://169.254.169.254/latest"]) {
    it.effect(`to ${location} is blocked and recorded`, () =>
      Effect.gen(function* () {
        const { host } = yield* upstream
        const { records, status } = yield* through([host, "example.com", "*"], to(host, 302, location))
        assert.deepStrictEqual([status, records[1]?.outcome], [403, "blocked"])
      })
    )
  }

  it.effect("to what is no URL ends in 502", () =>
    Effect.gen(function* () {
      const { host } = yield* upstream
      assert.strictEqual((yield* through([host], to(host, 302, "http://["))).status, 502)
    })
  )

  it.effect("ten are followed, eleven are not", () =>
    Effect.gen(function* () {
      const { host, seen } = yield* upstream
      assert.strictEqual((yield* through([host], chain(host, 10))).status, 200)
      seen.length = 0
      assert.strictEqual((yield* through([host], chain(host, 11))).status, 502)
      assert.strictEqual(seen.length, 11)
    })
  )

  it.effect("are answered as they are, or are an error, where the caller says so", () =>
    Effect.gen(function* () {
      const { host, seen } = yield* upstream
      const manual = yield* through([host], to(host, 302, "/end"), { redirect: "manual" })
      assert.deepStrictEqual([manual.status, manual.location, manual.text], [302, "/end", "moved"])
      const error = yield* through([host], to(host, 302, "/end"), { redirect: "error" })
      assert.deepStrictEqual([error.status, error.text.includes("moved")], [502, false])
      assert.strictEqual((yield* through([host], `http://${host}/end`, { redirect: "error" })).status, 200)
      assert.strictEqual(seen.length, 3)
    })
  )
})
