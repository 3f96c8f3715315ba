import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { artifactKey, Artifacts } from "../../src/Artifacts.ts"
import { failed } from "./failed.ts"

const make = (bucket: R2Bucket): Artifacts["Service"] => ({
  put: Effect.fn("Artifacts.put")((session, path, content) =>
    Effect.asVoid(
      Effect.tryPromise({
        try: () => bucket.put(artifactKey(session, path), content),
        catch: failed("Artifacts.put")
      })
    )
  ),
  get: Effect.fn("Artifacts.get")((session, path) =>
    Effect.map(
      Effect.tryPromise({
        try: async () => (await bucket.get(artifactKey(session, path)))?.bytes(),
        catch: failed("Artifacts.get")
      }),
      Option.fromUndefinedOr
    )
  )
})

/** Artifacts in an R2 bucket: the one that blobs are in, so that they are forgotten together. */
export const layer = (bucket: R2Bucket): Layer.Layer<Artifacts> => Layer.succeed(Artifacts, make(bucket))
