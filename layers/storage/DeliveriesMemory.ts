import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Struct from "effect/Struct"
import type { Delivery } from "../../src/domain/Delivery.ts"
import { Deliveries } from "../../src/Deliveries.ts"
import { pageOf } from "./Pages.ts"

const laneOf = ({ session_id, task_id, to }: Delivery) => JSON.stringify([session_id ?? task_id, to])

/** The service, and how others in this process add to it. */
export const make = () => {
  /** In the order in which they were added. */
  const all = new Map<string, Delivery>()
  const nextAt = new Map<string, number>()

  const firstOf = (lane: string) =>
    [...all.values()].find((delivery) => delivery.status === "pending" && laneOf(delivery) === lane)

  const insert = (delivery: Delivery) => {
    if (all.has(delivery.id)) return
    if (firstOf(laneOf(delivery)) === undefined) nextAt.set(delivery.id, Date.parse(delivery.created_at))
    all.set(delivery.id, delivery)
  }

  const service = Deliveries.of({
    add: Effect.fn("Deliveries.add")(function* (deliveries) {
      deliveries.forEach(insert)
    }),
    take: Effect.fn("Deliveries.take")(function* ({ now, leaseUntil, limit, of }) {
      const due = [...all.values()].filter(({ id, session_id, task_id }) => {
        const at = nextAt.get(id)
        return at !== undefined && at <= now && (of === undefined || of === session_id || of === task_id)
      })
      const taken = due.slice(0, limit)
      for (const { id } of taken) nextAt.set(id, leaseUntil)
      return taken
    }),
    put: Effect.fn("Deliveries.put")(function* (delivery, at) {
      all.set(delivery.id, delivery)
      if (at === null) nextAt.delete(delivery.id)
      else nextAt.set(delivery.id, at)
      const next = delivery.status === "pending" ? undefined : firstOf(laneOf(delivery))
      if (next !== undefined && !nextAt.has(next.id)) nextAt.set(next.id, Date.parse(delivery.updated_at))
    }),
    delivery: Effect.fn("Deliveries.delivery")(function* (id) {
      return Option.fromUndefinedOr(all.get(id))
    }),
    deliveries: Effect.fn("Deliveries.deliveries")(function* ({ sessionId, taskId, status, ...page }) {
      const found = [...all.values()]
        .filter(({ session_id }) => sessionId === undefined || session_id === sessionId)
        .filter(({ task_id }) => taskId === undefined || task_id === taskId)
        .filter((delivery) => status === undefined || delivery.status === status)
      return pageOf(found, page).map((delivery) => Struct.omit(delivery, ["payload"]))
    }),
    deleteBefore: Effect.fn("Deliveries.deleteBefore")(function* (time) {
      for (const { id, status, updated_at } of all.values()) {
        if (status !== "pending" && updated_at < time) all.delete(id)
      }
    })
  })
  return { service, insert }
}

export type DeliveriesMemory = ReturnType<typeof make>
