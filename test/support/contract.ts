import { describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"

/**
 * What every layer of a service must do, as named programs over the service. The same programs run in Node (`contractInNode`) and inside
 * a Durable Object in workerd (`contracts.worker.ts`). Each gets a fresh layer.
 */
export type Contract<R> = Readonly<Record<string, Effect.Effect<void, unknown, R>>>

export const contractInNode = <R, E>(name: string, contract: Contract<R>, layer: Layer.Layer<R, E>) =>
  describe(name, () => {
    for (const [test, program] of Object.entries(contract)) {
      it.effect(test, () => Effect.provide(program, layer))
    }
  })
