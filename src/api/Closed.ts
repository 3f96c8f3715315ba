import * as Layer from "effect/Layer"
import type * as SecureRandom from "effect/crypto/SecureRandom"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Answer from "./Answer.ts"
import { AllowedOrigins } from "./Origins.ts"

/** Takes the place of `Api.layer` while something is wrong with the deployment's configuration: every request is answered 503, with the reason. */
export const layer = (problem: {
  readonly message: string
}): Layer.Layer<never, never, HttpRouter.HttpRouter | SecureRandom.SecureRandom> =>
  HttpRouter.add(
    "*",
    "/*",
    Answer.errorResponse(503, "api_error", `${problem.message}. Mend it and deploy again`)
  ).pipe(Layer.merge(Answer.layer), Layer.provide(Layer.succeed(AllowedOrigins, new Set())))
