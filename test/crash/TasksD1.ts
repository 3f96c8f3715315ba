import { env } from "cloudflare:workers"
import { Context, Effect, Layer } from "effect"
import * as Product from "../../layers/storage/TasksD1.ts"
import { Deliveries } from "../../src/Deliveries.ts"
import { Tasks } from "../../src/Tasks.ts"

// Stands in the place of the product's module of this name (`alias` in build.ts).

const { CRASH_POINTS } = env as unknown as { readonly CRASH_POINTS: string } // Known to this Worker's configuration alone.

/** The outside is asked before and after every step. Whoever is not answered goes no further, and is killed there. */
const tell = (step: string) =>
  Effect.promise((signal) => fetch(CRASH_POINTS, { method: "POST", body: JSON.stringify({ step }), signal }))

/** What whoever watches from the outside asks for is no step. */
const lists = new Set(["tasks", "deliveries"])

type Method = (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>

const around = <S extends object>(name: string, service: S): S =>
  Object.fromEntries(
    Object.entries(service).map(([method, run]: [string, Method]) => [
      method,
      lists.has(method)
        ? run
        : (...args: ReadonlyArray<unknown>) =>
            Effect.andThen(
              tell(`${name}.${method} before`),
              Effect.tap(run(...args), () => tell(`${name}.${method} after`))
            )
    ])
  ) as S // The same members, of the same types.

/** The product's tasks and deliveries, which ask the outside before and after every step. */
export const layer = (db: D1Database): Layer.Layer<Tasks | Deliveries> =>
  Layer.effectContext(
    Effect.map(Effect.context<Tasks | Deliveries>(), (product) =>
      Context.make(Tasks, around("Tasks", Context.get(product, Tasks))).pipe(
        Context.add(Deliveries, around("Deliveries", Context.get(product, Deliveries)))
      )
    )
  ).pipe(Layer.provide(Product.layer(db)))
