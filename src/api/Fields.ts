import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { MetadataValue, shortKeys } from "../domain/Common.ts"

export { MetadataInput, nullable, unsupported } from "../domain/Common.ts"

/** A filter of a list that this deployment does not have. */
export const unsupportedFilter = Schema.optionalKey(
  Schema.String.check(Schema.makeFilter(() => "is not supported yet"))
)

/** A member of a union that this deployment does not have: refused by name. */
export const refused = <const Type extends string>(type: Type) =>
  Schema.Struct({ type: Schema.Literal(type) }).pipe(
    Schema.refine(Predicate.isNever, { message: `${type} is not supported yet` })
  )

/** Sets the keys given; null removes one. */
export const MetadataPatch = Schema.Record(Schema.String, Schema.NullOr(MetadataValue)).check(shortKeys)
