import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Deployment } from "../../src/domain/Deployment.ts"
import type { DeploymentId } from "../../src/domain/Ids.ts"
import type { RunTask, Task } from "../../src/domain/Task.ts"
import { Deployments, type DueDeployment, type Firing, type StoredDeployment } from "../../src/Deployments.ts"
import { emptyOutcome } from "../../src/triggers/messages.ts"
import * as D1 from "./D1.ts"
import { before, type Condition, createdWithin, given, json, method, notArchived } from "./D1.ts"
import { moved, open, started, taskJson } from "./TaskRows.ts"

const deploymentJson = json(Deployment)

const Time = Schema.NullOr(Schema.Finite)
const fields = {
  body: Schema.fromJsonString(Deployment),
  scheduled_at: Time,
  due_at: Time,
  last_run_at: Schema.NullOr(Schema.String)
}
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct(fields)))
const decodeDue = Schema.decodeUnknownEffect(
  Schema.Array(
    Schema.Struct({ ...fields, scheduled_at: Schema.Finite, due_at: Schema.Finite, open_runs: Schema.Finite })
  )
)

const columns = "id, body, scheduled_at, due_at, last_run_at"

const storedOf = ({
  body,
  scheduled_at,
  due_at,
  last_run_at
}: Schema.Struct.Type<typeof fields>): StoredDeployment => ({
  deployment: body,
  next: scheduled_at === null || due_at === null ? null : { scheduledAt: scheduled_at, dueAt: due_at },
  lastRunAt: last_run_at
})

/** Over the firing's `?1`, its deployment, and `?2`, the run that it is due for. */
const isDue = "EXISTS (SELECT 1 FROM deployments WHERE id = ?1 AND scheduled_at = ?2)"

