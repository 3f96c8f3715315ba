import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Deployment from "../layers/tools/Deployment.ts"
import * as Fixed from "../layers/tools/Fixed.ts"
import { ToolRegistry } from "../src/ToolRegistry.ts"
import { bash } from "../src/tools/builtin/bash.ts"
import { read } from "../src/tools/builtin/read.ts"
import { contractInNode } from "./support/contract.ts"
import { contract } from "./ToolRegistry.contract.ts"
import { noBindings, noNetwork, noSandbox } from "./tools/support.ts"

const deployment = Deployment.layer(noBindings).pipe(Layer.provide([noSandbox, noNetwork]))

contractInNode("ToolRegistry of a deployment", contract, deployment)
contractInNode("ToolRegistry of fixed tools", contract, Fixed.layer([bash, read]))

it.effect("a deployment has the tools of the wire API, and says which of them may run again", () =>
  Effect.gen(function* () {
    const registry = yield* ToolRegistry
    const builtIn = registry.list.filter(({ source }) => source === "built_in").map(({ name }) => name)
    assert.deepStrictEqual(builtIn, ["bash", "read", "write", "edit", "glob", "grep", "web_fetch"])
    assert.deepStrictEqual(builtIn.filter(registry.isReplaySafe), ["read", "glob", "grep", "web_fetch"])
    assert.deepStrictEqual(registry.list, Deployment.list(noBindings))
  }).pipe(Effect.provide(deployment))
)

it.effect("fixed tools have neither sandbox nor network", () =>
  Effect.gen(function* () {
    const registry = yield* ToolRegistry
    assert.deepStrictEqual(
      registry.list.map(({ name, source }) => [name, source]),
      [["bash", "custom"]]
    )
  }).pipe(Effect.provide(Fixed.layer([bash])))
)
