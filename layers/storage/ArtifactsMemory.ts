import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { artifactKey, Artifacts } from "../../src/Artifacts.ts"

export const layer: Layer.Layer<Artifacts> = Layer.sync(Artifacts, () => {
  const files = new Map<string, Uint8Array>()
  return Artifacts.of({
    put: Effect.fn("Artifacts.put")(function* (session, path, content) {
      files.set(artifactKey(session, path), content.slice())
    }),
    get: Effect.fn("Artifacts.get")(function* (session, path) {
      return Option.fromUndefinedOr(files.get(artifactKey(session, path)))
    })
  })
})
