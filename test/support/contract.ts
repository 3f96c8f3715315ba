import type { Effect } from "effect"

/**
 * What every layer of a service must do, as named programs over the service; one that fails says what does not hold. They run wherever the
 * layer does: in Node (`inNode.ts`), inside a Durable Object in workerd (`contracts.worker.ts`). Each wants a fresh layer.
 */
export type Contract<R> = Readonly<Record<string, Effect.Effect<void, unknown, R>>>
