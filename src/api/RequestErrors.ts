import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import { InvalidRequest, NotFound, wire } from "./Errors.ts"
import { describe, pathOf } from "./Problem.ts"

/** Turns input that does not fit its schema into an answer that names the field. */
export class RequestErrors extends HttpApiMiddleware.Service<RequestErrors>()("ownloop/api/RequestErrors", {
  error: [wire.InvalidRequest, wire.NotFound]
}) {
  static readonly layer: Layer.Layer<RequestErrors> = HttpApiMiddleware.layerSchemaErrorTransform(
    RequestErrors,
    Effect.fnUntraced(function* (error) {
      const request = yield* HttpServerRequest.HttpServerRequest
      switch (error.kind) {
        // Ids have a form: what has another one cannot exist.
        case "Params":
          return yield* new NotFound({ message: `${pathOf(request)} does not exist` })
        case "Query":
          return yield* new InvalidRequest({ message: describe(error.cause, "query") })
        case "Headers":
          return yield* new InvalidRequest({ message: describe(error.cause, "headers") })
        case "Payload": {
          // The request keeps its body, so that reading it again costs nothing.
          const input = yield* Effect.orElseSucceed(request.json, () => undefined)
          return yield* new InvalidRequest({ message: describe(error.cause, "body", input) })
        }
        case "Body":
        case "ResponseHeaders":
          return yield* Effect.fail(error)
      }
    })
  )
}
