import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { MockAnswer } from "./mockOpenAi.ts"
import { partsOf } from "./openAiCompatible.ts"

/** Tests that each answer holds these calls, as name and arguments, and nothing else but an end. */
export const answersHold = (
  answers: Readonly<Record<string, readonly [MockAnswer, ReadonlyArray<readonly [name: string, text: string]>]>>
): void => {
  for (const [quirk, [answer, expected]] of Object.entries(answers)) {
    it.effect(quirk, () =>
      Effect.gen(function* () {
        const parts = yield* partsOf(answer)
        const calls = parts.flatMap((part) => (part.type === "tool_call" ? [[part.name, part.arguments]] : []))
        assert.deepStrictEqual(
          calls,
          expected.map((call) => [...call])
        )
        assert.strictEqual(parts.at(-1)?.type, "finish")
      })
    )
  }
}
