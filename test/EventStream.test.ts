import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Stream } from "effect"
import * as EventStream from "../src/loop/EventStream.ts"
import { StorageError } from "../src/Storage.ts"

describe("EventStream", () => {
  it.effect("ends with an error frame where the log cannot be read, and logs why", () => {
    const logs: Array<unknown> = []
    const frames = Stream.fail(new StorageError({ operation: "log", cause: new Error("disk on fire") }))
    return EventStream.encode(frames).pipe(
      Stream.decodeText,
      Stream.mkString,
      Effect.map((text) => {
        const error = {
          type: "api_error",
          message: "the stream broke off: open it again after the last event that you have"
        }
        assert.strictEqual(
          text,
          `event: ping\ndata: {"type":"ping"}\n\nevent: error\ndata: ${JSON.stringify({ type: "error", error })}\n\n`
        )
        assert.include(String(logs[0]), "an event stream broke off")
      }),
      Effect.provide(Logger.layer([Logger.make(({ message }) => logs.push(message))]))
    )
  })
})
