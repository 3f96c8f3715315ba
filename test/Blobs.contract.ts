import assert from "node:assert/strict"
import { Array, Effect, Option } from "effect"
import { Blobs } from "../src/Blobs.ts"
import type { Contract } from "./support/contract.ts"

/** Tests may share a bucket, as sessions do, so each has its own prefix. */
export const contract: Contract<Blobs> = {
  "a text is kept as it is, and replaced": Effect.gen(function* () {
    const blobs = yield* Blobs
    const key = "sesn_kept/sevt_1"
    assert.deepEqual(yield* blobs.get(key), Option.none())
    for (const text of ["plain", "\uFEFFzwölf 🐈\u0000\r\n", ""]) {
      yield* blobs.put(key, text)
      assert.deepEqual(yield* blobs.get(key), Option.some(text))
    }
    assert.deepEqual(yield* blobs.get("sesn_kept/sevt_"), Option.none())
  }),

  "a text can be larger than a row": Effect.gen(function* () {
    const blobs = yield* Blobs
    const text = "🐈".repeat(2_000_000)
    yield* blobs.put("sesn_large/sevt_1", text)
    const kept = Option.getOrThrow(yield* blobs.get("sesn_large/sevt_1"))
    // Not `equal`, which would print both.
    assert.ok(kept === text)
  }),

  "a copy is kept as the original was, whatever becomes of that": Effect.gen(function* () {
    const blobs = yield* Blobs
    yield* blobs.put("sesn_from/a", "text")
    assert.equal(yield* blobs.copy("sesn_from/a", "sesn_to/a"), true)
    yield* blobs.put("sesn_from/a", "another")
    assert.deepEqual(yield* blobs.get("sesn_to/a"), Option.some("text"))
    assert.equal(yield* blobs.copy("sesn_from/b", "sesn_to/b"), false)
    assert.deepEqual(yield* blobs.get("sesn_to/b"), Option.none())
  }),

  "deleting forgets the keys that begin so, and no others": Effect.gen(function* () {
    const blobs = yield* Blobs
    const gone = ["sesn_1/sevt_1", "sesn_1/sevt_2", "sesn_1/"]
    const others = ["sesn_10/sevt_1", "sesnX1/sevt_1", "SESN_1/sevt_1", "sesn_2/sesn_1/", "sesn_1"]
    yield* Effect.forEach([...gone, ...others], (key) => blobs.put(key, key))
    yield* blobs.deleteAll("sesn_1/")
    for (const key of gone) assert.deepEqual(yield* blobs.get(key), Option.none())
    for (const key of others) assert.deepEqual(yield* blobs.get(key), Option.some(key))
    yield* blobs.deleteAll("sesn_1/")
    yield* blobs.put("sesn_1/sevt_1", "again")
    assert.deepEqual(yield* blobs.get("sesn_1/sevt_1"), Option.some("again"))
  }),

  "deleting forgets more than a page of keys": Effect.gen(function* () {
    const blobs = yield* Blobs
    const key = (n: number) => `sesn_many/sevt_${String(n).padStart(4, "0")}`
    yield* Effect.forEach(Array.makeBy(1_001, key), (key) => blobs.put(key, "x"), { concurrency: 20, discard: true })
    yield* blobs.deleteAll("sesn_many/")
    for (const n of [0, 1, 999, 1_000]) assert.deepEqual(yield* blobs.get(key(n)), Option.none())
  })
}

/** What only a bucket can refuse. */
export const inBucket: Contract<Blobs> = {
  "a key that the bucket refuses is an error that names the operation": Effect.gen(function* () {
    const blobs = yield* Blobs
    const key = "k".repeat(1_025)
    assert.equal((yield* Effect.flip(blobs.put(key, "x"))).message, "storage failed: Blobs.put")
    assert.equal((yield* Effect.flip(blobs.get(key))).message, "storage failed: Blobs.get")
  })
}
