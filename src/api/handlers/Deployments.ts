import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { timestamp } from "../../domain/Common.ts"
import type { Deployment } from "../../domain/Deployment.ts"
import { type DeploymentId, nextDeploymentId } from "../../domain/Ids.ts"
import { Deployments, type StoredDeployment } from "../../Deployments.ts"
import { nextRun, scheduleOf } from "../../triggers/firing.ts"
import { taskIdOf, toRun } from "../../triggers/runs.ts"
import { Scheduler } from "../../triggers/Scheduler.ts"
import { Api } from "../Contract.ts"
import * as DeploymentChange from "../DeploymentChange.ts"
import type { CreateDeployment, DeploymentView } from "../Deployments.ts"
import { Conflict, NotFound } from "../Errors.ts"
import { paginate, timeRange } from "../Paging.ts"
import { orInternal, orInvalid, orRefused } from "./onWire.ts"

/** Times of a schedule that are shown. */
const shown = 5

export const layer = HttpApiBuilder.group(
  Api,
  "deployments",
  Effect.fnUntraced(function* (handlers) {
    const deployments = yield* Deployments
    const scheduler = yield* Scheduler
    const changes = yield* DeploymentChange.make
    const nextId = Effect.provideService(nextDeploymentId, SecureRandom.SecureRandom, yield* SecureRandom.SecureRandom)

    const find = Effect.fnUntraced(function* (id: DeploymentId) {
      const stored = yield* deployments.deployment(id)
      if (Option.isSome(stored)) return stored.value
      return yield* new NotFound({ message: `deployment ${id} does not exist` })
    })

    /** Changes what is there now, again where somebody else did so meanwhile. */
    const change = Effect.fnUntraced(function* <E, R>(
      id: DeploymentId,
      f: (stored: StoredDeployment, at: number) => Effect.Effect<StoredDeployment, E, R>
    ) {
      while (true) {
        const read = yield* find(id)
        // No two states of a deployment have the same time.
        const at = Math.max(yield* Clock.currentTimeMillis, Date.parse(read.deployment.updated_at) + 1)
        const changed = yield* f(read, at)
        if (changed === read) return yield* view(read)
        const deployment = { ...changed.deployment, updated_at: timestamp(at) }
        if (yield* deployments.replace({ ...changed, deployment }, read)) return yield* view({ ...changed, deployment })
      }
    })

    const inUse = <A extends StoredDeployment>(stored: A): Effect.Effect<A, Conflict> =>
      stored.deployment.archived_at === null
        ? Effect.succeed(stored)
        : Effect.fail(new Conflict({ message: `deployment ${stored.deployment.id} is archived` }))

    /** Null where there is nothing to change. */
    const changeInUse = (
      name: string,
      id: DeploymentId,
      f: (deployment: Deployment) => Pick<Deployment, "status" | "paused_reason"> | null
    ) =>
      change(id, (read, at) =>
        Effect.map(inUse(read), (stored) => {
          const set = f(stored.deployment)
          if (set === null) return read
          const deployment = { ...stored.deployment, ...set }
          return { ...stored, deployment, next: nextRun(deployment, at) }
        })
      ).pipe(Effect.withSpan(`Deployments.${name}`), orInternal)

    const create = Effect.fn("Deployments.create")(
      function* (input: typeof CreateDeployment.Type) {
        const at = yield* Clock.currentTimeMillis
        const deployment = yield* changes.create(input, yield* nextId, timestamp(at))
        const stored = { deployment, next: nextRun(deployment, at), lastRunAt: null }
        yield* deployments.add(stored)
        return yield* view(stored)
      },
      orRefused,
      orInvalid,
      orInternal
    )

    const pause = (id: DeploymentId) =>
      changeInUse("pause", id, (deployment) =>
        deployment.status === "active" ? { status: "paused", paused_reason: { type: "manual" } } : null
      )

    const unpause = (id: DeploymentId) =>
      changeInUse("unpause", id, (deployment) =>
        deployment.status === "paused" ? { status: "active", paused_reason: null } : null
      )

    /** An archived deployment counts as active in the wire API. */
    const archive = Effect.fn("Deployments.archive")(function* (id: DeploymentId) {
      return yield* change(id, (stored, at) => {
        if (stored.deployment.archived_at !== null) return Effect.succeed(stored)
        const archived = { status: "active", paused_reason: null, archived_at: timestamp(at) } as const
        return Effect.succeed({ ...stored, deployment: { ...stored.deployment, ...archived }, next: null })
      })
    }, orInternal)

    const run = Effect.fn("Deployments.run")(function* (id: DeploymentId) {
      const { deployment } = yield* Effect.flatMap(find(id), inUse)
      return toRun(yield* scheduler.run(deployment))
    }, orInternal)

    return handlers.handleAll({
      create: ({ payload }) => create(payload),
      list: ({ query }) =>
        paginate(
          "deployments",
          query,
          (page) =>
            deployments.deployments({
              ...page,
              includeArchived: query.include_archived ?? false,
              ...(query.agent_id === undefined ? {} : { agentId: query.agent_id }),
              ...(query.status === undefined ? {} : { status: query.status }),
              createdAt: timeRange(query)
            }),
          ({ deployment }) => deployment.id
        ).pipe(
          Effect.flatMap(({ data, next_page }) =>
            Effect.map(Effect.forEach(data, view), (data) => ({ data, next_page }))
          ),
          orInternal
        ),
      get: ({ params }) => find(params.id).pipe(Effect.flatMap(view), orInternal),
      update: ({ params, payload }) =>
        change(params.id, (stored, at) =>
          Effect.flatMap(inUse(stored), ({ deployment }) =>
            Effect.map(changes.update(deployment, payload), (deployment) => ({
              ...stored,
              deployment,
              next: payload.schedule === undefined ? stored.next : nextRun(deployment, at)
            }))
          )
        ).pipe(Effect.withSpan("Deployments.update"), orRefused, orInvalid, orInternal),
      pause: ({ params }) => pause(params.id),
      unpause: ({ params }) => unpause(params.id),
      archive: ({ params }) => archive(params.id),
      run: ({ params }) => run(params.id),

      runs: ({ query }) =>
        paginate(
          "deployment runs",
          query,
          ({ limit, after }) =>
            deployments.runs({
              limit,
              ...(after === undefined ? {} : { after }),
              ...(query.deployment_id === undefined ? {} : { deploymentId: query.deployment_id }),
              ...(query.trigger_type === undefined ? {} : { triggerType: query.trigger_type }),
              ...(query.has_error === undefined ? {} : { hasError: query.has_error }),
              createdAt: timeRange(query)
            }),
          ({ id }) => id
        ).pipe(
          Effect.map(({ data, next_page }) => ({ data: data.map(toRun), next_page })),
          orInternal
        ),
      getRun: Effect.fn("Deployments.getRun")(function* ({ params: { id } }) {
        const task = yield* deployments.run(taskIdOf(id))
        if (Option.isSome(task)) return toRun(task.value)
        return yield* new NotFound({ message: `deployment run ${id} does not exist` })
      }, orInternal)
    })
  })
)

/** With the times of its schedule as it would be if it were not paused. */
const view = Effect.fnUntraced(function* ({ deployment, lastRunAt }: StoredDeployment) {
  const { archived_at, schedule } = deployment
  const times = archived_at === null ? scheduleOf(deployment) : null
  const upcoming = times === null ? [] : times.between(yield* Clock.currentTimeMillis, Infinity, shown)
  const view: DeploymentView = {
    ...deployment,
    schedule:
      schedule === null
        ? null
        : { ...schedule, last_run_at: lastRunAt, upcoming_runs_at: upcoming.map((time) => timestamp(time)) }
  }
  return view
})
