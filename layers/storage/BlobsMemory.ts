import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Blobs } from "../../src/Blobs.ts"

const make = (): Blobs["Service"] => {
  const texts = new Map<string, string>()
  return Blobs.of({
    put: Effect.fn("Blobs.put")(function* (key, text) {
      texts.set(key, text)
    }),
    get: Effect.fn("Blobs.get")(function* (key) {
      return Option.fromUndefinedOr(texts.get(key))
    }),
    copy: Effect.fn("Blobs.copy")(function* (from, to) {
      const text = texts.get(from)
      if (text !== undefined) texts.set(to, text)
      return text !== undefined
    }),
    deleteAll: Effect.fn("Blobs.deleteAll")(function* (prefix) {
      for (const key of texts.keys()) if (key.startsWith(prefix)) texts.delete(key)
    })
  })
}

export const layer: Layer.Layer<Blobs> = Layer.sync(Blobs, make)
