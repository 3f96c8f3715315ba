import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { Catalog } from "../../Catalog.ts"
import { now, patchMetadata } from "../../domain/Common.ts"
import { type CloudConfig, type Environment, type Networking, noNetworking } from "../../domain/Environment.ts"
import { type EnvironmentId, nextEnvironmentId } from "../../domain/Ids.ts"
import { Api } from "../Contract.ts"
import { type ConfigInput, type CreateEnvironment, responseOf, type UpdateEnvironment } from "../Environments.ts"
import { Conflict, InvalidRequest, NotFound } from "../Errors.ts"
import { paginate } from "../Paging.ts"
import { checkPolicies, policyIds } from "./bindings.ts"
import { orInternal, orInvalid } from "./onWire.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "environments",
  Effect.fnUntraced(function* (handlers) {
    const catalog = yield* Catalog
    const nextId = Effect.provideService(nextEnvironmentId, SecureRandom.SecureRandom, yield* SecureRandom.SecureRandom)

    const find = Effect.fnUntraced(function* (id: EnvironmentId) {
      const environment = yield* catalog.environment(id)
      if (Option.isSome(environment)) return environment.value
      return yield* new NotFound({ message: `environment ${id} does not exist` })
    })

    const put = Effect.fnUntraced(function* (environment: Environment) {
      if (yield* catalog.putEnvironment(environment)) return responseOf(environment)
      return yield* new Conflict({ message: `name: another environment is named ${environment.name}` })
    })

    const create = Effect.fn("Environments.create")(function* (input: typeof CreateEnvironment.Type) {
      yield* checkPolicies(catalog, "config.policy_ids", input.config?.policy_ids)
      const created_at = yield* now
      return yield* put({
        type: "environment",
        id: yield* nextId,
        name: input.name,
        description: input.description ?? null,
        config: yield* configOf(input.config, { type: "cloud", backend: "isolate", networking: noNetworking }),
        metadata: input.metadata ?? {},
        created_at,
        updated_at: created_at,
        archived_at: null
      })
    }, orInternal)

    const update = Effect.fn("Environments.update")(function* (
      id: EnvironmentId,
      change: typeof UpdateEnvironment.Type
    ) {
      const environment = yield* find(id)
      if (environment.archived_at !== null) return yield* new Conflict({ message: `environment ${id} is archived` })
      yield* checkPolicies(catalog, "config.policy_ids", change.config?.policy_ids)
      return yield* put({
        ...environment,
        name: change.name ?? environment.name,
        description: change.description === undefined ? environment.description : change.description,
        config: yield* configOf(change.config, environment.config),
        metadata: yield* orInvalid(patchMetadata(environment.metadata, change.metadata)),
        updated_at: yield* now
      })
    }, orInternal)

    const archive = Effect.fn("Environments.archive")(function* (id: EnvironmentId) {
      const environment = yield* find(id)
      if (environment.archived_at !== null) return responseOf(environment)
      return yield* put({ ...environment, archived_at: yield* now })
    }, orInternal)

    const remove = Effect.fn("Environments.delete")(function* (id: EnvironmentId) {
      yield* find(id)
      yield* catalog.deleteEnvironment(id)
      return { id, type: "environment_deleted" as const }
    }, orInternal)

    return handlers.handleAll({
      create: ({ payload }) => create(payload),
      list: ({ query }) =>
        paginate(
          "environments",
          query,
          (page) => catalog.environments({ ...page, includeArchived: query.include_archived ?? false }),
          ({ id }) => id
        ).pipe(
          Effect.map(({ data, next_page }) => ({ data: data.map(responseOf), next_page })),
          orInternal
        ),
      get: ({ params }) => find(params.id).pipe(Effect.map(responseOf), orInternal),
      update: ({ params, payload }) => update(params.id, payload),
      delete: ({ params }) => remove(params.id),
      archive: ({ params }) => archive(params.id)
    })
  })
)

const configOf = Effect.fnUntraced(function* (input: ConfigInput | null | undefined, fallback: CloudConfig) {
  const backend = input?.backend ?? fallback.backend
  if (input?.snapshots && backend !== "microvm") {
    return yield* new InvalidRequest({
      message: `config.snapshots: the backend ${backend} has none: it keeps each file as it is written`
    })
  }
  const snapshots = input?.snapshots === undefined ? fallback.snapshots : input.snapshots
  const config: CloudConfig = {
    type: "cloud",
    backend,
    networking: input?.networking ? networkingOf(input.networking) : fallback.networking,
    ...(snapshots && backend === "microvm" ? { snapshots } : {}),
    ...policyIds(input?.policy_ids === undefined ? (fallback.policy_ids ?? []) : (input.policy_ids ?? []))
  }
  return config
})

const networkingOf = (input: NonNullable<ConfigInput["networking"]>): Networking =>
  input.type === "unrestricted"
    ? input
    : {
        type: "limited",
        allowed_hosts: input.allowed_hosts ?? [],
        allow_package_managers: input.allow_package_managers ?? false,
        allow_mcp_servers: input.allow_mcp_servers ?? false
      }
