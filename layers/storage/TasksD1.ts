import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { DeadLetter } from "../../src/domain/DeadLetter.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import { Sweep } from "../../src/domain/Sweep.ts"
import { openStatuses, placedStatuses, Task } from "../../src/domain/Task.ts"
import { Deliveries } from "../../src/Deliveries.ts"
import { type TaskChange, Tasks } from "../../src/Tasks.ts"
import * as D1 from "./D1.ts"
import { before, given, json, method } from "./D1.ts"
import * as DeliveriesD1 from "./DeliveriesD1.ts"

const taskJson = json(Task)
const sweepJson = json(Sweep)
const letterJson = json(DeadLetter)
const decodeIds = Schema.decodeUnknownEffect(Schema.Array(SessionId))

const list = (statuses: ReadonlyArray<string>) => statuses.map((status) => `'${status}'`).join(", ")
const open = list(openStatuses)
const placed = list(placedStatuses)
const started = list(openStatuses.slice(1))

/** Whoever has a session gets a place; a task moves with what it was told of, all in one statement. */
const moved = (sets: string) => `json_insert(json_set(body, ${sets}), '$.transitions[#]', json(?))`

// The agents that have something queued, one seek of the index for each, and of each that has a place left its oldest task.
const claim = `
  WITH RECURSIVE agents (id) AS (
    SELECT min(agent_id) FROM tasks WHERE status = 'queued'
    UNION ALL
    SELECT (SELECT min(agent_id) FROM tasks WHERE status = 'queued' AND agent_id > agents.id) FROM agents WHERE id IS NOT NULL
  )
  UPDATE tasks SET reported = 0, body = ${moved("'$.status', 'claimed', '$.session_id', coalesce(body ->> '$.continues', ?), '$.updated_at', ?")}
  WHERE (SELECT count(*) FROM tasks WHERE status IN (${placed})) < ?
    AND id = (
      SELECT min((SELECT min(queued.id) FROM tasks AS queued WHERE queued.status = 'queued' AND queued.agent_id = agents.id))
      FROM agents
      WHERE (SELECT count(*) FROM tasks AS busy WHERE busy.status IN (${placed}) AND busy.agent_id = agents.id) < ?
    )
  RETURNING body`

