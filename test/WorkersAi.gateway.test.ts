import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { fakeAi, streams } from "./support/fakeAi.ts"
import { configured, named, say, server } from "./support/providers.ts"

/** An AI Gateway before Workers AI. */

const gateway = { id: "gw", cacheTtl: 60, metadata: { team: "a" }, retries: { maxAttempts: 2, backoff: "linear" } }
const headers = {
  "cf-aig-cache-ttl": "60",
  "cf-aig-skip-cache": "false",
  "cf-aig-metadata": '{"team":"a"}',
  "cf-aig-max-attempts": "2",
  "cf-aig-backoff": "linear",
  "x-session-affinity": "sesn_test"
}

it.effect("is an option of the binding, and its headers say the same", () =>
  Effect.gen(function* () {
    const ai = fakeAi(() => ({ stream: streams.text.openai }))
    yield* say(yield* configured(named({ "@cf": { gateway } }), ai), "@cf/x/y")
    assert.deepStrictEqual(ai.calls[0]?.options.gateway, { skipCache: false, ...gateway })
    assert.deepStrictEqual(ai.calls[0]?.options.extraHeaders, headers)
  })
)

it.effect("is named by a header over REST", () =>
  Effect.gen(function* () {
    const { url, requests } = yield* server()
    const account = { CLOUDFLARE_ACCOUNT_ID: "acc", CLOUDFLARE_API_TOKEN: "t", CLOUDFLARE_API_BASE_URL: url }
    yield* say(yield* configured(named({ "@cf": { gateway } }, account)), "@cf/x/y")
    assert.deepInclude(requests[0]?.headers, { ...headers, "cf-aig-gateway-id": "gw", authorization: "Bearer t" })
  })
)

it.effect("does not cache where nobody asked for it", () =>
  Effect.gen(function* () {
    const ai = fakeAi(() => ({ stream: streams.text.openai }))
    yield* say(yield* configured(named({ "@cf": { gateway: { id: "gw" } } }), ai), "@cf/x/y")
    assert.deepStrictEqual(ai.calls[0]?.options.gateway, { id: "gw", skipCache: true })
  })
)

it.effect("is not there where none is configured", () =>
  Effect.gen(function* () {
    const ai = fakeAi(() => ({ stream: streams.text.openai }))
    yield* say(yield* configured({}, ai), "@cf/x/y")
    assert.notProperty(ai.calls[0]?.options, "gateway")
    assert.deepStrictEqual(ai.calls[0]?.options.extraHeaders, { "x-session-affinity": "sesn_test" })
  })
)