export const make = (db: D1Database): Deployments["Service"] => {
  const { run, select } = D1.make(db)

  const rows = (conditions: ReadonlyArray<Condition>, limit: number) => {
    const where = ["TRUE", ...conditions.map(([sql]) => sql)].join(" AND ")
    const statement = db.prepare(`SELECT ${columns} FROM deployments WHERE ${where} ORDER BY id DESC LIMIT ?`)
    return Effect.tryPromise(() => statement.bind(...conditions.flatMap(([, ...values]) => values), limit).all()).pipe(
      Effect.flatMap(({ results }) => decodeRows(results)),
      Effect.map(Array.map(storedOf))
    )
  }

  const endOpenRuns = ({ id, scheduledAt, cancels }: Firing) =>
    cancels === null
      ? []
      : [
          db
            .prepare(
              `UPDATE tasks SET body = ${moved("'$.status', 'cancelled', '$.outcome', json(?3), '$.updated_at', ?4", "?5")}
              WHERE deployment_id = ?1 AND status = 'queued' AND ${isDue}`
            )
            .bind(
              id,
              scheduledAt,
              JSON.stringify(emptyOutcome("cancelled", null)),
              cancels.at,
              JSON.stringify({ status: "cancelled", ...cancels })
            ),
          db
            .prepare(
              `UPDATE tasks SET body = json_set(body, '$.ending', coalesce(body ->> '$.ending', 'cancelled'), '$.updated_at', ?3)
              WHERE deployment_id = ?1 AND status IN (${started}) AND ${isDue} RETURNING body`
            )
            .bind(id, scheduledAt, cancels.at)
        ]

  const statements = Effect.fnUntraced(function* (firing: Firing) {
    const { id, scheduledAt, next, lastRunAt, runs, isQueued } = firing
    const bodies = yield* Effect.forEach(runs, (task) => taskJson.encode(task))
    const add = bodies.map((body, index) =>
      db
        .prepare(
          `INSERT INTO tasks (id, body, held)
          SELECT ?3, ?4, ?5 AND EXISTS (SELECT 1 FROM tasks WHERE deployment_id = ?1 AND status IN (${open}))
          WHERE ${isDue} ON CONFLICT DO NOTHING`
        )
        .bind(id, scheduledAt, runs[index]!.id, body, isQueued ? 1 : 0)
    )
    const advance = db
      .prepare(
        `UPDATE deployments SET scheduled_at = ?3, due_at = ?4, last_run_at = coalesce(?5, last_run_at)
        WHERE id = ?1 AND scheduled_at = ?2 RETURNING id AS body`
      )
      .bind(id, scheduledAt, next?.scheduledAt ?? null, next?.dueAt ?? null, lastRunAt)
    return { id, all: [...endOpenRuns(firing), ...add, advance] }
  })

  return Deployments.of({
    add: method("Deployments.add", ({ deployment, next }) =>
      Effect.flatMap(deploymentJson.encode(deployment), (body) =>
        Effect.asVoid(
          Effect.tryPromise(() =>
            db
              .prepare("INSERT INTO deployments (id, body, scheduled_at, due_at) VALUES (?, ?, ?, ?)")
              .bind(deployment.id, body, next?.scheduledAt ?? null, next?.dueAt ?? null)
              .run()
          )
        )
      )
    ),
    deployment: method("Deployments.deployment", (id) => Effect.map(rows([["id = ?", id]], 1), Array.head)),
    deployments: method("Deployments.deployments", (page) =>
      rows(
        [
          ...before(page),
          ...notArchived(page.includeArchived),
          ...given(page.agentId, (id) => ["agent_id = ?", id]),
          ...given(page.status, (status) => ["status = ?", status]),
          ...createdWithin(page.createdAt)
        ],
        page.limit
      )
    ),
    replace: method("Deployments.replace", ({ deployment, next }, read) =>
      Effect.flatMap(deploymentJson.encode(deployment), (body) =>
        Effect.tryPromise(() =>
          db
            .prepare(
              `UPDATE deployments SET body = ?, scheduled_at = ?, due_at = ?
              WHERE id = ? AND body ->> '$.updated_at' = ? AND scheduled_at IS ?`
            )
            .bind(
              body,
              next?.scheduledAt ?? null,
              next?.dueAt ?? null,
              deployment.id,
              read.deployment.updated_at,
              read.next?.scheduledAt ?? null
            )
            .run()
        )
      ).pipe(Effect.map(({ meta }) => D1.changed(meta.changes)))
    ),
    pause: method("Deployments.pause", (id, reason, at) =>
      Effect.asVoid(
        run(
          `UPDATE deployments SET scheduled_at = NULL, due_at = NULL,
          body = json_set(body, '$.status', 'paused', '$.paused_reason', json(?), '$.updated_at', ?)
          WHERE id = ? AND status = 'active' AND archived_at IS NULL`,
          JSON.stringify(reason),
          at,
          id
        )
      )
    ),

    due: method("Deployments.due", (now, limit) =>
      Effect.tryPromise(() =>
        db
          .prepare(
            `SELECT ${columns}, (
              SELECT count(*) FROM tasks INDEXED BY tasks_runs_open
              WHERE deployment_id = deployments.id AND status IN (${open})
            ) AS open_runs FROM deployments WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ?`
          )
          .bind(now, limit)
          .all()
      ).pipe(
        Effect.flatMap(({ results }) => decodeDue(results)),
        Effect.map(
          Array.map((row): DueDeployment => ({
            ...storedOf(row),
            next: { scheduledAt: row.scheduled_at, dueAt: row.due_at },
            openRuns: row.open_runs
          }))
        )
      )
    ),
    fire: method("Deployments.fire", (firings) =>
      Effect.gen(function* () {
        const all = yield* Effect.forEach(firings, statements)
        const results = yield* Effect.tryPromise(() => db.batch<{ body: string }>(all.flatMap(({ all }) => all)))
        const returned = results.map(({ results }) => results.map(({ body }) => body))
        const fired: Array<DeploymentId> = []
        const ending: Array<string> = []
        for (const { id, all: own } of all) {
          const answers = returned.splice(0, own.length)
          if ((answers.pop() ?? []).length > 0) fired.push(id)
          ending.push(...answers.flat())
        }
        return { fired, ending: yield* taskJson.decode(ending) }
      })
    ),

    run: method("Deployments.run", (id) =>
      Effect.map(select("tasks", taskJson, [["id = ?", id]], 1), (tasks) => Array.head(tasks.filter(isRun)))
    ),
    runs: method("Deployments.runs", (page) =>
      select(
        "tasks",
        taskJson,
        [
          ["deployment_id IS NOT NULL"],
          ...before(page),
          ...given(page.deploymentId, (id) => ["deployment_id = ?", id]),
          ...given(page.triggerType, (type) => [`scheduled_at IS ${type === "schedule" ? "NOT " : ""}NULL`]),
          ...given(page.hasError, (hasError) => [hasError ? "never_began = 1" : "session_id IS NOT NULL"]),
          ...createdWithin(page.createdAt)
        ],
        page.limit
      ).pipe(Effect.map((tasks) => tasks.filter(isRun)))
    )
  })
}

const isRun = (task: Task): task is RunTask => task.deployment_run !== undefined
