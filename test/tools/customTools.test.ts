import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { customTools } from "../../src/tools/custom-tools.ts"
import { call, noNetwork, noSandbox, registryOf } from "./support.ts"

const layer = Layer.provide(registryOf(customTools), [noSandbox, noNetwork])

describe("current_time", () => {
  it.effect("tells the time in UTC, or in the zone asked for", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 10, 22, 16, 42))
      assert.strictEqual((yield* call("current_time", {})).text, "2026-11-22T16:42:00.000+00:00[UTC]")
      assert.strictEqual(
        (yield* call("current_time", { time_zone: "Europe/Berlin" })).text,
        "2026-11-22T17:42:00.000+01:00[Europe/Berlin]"
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("says that there is no such zone", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* call("current_time", { time_zone: "Mars/Olympus" }), {
        text: 'there is no time zone "Mars/Olympus"',
        isError: true
      })
    }).pipe(Effect.provide(layer))
  )
})
