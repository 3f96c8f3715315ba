import { Context, Effect, Schema, SchemaGetter } from "effect"

/** The id of the request that is being answered. */
export const RequestId = Context.Reference<string>("ownloop/api/Errors/RequestId", { defaultValue: () => "" })

export const ErrorType = Schema.Literals([
  "invalid_request_error",
  "authentication_error",
  "not_found_error",
  "request_too_large",
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
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", fields) {}
/** The thing exists, but is not in a state that allows this. */
export class Conflict extends Schema.TaggedError<Conflict>()("Conflict", fields) {}
/** The deployment is not set up to answer. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", fields) {}

const onWire = <E, Tag extends string>(
  error: Schema.Codec<E, { readonly _tag: Tag; readonly message: string }>,
  tag: Tag,
  type: ErrorType,
  status: number
) =>
  error.pipe(
    Schema.encodeTo(ErrorEnvelope, {
      decode: SchemaGetter.transform(({ error }) => ({ _tag: tag, message: error.message })),
      encode: SchemaGetter.transformEffect(({ message }) => envelope(type, message))
    }),
    Schema.annotate({ httpApiStatus: status })
  )

/** The errors as endpoints declare and send them. */
export const wire = {
  InvalidRequest: onWire(InvalidRequest, "InvalidRequest", "invalid_request_error", 400),
  AuthenticationFailed: onWire(AuthenticationFailed, "AuthenticationFailed", "authentication_error", 401),
  NotFound: onWire(NotFound, "NotFound", "not_found_error", 404),
  Conflict: onWire(Conflict, "Conflict", "invalid_request_error", 409),
  Unavailable: onWire(Unavailable, "Unavailable", "api_error", 503)
}
