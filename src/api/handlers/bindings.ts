import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Catalog } from "../../Catalog.ts"
import type { PolicyId } from "../../domain/Ids.ts"
import { InvalidRequest } from "../Errors.ts"

/** Policies that `field` may name: those that are there and not archived. */
export const checkPolicies = (
  catalog: Catalog["Service"],
  field: string,
  ids: ReadonlyArray<PolicyId> | null | undefined
) =>
  Effect.forEach(ids ?? [], (id, place) =>
    Effect.flatMap(catalog.policy(id), (policy) => {
      if (Option.isSome(policy) && policy.value.archived_at === null) return Effect.void
      const what = Option.isSome(policy) ? "is archived" : "does not exist"
      return Effect.fail(new InvalidRequest({ message: `${field}[${place}]: policy ${id} ${what}` }))
    })
  )

/** The field as it is kept: absent where there are none. */
export const policyIds = (ids: ReadonlyArray<PolicyId>): { readonly policy_ids?: ReadonlyArray<PolicyId> } =>
  ids.length === 0 ? {} : { policy_ids: ids }
