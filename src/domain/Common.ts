import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** RFC 3339, UTC, milliseconds: `2026-11-22T16:42:00.000Z`. */
export const Timestamp = Schema.String
export type Timestamp = typeof Timestamp.Type

export const timestamp = (millis: number): Timestamp => new Date(millis).toISOString()

export const now: Effect.Effect<Timestamp> = Effect.map(Clock.currentTimeMillis, timestamp)

export const Name = Schema.NonEmptyString.check(Schema.isMaxLength(256))

export const maxPairs = 16

/** At most 16 pairs; keys up to 64 and values up to 512 characters. */
export const Metadata = Schema.Record(
  Schema.String.check(Schema.isMaxLength(64)),
  Schema.String.check(Schema.isMaxLength(512))
).check(Schema.isMaxProperties(maxPairs))
export type Metadata = typeof Metadata.Type

const maxKey = 64
export const MetadataValue = Schema.String.check(Schema.isMaxLength(512))
export const shortKeys = Schema.makeFilter((metadata: { readonly [key: string]: unknown }) =>
  Object.keys(metadata).every((key) => key.length <= maxKey) ? true : `has a key of more than ${maxKey} characters`
)

/** `Metadata`, where a key too long is an error and not ignored. */
export const MetadataInput = Schema.Record(Schema.String, MetadataValue).check(
  Schema.isMaxProperties(maxPairs),
  shortKeys
)

export class MetadataFull extends Schema.TaggedError<MetadataFull>()("MetadataFull", {}) {
  override get message(): string {
    return `metadata: would have more than ${maxPairs} pairs`
  }
}

/** Sets the keys given; null removes one. */
export const patchMetadata = (
  metadata: Metadata,
  patch: { readonly [key: string]: string | null } | null | undefined
): Effect.Effect<Metadata, MetadataFull> => {
  const merged = Object.entries({ ...metadata, ...patch }).filter(
    (entry): entry is [string, string] => entry[1] !== null
  )
  return merged.length > maxPairs ? Effect.fail(new MetadataFull()) : Effect.succeed(Object.fromEntries(merged))
}

export const nullable = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** A field that this deployment does not have: refused by name instead of dropped, unless it is absent, null or empty. */
export const unsupported = (reason = "is not supported yet") =>
  Schema.optionalKey(
    Schema.Json.check(
      Schema.makeFilter((value) => value === null || (Array.isArray(value) && value.length === 0) || reason)
    )
  )
