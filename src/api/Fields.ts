import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { MetadataValue, shortKeys } from "../domain/Common.ts"

export { MetadataInput } from "../domain/Common.ts"

/** A field that this deployment does not have: refused by name instead of dropped, unless it is absent, null or empty. */
export const unsupported = (reason = "is not supported yet") =>
  Schema.optionalKey(
    Schema.Json.check(
      Schema.makeFilter((value) => value === null || (Array.isArray(value) && value.length === 0) || reason)
    )
  )

/** A filter of a list that this deployment does not have. */
export const unsupportedFilter = Schema.optionalKey(
  Schema.String.check(Schema.makeFilter(() => "is not supported yet"))
)

/** A member of a union that this deployment does not have: refused by name. */
export const refused = <const Type extends string>(type: Type) =>
  Schema.Struct({ type: Schema.Literal(type) }).pipe(
    Schema.refine(Predicate.isNever, { message: `${type} is not supported yet` })
  )

export const nullable = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** Sets the keys given; null removes one. */
export const MetadataPatch = Schema.Record(Schema.String, Schema.NullOr(MetadataValue)).check(shortKeys)
