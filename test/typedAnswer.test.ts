import { assert, it } from "@effect/vitest"
import { DateTime, Effect, Result, Schema } from "effect"
import { EventId, SessionId } from "../src/domain/Ids.ts"
import * as OutputSchema from "../src/model/OutputSchema.ts"
import * as StructuredOutput from "../src/StructuredOutput.ts"
import { session } from "./support/records.ts"

/** What an embedding program does: one Effect Schema both asks for an answer and reads it. */

const Part = Schema.Struct({ name: Schema.NonEmptyString, weight: Schema.Finite }).annotate({ identifier: "Part" })
const Report = Schema.Struct({
  parts: Schema.Array(Part),
  heaviest: Schema.NullOr(Part),
  due: Schema.DateTimeUtcFromString,
  note: Schema.optionalKey(Schema.String)
})

const answered = (value: Schema.Json) =>
  session("1", { structured_output: { event_id: EventId.make("sevt_1"), value } })

it.effect("asks in a form that a session accepts, and reads the answer as its type", () =>
  Effect.gen(function* () {
    const { schema } = StructuredOutput.outputConfig(Report).format
    const { parameters, problemOf } = Result.getOrThrow(OutputSchema.make(schema))
    assert.strictEqual(parameters.type, "object")
    const part = { name: "bolt", weight: 2 }
    const value = { parts: [part], heaviest: part, due: "2026-01-02T00:00:00.000Z" }
    assert.isNull(problemOf(value))
    const report = yield* StructuredOutput.read(answered(value), Report)
    assert.strictEqual(DateTime.formatIsoDateUtc(report.due), "2026-01-02")
    assert.deepStrictEqual(report.heaviest, part)
    assert.include(problemOf({ ...value, parts: [{ name: "", weight: "x" }] }), "parts[0].name")
    const list = StructuredOutput.outputConfig(Schema.Array(Schema.Int)).format.schema
    assert.deepStrictEqual(Result.getOrThrow(OutputSchema.make(list)).valueOf({ value: [1] }), [1])
  })
)

it.effect("fails where there is no answer, and where it is another one", () =>
  Effect.gen(function* () {
    for (const none of [session("1"), session("1", { structured_output: null })]) {
      const missing = yield* Effect.flip(StructuredOutput.read(none, Report))
      assert(missing._tag === "StructuredOutputMissing")
      assert.strictEqual(missing.id, SessionId.make("sesn_1"))
    }
    assert.strictEqual((yield* Effect.flip(StructuredOutput.read(answered(3), Report)))._tag, "SchemaError")
  })
)
