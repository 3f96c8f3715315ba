import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import { Delivery } from "../../src/domain/Delivery.ts"
import { Deliveries } from "../../src/Deliveries.ts"
import * as D1 from "./D1.ts"
import { before, given, json, method } from "./D1.ts"

const deliveryJson = json(Delivery)

/** As the table's column says it. */
const laneOf = (body: string) =>
  `coalesce(${body} ->> '$.session_id', ${body} ->> '$.task_id', '') || ' ' || (${body} -> '$.to')`

/** Adds one, where the condition over `?4` and so on holds and it is not there yet. Behind one of its lane that is pending it waits for its turn. */
export const insert = (db: D1Database, delivery: Delivery, condition = "TRUE", values: ReadonlyArray<string> = []) =>
  Effect.map(deliveryJson.encode(delivery), (body) => {
    return db
      .prepare(
        `INSERT INTO deliveries (id, body, next_at)
        SELECT ?1, ?2, iif(EXISTS (SELECT 1 FROM deliveries WHERE status = 'pending' AND lane = ${laneOf("?2")}), NULL, ?3)
        WHERE ${condition} ON CONFLICT (id) DO NOTHING`
      )
      .bind(delivery.id, body, Date.parse(delivery.created_at), ...values)
  })

// Another turn of a lane begins where the one before it ends.
const next = `
  UPDATE deliveries SET next_at = ? WHERE next_at IS NULL AND seq = (
    SELECT min(seq) FROM deliveries WHERE status = 'pending' AND lane = (SELECT lane FROM deliveries WHERE id = ?)
  )`

export const make = (db: D1Database): Deliveries["Service"] => {
  const { run, select } = D1.make(db)
  return Deliveries.of({
    add: method("Deliveries.add", (deliveries) =>
      deliveries.length === 0
        ? Effect.void
        : Effect.flatMap(
            Effect.forEach(deliveries, (delivery) => insert(db, delivery)),
            (statements) => Effect.asVoid(Effect.tryPromise(() => db.batch(statements)))
          )
    ),
    take: method("Deliveries.take", ({ now, leaseUntil, limit, of }) =>
      Effect.tryPromise(() =>
        db
          .prepare(
            `UPDATE deliveries SET next_at = ? WHERE seq IN (
              SELECT seq FROM deliveries WHERE next_at IS NOT NULL AND next_at <= ?
              ${of === undefined ? "" : "AND (session_id = ? OR task_id = ?)"} ORDER BY next_at, seq LIMIT ?
            ) RETURNING body`
          )
          .bind(leaseUntil, now, ...(of === undefined ? [] : [of, of]), limit)
          .all<{ body: string }>()
      ).pipe(Effect.flatMap(({ results }) => deliveryJson.decode(results.map(({ body }) => body))))
    ),
    put: method("Deliveries.put", (delivery, nextAt) =>
      Effect.flatMap(deliveryJson.encode(delivery), (body) =>
        Effect.asVoid(
          Effect.tryPromise(() =>
            db.batch([
              db.prepare("UPDATE deliveries SET body = ?, next_at = ? WHERE id = ?").bind(body, nextAt, delivery.id),
              ...(delivery.status === "pending"
                ? []
                : [db.prepare(next).bind(Date.parse(delivery.updated_at), delivery.id)])
            ])
          )
        )
      )
    ),
    delivery: method("Deliveries.delivery", (id) =>
      Effect.map(select("deliveries", deliveryJson, [["id = ?", id]], 1), Array.head)
    ),
    deliveries: method("Deliveries.deliveries", (page) =>
      select(
        "(SELECT id, json_remove(body, '$.payload') AS body, session_id, task_id, status FROM deliveries)",
        deliveryJson,
        [
          ...before(page),
          ...given(page.sessionId, (id) => ["session_id = ?", id]),
          ...given(page.taskId, (id) => ["task_id = ?", id]),
          ...given(page.status, (status) => ["status = ?", status])
        ],
        page.limit
      )
    ),
    deleteBefore: method("Deliveries.deleteBefore", (time) =>
      Effect.asVoid(run("DELETE FROM deliveries WHERE status <> 'pending' AND updated_at < ?", time))
    )
  })
}
