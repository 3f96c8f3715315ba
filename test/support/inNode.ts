import { describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { Contract } from "./contract.ts"

export const contractInNode = <R, E>(name: string, contract: Contract<R>, layer: Layer.Layer<R, E>) =>
  describe(name, () => {
    for (const [test, program] of Object.entries(contract)) {
      it.effect(test, () => Effect.provide(program, layer))
    }
  })