const make = (db: D1Database): Tasks["Service"] => {
  const { run, select, write } = D1.make(db)

  const rows = <A, E>(decode: (bodies: unknown) => Effect.Effect<A, E>, statement: D1PreparedStatement) =>
    Effect.flatMap(
      Effect.tryPromise(() => statement.all<{ body: string }>()),
      ({ results }) => decode(results.map(({ body }) => body))
    )

  const query = (sql: string, ...values: ReadonlyArray<string | number>) =>
    rows(taskJson.decode, db.prepare(sql).bind(...values))

  const update = ({ id, from, session, seq, status, at, reason, set = {} }: TaskChange) => {
    const fields = Object.entries({ ...set, status, updated_at: at })
    const conditions = [
      ["id = ?", id] as const,
      ...given(session, (session) => ["session_id = ?", session]),
      ...given(seq, (seq) => ["reported < ?", seq])
    ]
    return db
      .prepare(
        `UPDATE tasks SET reported = coalesce(?, reported), body = ${moved(fields.map(([name]) => `'$.${name}', json(?)`).join(", "))}
        WHERE status IN (${list(from)}) AND ${conditions.map(([sql]) => sql).join(" AND ")} RETURNING body`
      )
      .bind(
        seq ?? null,
        ...fields.map(([, value]) => JSON.stringify(value)),
        JSON.stringify({ status, at, reason }),
        ...conditions.map(([, value]) => value!)
      )
  }

  return Tasks.of({
    add: method("Tasks.add", (task) =>
      Effect.andThen(
        write("INSERT INTO tasks (body, id) VALUES (?, ?) ON CONFLICT DO NOTHING", taskJson, task, task.id),
        Effect.map(
          select("tasks", taskJson, [["idempotency_key = ?", task.idempotency_key]], 1),
          (found) => found[0] ?? task
        )
      )
    ),
    task: method("Tasks.task", (id) => Effect.map(select("tasks", taskJson, [["id = ?", id]], 1), Array.head)),
    tasks: method("Tasks.tasks", (page) =>
      select(
        "(SELECT id, json_remove(body, '$.initial_events') AS body, status, agent_id FROM tasks)",
        taskJson,
        [
          ...before(page),
          ...given(page.agentId, (id) => ["agent_id = ?", id]),
          ...given(page.statuses, (statuses) => [`status IN (${statuses.map(() => "?").join(", ")})`, ...statuses])
        ],
        page.limit
      )
    ),
    claim: method("Tasks.claim", (session, { concurrency, concurrencyPerAgent }, at) =>
      Effect.map(
        query(
          claim,
          session,
          at,
          JSON.stringify({ status: "claimed", at, reason: null }),
          concurrency,
          concurrencyPerAgent
        ),
        Array.head
      )
    ),
    change: method("Tasks.change", (change) =>
      Effect.gen(function* () {
        const statements = yield* Effect.forEach(change.deliveries ?? [], (delivery) =>
          // Only where the change was made, now or by the same change before.
          DeliveriesD1.insert(
            db,
            delivery,
            "EXISTS (SELECT 1 FROM tasks WHERE id = ?4 AND body ->> '$.updated_at' = ?5)",
            [change.id, change.at]
          )
        )
        const [updated] = yield* Effect.tryPromise(() => db.batch<{ body: string }>([update(change), ...statements]))
        return Array.head(yield* taskJson.decode((updated?.results ?? []).map(({ body }) => body)))
      })
    ),
    end: method("Tasks.end", (id, ending, at) =>
      Effect.map(
        query(
          `UPDATE tasks SET body = json_set(body, '$.ending', coalesce(body ->> '$.ending', ?), '$.updated_at', ?)
          WHERE id = ? AND status IN (${started}) RETURNING body`,
          ending,
          at,
          id
        ),
        Array.head
      )
    ),

    overdue: method("Tasks.overdue", (at, limit) =>
      query(
        `SELECT body FROM tasks INDEXED BY tasks_deadline
        WHERE deadline IS NOT NULL AND ending IS NULL AND status IN (${open}) AND deadline <= ?
        ORDER BY deadline LIMIT ?`,
        at,
        limit
      )
    ),
    quiet: method("Tasks.quiet", ({ before, limit }, at) =>
      query(
        `UPDATE tasks SET swept_at = ? WHERE id IN (
          SELECT id FROM tasks INDEXED BY tasks_heard
          WHERE status IN (${started}) AND heard_at < ? ORDER BY heard_at LIMIT ?
        ) RETURNING body`,
        at,
        before,
        limit
      )
    ),
    quietSessions: method("Tasks.quietSessions", ({ before, limit }, at) =>
      rows(
        decodeIds,
        db
          .prepare(
            `UPDATE sessions SET swept_at = ? WHERE id IN (
              SELECT id FROM sessions INDEXED BY sessions_heard
              WHERE status IN ('running', 'rescheduling') AND heard_at < ? ORDER BY heard_at LIMIT ?
            ) RETURNING id AS body`
          )
          .bind(at, before, limit)
      )
    ),
    addSweep: method("Tasks.addSweep", (sweep) =>
      Effect.asVoid(write("INSERT INTO sweeps (body, id) VALUES (?, ?)", sweepJson, sweep, sweep.id))
    ),
    sweeps: method("Tasks.sweeps", (page) => select("sweeps", sweepJson, before(page), page.limit)),

    putDeadLetter: method("Tasks.putDeadLetter", (letter) =>
      Effect.asVoid(
        write(
          "INSERT INTO dead_letters (body, id) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
          letterJson,
          letter,
          letter.id
        )
      )
    ),
    deadLetter: method("Tasks.deadLetter", (id) =>
      Effect.map(select("dead_letters", letterJson, [["id = ?", id]], 1), Array.head)
    ),
    deadLetters: method("Tasks.deadLetters", (page) => select("dead_letters", letterJson, before(page), page.limit)),

    deleteNotesBefore: method("Tasks.deleteNotesBefore", (time) =>
      Effect.andThen(
        run("DELETE FROM sweeps WHERE created_at < ?", time),
        Effect.asVoid(run("DELETE FROM dead_letters WHERE replayed_at IS NOT NULL AND replayed_at < ?", time))
      )
    )
  })
}

/** Tasks and deliveries in D1 (`migrations/`). Each is stored whole, as JSON. */
export const layer = (db: D1Database): Layer.Layer<Tasks | Deliveries> =>
  Layer.sync(Tasks, () => make(db)).pipe(Layer.merge(Layer.sync(Deliveries, () => DeliveriesD1.make(db))))
