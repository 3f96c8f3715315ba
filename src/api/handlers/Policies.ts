import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { Catalog } from "../../Catalog.ts"
import { now, patchMetadata } from "../../domain/Common.ts"
import { nextPolicyId, type PolicyId } from "../../domain/Ids.ts"
import type { Policy } from "../../domain/Policy.ts"
import * as PolicyRules from "../../egress/policy.ts"
import { Caller } from "../Caller.ts"
import { Api } from "../Contract.ts"
import { Conflict, InvalidRequest, NotFound } from "../Errors.ts"
import { paginate } from "../Paging.ts"
import type { CreatePolicy, UpdatePolicy } from "../Policies.ts"
import { orInternal, orInvalid } from "./onWire.ts"
import { Overtaken, untilNotOvertaken } from "./versions.ts"

/** Who saves a policy and does not say so: for example `api_key apikey_1`. */
const callerName = Effect.map(Caller, ({ actor: { id, type } }) => `${type} ${id}`)

export const layer = HttpApiBuilder.group(
  Api,
  "policies",
  Effect.fnUntraced(function* (handlers) {
    const catalog = yield* Catalog
    const digest = yield* Digest.Digest
    const nextId = Effect.provideService(nextPolicyId, SecureRandom.SecureRandom, yield* SecureRandom.SecureRandom)

    const find = Effect.fnUntraced(function* (id: PolicyId, version?: string) {
      const policy = yield* catalog.policy(id, version)
      if (Option.isSome(policy)) return policy.value
      const what = version === undefined ? `policy ${id}` : `version ${version} of policy ${id}`
      return yield* new NotFound({ message: `${what} does not exist` })
    })

    /** Everything of a version that its content says. */
    const derive = Effect.fnUntraced(
      function* (content: PolicyRules.PolicyContent) {
        const entries = PolicyRules.parseRules(content)
        if (Result.isFailure(entries)) return yield* new InvalidRequest({ message: entries.failure })
        return yield* PolicyRules.derived(content, entries.success)
      },
      Effect.provideService(Digest.Digest, digest)
    )

    const create = Effect.fn("Policies.create")(function* (input: typeof CreatePolicy.Type) {
      const created_at = yield* now
      const content = { rules: input.rules, limits: input.limits ?? {} }
      const policy: Policy = {
        type: "policy",
        id: yield* nextId,
        revision: 1,
        ...(yield* derive(content)),
        ...content,
        name: input.name,
        description: input.description ?? null,
        author: input.author ?? (yield* callerName),
        metadata: input.metadata ?? {},
        created_at,
        updated_at: created_at,
        archived_at: null
      }
      yield* catalog.addPolicyVersion(policy)
      return policy
    }, orInternal)

    const update = Effect.fn("Policies.update")(
      function* (id: PolicyId, change: typeof UpdatePolicy.Type) {
        const policy = yield* find(id)
        if (policy.archived_at !== null) return yield* new Conflict({ message: `policy ${id} is archived` })
        const seen = change.version ?? policy.version
        if (seen !== policy.version) {
          return yield* new Conflict({ message: `version: policy ${id} is at version ${policy.version}, not ${seen}` })
        }
        const content = {
          rules: change.rules ?? policy.rules,
          limits: change.limits === undefined ? policy.limits : (change.limits ?? {})
        }
        const next: Policy = {
          ...policy,
          ...(yield* derive(content)),
          ...content,
          name: change.name ?? policy.name,
          description: change.description === undefined ? policy.description : change.description,
          metadata: yield* orInvalid(patchMetadata(policy.metadata, change.metadata))
        }
        if (Equal.equals(next, policy)) return policy
        const saved = {
          ...next,
          revision: policy.revision + 1,
          author: change.author ?? (yield* callerName),
          updated_at: yield* now
        }
        return (yield* catalog.addPolicyVersion(saved)) ? saved : yield* new Overtaken()
      },
      (update) => untilNotOvertaken(update, "policy"),
      orInternal
    )

    const archive = Effect.fn("Policies.archive")(function* (id: PolicyId) {
      const policy = yield* find(id)
      if (policy.archived_at !== null) return policy
      const archived_at = yield* now
      yield* catalog.archivePolicy(id, archived_at)
      return { ...policy, archived_at }
    }, orInternal)

    return handlers.handleAll({
      create: ({ payload }) => create(payload),
      list: ({ query }) =>
        paginate(
          "policies",
          query,
          (page) => catalog.policies({ ...page, includeArchived: query.include_archived ?? false }),
          ({ id }) => id
        ).pipe(orInternal),
      get: ({ params, query }) => orInternal(find(params.id, query.version)),
      update: ({ params, payload }) => update(params.id, payload),
      archive: ({ params }) => archive(params.id),
      versions: ({ params, query }) =>
        find(params.id).pipe(
          Effect.andThen(
            paginate(
              `versions of ${params.id}`,
              query,
              (page) => catalog.policyVersions(params.id, page),
              ({ revision }) => String(revision)
            )
          ),
          orInternal
        )
    })
  })
).pipe(Layer.provide(Digest.layerWebCrypto))
