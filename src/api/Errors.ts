import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"

/** The id of the request that is being answered. */
export const RequestId = Context.Reference<string>("ownloop/api/Errors/RequestId", { defaultValue: () => "" })

export const ErrorType = Schema.Literals([
  "invalid_request_error",
  "authentication_error",
  "permission_error",
  "not_found_error",
  "request_too_large",
  "rate_limit_error",
  "api_error"
])
export type ErrorType = typeof ErrorType.Type

/** The body of every answer that is not a success. */
export const ErrorEnvelope = Schema.Struct({
  type: Schema.Literal("error"),
  error: Schema.Struct({ type: ErrorType, message: Schema.String }),
  request_id: Schema.String
}).annotate({ identifier: "Error" })

export const envelope = (type: ErrorType, message: string): Effect.Effect<typeof ErrorEnvelope.Type> =>
  Effect.map(RequestId, (request_id) => ({ type: "error", error: { type, message }, request_id }))

const fields = { message: Schema.String }

/** What was asked for does not fit its schema, or is not supported. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", fields) {}
/** No key came with the request, or a wrong one. */
export class AuthenticationFailed extends Schema.TaggedError<AuthenticationFailed>()("AuthenticationFailed", fields) {}
/** Who asks is known, and may not do this. */
export class PermissionDenied extends Schema.TaggedError<PermissionDenied>()("PermissionDenied", fields) {}
/** Too much was asked in too little time. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", fields) {}
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", fields) {}
/** The thing exists, but is not in a state that allows this. */
export class Conflict extends Schema.TaggedError<Conflict>()("Conflict", fields) {}
/** The deployment is not set up to answer. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", fields) {}

/** What each of them is on the wire. */
export const kinds = {
  InvalidRequest: { type: "invalid_request_error", status: 400 },
  AuthenticationFailed: { type: "authentication_error", status: 401 },
  PermissionDenied: { type: "permission_error", status: 403 },
  NotFound: { type: "not_found_error", status: 404 },
  Conflict: { type: "invalid_request_error", status: 409 },
  RateLimited: { type: "rate_limit_error", status: 429 },
  Unavailable: { type: "api_error", status: 503 }
} as const

const onWire = <E, Tag extends keyof typeof kinds>(
  error: Schema.Codec<E, { readonly _tag: Tag; readonly message: string }>,
  tag: Tag
) =>
  error.pipe(
    Schema.encodeTo(ErrorEnvelope, {
      decode: SchemaGetter.transform(({ error }) => ({ _tag: tag, message: error.message })),
      encode: SchemaGetter.transformEffect(({ message }) => envelope(kinds[tag].type, message))
    }),
    Schema.annotate({ httpApiStatus: kinds[tag].status })
  )

/** The errors as endpoints declare and send them. */
export const wire = {
  InvalidRequest: onWire(InvalidRequest, "InvalidRequest"),
  AuthenticationFailed: onWire(AuthenticationFailed, "AuthenticationFailed"),
  PermissionDenied: onWire(PermissionDenied, "PermissionDenied"),
  NotFound: onWire(NotFound, "NotFound"),
  Conflict: onWire(Conflict, "Conflict"),
  RateLimited: onWire(RateLimited, "RateLimited"),
  Unavailable: onWire(Unavailable, "Unavailable")
}
