import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Blobs } from "../../src/Blobs.ts"
import { failed } from "./failed.ts"

/** Keeps a U+FEFF that a text begins with, which `R2ObjectBody.text` would drop. */
const utf8 = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true })

const attempt = <A>(operation: string, ask: () => Promise<A>) =>
  Effect.tryPromise({ try: ask, catch: failed(operation) })

const make = (bucket: R2Bucket): Blobs["Service"] => {
  const put = Effect.fn("Blobs.put")((key: string, text: string) =>
    Effect.asVoid(attempt("Blobs.put", () => bucket.put(key, text)))
  )

  const get = Effect.fn("Blobs.get")(function* (key: string) {
    const bytes = yield* attempt("Blobs.get", async () => (await bucket.get(key))?.arrayBuffer())
    return Option.map(Option.fromUndefinedOr(bytes), (bytes) => utf8.decode(bytes))
  })

  const copy = Effect.fn("Blobs.copy")((from: string, to: string) =>
    attempt("Blobs.copy", async () => {
      const blob = await bucket.get(from)
      if (blob !== null) await bucket.put(to, blob.body)
      return blob !== null
    })
  )

  const deleteAll = Effect.fn("Blobs.deleteAll")(function* (prefix: string) {
    let cursor: string | undefined
    do {
      const options = cursor === undefined ? { prefix } : { prefix, cursor }
      // A page and a delete both take up to 1,000 keys.
      const page = yield* attempt("Blobs.deleteAll", () => bucket.list(options))
      const keys = page.objects.map(({ key }) => key)
      if (keys.length > 0) yield* attempt("Blobs.deleteAll", () => bucket.delete(keys))
      cursor = page.truncated ? page.cursor : undefined
    } while (cursor !== undefined)
  })

  return Blobs.of({ put, get, copy, deleteAll })
}

/** Blobs in an R2 bucket, texts as UTF-8. */
export const layer = (bucket: R2Bucket): Layer.Layer<Blobs> => Layer.succeed(Blobs, make(bucket))
