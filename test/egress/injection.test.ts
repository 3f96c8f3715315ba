import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { compile } from "../../src/egress/decide.ts"
import { decodeInjections, verdict } from "../../src/egress/injection.ts"

const decode = (value: unknown) =>
  decodeInjections(Redacted.make(typeof value === "string" ? value : JSON.stringify(value)))

/** The values that are attached to a GET of the URL under networking that allows every public host. */
const attached = (config: unknown, url: string) =>
  Effect.map(decode(config), (injections) => {
    const result = verdict(compile({ type: "unrestricted" }), injections, { method: "GET", url: new URL(url) })
    return result.outcome === "injected"
      ? Object.fromEntries(
          Object.entries(result.attachment.headers).map(([name, value]) => [name, Redacted.value(value)])
        )
      : result.outcome
  })

describe("attaching", () => {
  const config = {
    "API.example.com": { authorization: "Bearer one" },
    "*.example.com": { "x-key": "two" },
    "example.com:8443": { "x-key": "three" }
  }
  const table: ReadonlyArray<readonly [url: string, expected: unknown]> = [
    ["https://api.example.com/", { authorization: "Bearer one" }],
    ["https://API.EXAMPLE.COM./", { authorization: "Bearer one" }],
    ["https://www.example.com/", { "x-key": "two" }],
    ["https://example.com:8443/", { "x-key": "three" }],
    ["https://example.com/", "allowed"],
    ["https://api.example.com:8443/", "allowed"],
    ["http://api.example.com/", "allowed"],
    ["http://api.example.com:443/", "allowed"],
    ["http://example.com:8443/", "allowed"],
    ["https://api.example.com.evil.com/", "allowed"],
    ["https://api.example.com@evil.com/", "blocked"]
  ]
  for (const [url, expected] of table) {
    it.effect(`${url}: ${JSON.stringify(expected)}`, () =>
      Effect.map(attached(config, url), (result) => assert.deepStrictEqual(result, expected))
    )
  }
})

const host = (headers: unknown) => ({ "api.example.com": headers })

describe("configuration that is refused, by the name of its field and never by its value", () => {
  const secret = "hunter2"
  const table: ReadonlyArray<readonly [name: string, config: unknown, tag: string, field: string]> = [
    ["no JSON", `{"api.example.com": ${secret}`, "EgressConfigInvalid", "EGRESS_HEADERS"],
    ["a text", JSON.stringify(secret), "EgressConfigInvalid", "EGRESS_HEADERS"],
    ["a list", [secret], "EgressConfigInvalid", "EGRESS_HEADERS"],
    ["no headers", host(secret), "EgressConfigInvalid", 'EGRESS_HEADERS["api.example.com"]'],
    [
      "a value that is no text",
      host({ "x-key": [secret] }),
      "EgressConfigInvalid",
      'EGRESS_HEADERS["api.example.com"]'
    ],
    ["no host pattern", { "https://x/": { "x-key": secret } }, "EgressConfigInvalid", 'EGRESS_HEADERS["https://x/"]'],
    ["every host", { "*": { "x-key": secret } }, "EgressConfigInvalid", 'EGRESS_HEADERS["*"]'],
    ["one host twice", { "a.com": {}, "A.com:443": {} }, "EgressConfigInvalid", 'EGRESS_HEADERS["A.com:443"]'],
    ["a line break in a value", host({ "x-key": `${secret}\r\nx-evil: 1` }), "EgressConfigInvalid", '["x-key"]'],
    ["a line feed in a value", host({ "x-key": `${secret}\n` }), "EgressConfigInvalid", '["x-key"]'],
    ["a null in a value", host({ "x-key": `${secret}\0` }), "EgressConfigInvalid", '["x-key"]'],
    ["no value", host({ "x-key": "" }), "EgressConfigInvalid", '["x-key"]'],
    ["a line break in a name", host({ "x-key\r\nx-evil": secret }), "EgressConfigInvalid", '["x-key\\r\\nx-evil"]'],
    ["no name", host({ "": secret }), "EgressConfigInvalid", '[""]'],
    [
      "a header of the connection",
      host({ "Transfer-Encoding": secret }),
      "EgressConfigInvalid",
      '["Transfer-Encoding"]'
    ],
    ["the host header", host({ Host: secret }), "EgressConfigInvalid", '["Host"]'],
    ["an Anthropic key", host({ "x-api-key": `sk-ant-${secret}` }), "AnthropicKeyRefused", '["x-api-key"]'],
    ["one as a bearer", host({ authorization: `Bearer sk-ant-${secret}` }), "AnthropicKeyRefused", '["authorization"]'],
    [
      "one in a Basic credential",
      host({ authorization: `Basic ${btoa(`x:sk-ant-${secret}`)}` }),
      "AnthropicKeyRefused",
      '["authorization"]'
    ],
    ["one as a name", host({ [`sk-ant-${secret}`]: "v" }), "AnthropicKeyRefused", 'EGRESS_HEADERS["api.example.com"]'],
    ["one as a host", { [`sk-ant-${secret}.com`]: {} }, "AnthropicKeyRefused", "EGRESS_HEADERS"]
  ]
  for (const [name, config, tag, field] of table) {
    it.effect(name, () =>
      Effect.map(Effect.flip(decode(config)), (error) => {
        assert.strictEqual(error._tag, tag)
        assert.include(error.message, field)
        assert.notInclude(`${error.message} ${JSON.stringify(error)} ${String(error)} ${error.stack}`, secret)
      })
    )
  }
})
