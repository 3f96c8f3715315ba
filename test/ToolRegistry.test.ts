import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { expectTypeOf } from "vitest"
import * as Deployment from "../layers/tools/Deployment.ts"
import * as Fixed from "../layers/tools/Fixed.ts"
import { ToolRegistry } from "../src/ToolRegistry.ts"
import { builtIn } from "../src/tools/builtIn.ts"
import { bash } from "../src/tools/builtin/bash.ts"
import { read } from "../src/tools/builtin/read.ts"
import { customTools } from "../src/tools/custom-tools.ts"
import type { ToolEnv } from "../src/tools/defineTool.ts"
import * as Toolset from "../src/tools/Toolset.ts"
import { contractInNode } from "./support/inNode.ts"
import { contract } from "./ToolRegistry.contract.ts"
import { sandbox } from "./tools/sandbox.ts"
import { call, noBindings, noNetwork, noSandbox } from "./tools/support.ts"

const toolset = Toolset.make({ builtIn, custom: customTools })
const deployment = Deployment.layer(toolset, noBindings).pipe(Layer.provide([noSandbox, noNetwork]))

contractInNode("ToolRegistry of a deployment", contract, deployment)
contractInNode("ToolRegistry of fixed tools", contract, Fixed.layer([bash, read]))

it.effect("a deployment has the tools of the wire API, and says which of them may run again", () =>
  Effect.gen(function* () {
    const registry = yield* ToolRegistry
    const builtIn = registry.list.filter(({ source }) => source === "built_in").map(({ name }) => name)
    assert.deepStrictEqual(builtIn, ["bash", "read", "write", "edit", "glob", "grep", "web_fetch"])
    assert.deepStrictEqual(builtIn.filter(registry.isReplaySafe), ["read", "glob", "grep", "web_fetch"])
  }).pipe(Effect.provide(deployment))
)

it.effect("a deployment's tools have neither its credentials nor other sessions, and answer none of them", () => {
  const secrets = {
    EGRESS_HEADERS: JSON.stringify({ "example.com": { authorization: "Bearer egress-secret" } }),
    OWNLOOP_API_KEY: "ownloop-secret",
    OPENAI_API_KEY: "openai-secret",
    CLOUDFLARE_API_TOKEN: "cloudflare-secret",
    VLLM_AUTH: "vllm-secret",
    GATEWAY_AUTH: "Bearer gateway-secret"
  }
  const box = { base_url: "https://h/v1", api_key_secret: "VLLM_AUTH", secret_headers: { "x-a": "GATEWAY_AUTH" } }
  const OWNLOOP_PROVIDERS = JSON.stringify({ box, "@cf": { gateway: { id: "g" } } })
  const bindings = { ...noBindings, ...secrets, OWNLOOP_PROVIDERS, SESSIONS: {}, WEATHER_TOKEN: "of a tool" }
  return Effect.gen(function* () {
    expectTypeOf<ToolEnv>().not.toHaveProperty("SESSIONS")
    assert.deepStrictEqual(Deployment.toolEnv(bindings) as object, { OWNLOOP_PROVIDERS, WEATHER_TOKEN: "of a tool" })
    const command = "echo egress-secret ownloop-secret openai-secret cloudflare-secret vllm-secret gateway-secret"
    const { text } = yield* call("bash", { command })
    assert.include(text, "[redacted] [redacted] [redacted] [redacted] [redacted] [redacted]")
    assert.notInclude(text, "secret")
  }).pipe(Effect.provide(Deployment.layer(toolset, bindings).pipe(Layer.provide([sandbox, noNetwork]))))
})

it.effect("fixed tools have neither sandbox nor network", () =>
  Effect.gen(function* () {
    const registry = yield* ToolRegistry
    assert.deepStrictEqual(
      registry.list.map(({ name, source }) => [name, source]),
      [["bash", "custom"]]
    )
  }).pipe(Effect.provide(Fixed.layer([bash])))
)
