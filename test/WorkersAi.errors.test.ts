import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { ModelErrorReason } from "../src/ModelClient.ts"
import { fakeAi } from "./support/fakeAi.ts"
import { event } from "./support/mockOpenAi.ts"
import { ask, failure, partsOverRest, reasonOf } from "./support/workersAi.ts"

type Tag = ModelErrorReason["_tag"]

/** Every code that is documented or was seen, with the HTTP status that it comes with over REST. */
const codes: ReadonlyArray<readonly [code: number, status: number, message: string, Tag]> = [
  [2008, 400, "Invalid provider", "ModelNotFound"],
  [3003, 400, "Request is missing headers or body", "InvalidRequest"],
  [3006, 413, "Request is too large", "ContextOverflow"],
  [3007, 408, "Request timeout", "TimedOut"],
  [3008, 408, "Request was aborted", "TimedOut"],
  [3023, 403, "Service unavailable for account", "AuthenticationFailed"],
  [3036, 429, "You have used up your daily free allocation of 10,000 neurons", "QuotaExceeded"],
  [3039, 400, "Finetune is missing required files", "InvalidRequest"],
  [3040, 429, "Capacity temporarily exceeded, please try again.", "Overloaded"],
  [3041, 403, "The account is not allowed to access this model", "AuthenticationFailed"],
  [3042, 404, "The model name is invalid", "ModelNotFound"],
  [5004, 400, "Invalid data type for base64 input", "InvalidRequest"],
  [5005, 405, "The model does not support LoRa inference", "InvalidRequest"],
  [5007, 400, "No such model @cf/x or task", "ModelNotFound"],
  [5016, 403, "User has not agreed to model terms", "AuthenticationFailed"],
  [5018, 403, "The account is not allowed to access this model", "AuthenticationFailed"],
  [5019, 405, "Request trying to use deprecated SDK version", "InvalidRequest"],
  [5035, 403, "This model requires the Workers Paid plan", "QuotaExceeded"],
  [8001, 400, "Invalid input", "InvalidRequest"],
  [8006, 400, "Bad input: the forced tool call was not made", "InvalidRequest"],
  [10000, 401, "Authentication error", "AuthenticationFailed"]
]

describe.each(codes)("%i, status %i: %s", (code, status, message, tag) => {
  it.effect(`is ${tag} from the binding, which throws text`, () =>
    Effect.gen(function* () {
      for (const text of [`${code}: ${message}`, `AiError: AiError: ${code}: ${message}`]) {
        const reason = yield* reasonOf({ error: text })
        assert.deepStrictEqual([reason._tag, reason.detail], [tag, text])
      }
    })
  )

  it.effect(`is ${tag} within a stream, and as a whole answer`, () =>
    Effect.gen(function* () {
      const said = failure(code, message)
      for (const answer of [{ stream: [event({ response: "a" }), event(said)] }, { whole: said }]) {
        assert.strictEqual((yield* reasonOf(answer))._tag, tag)
      }
      const error = { error: { code, message, type: "upstream" } }
      assert.strictEqual((yield* reasonOf({ stream: [event(error)] }))._tag, tag)
    })
  )

  it.effect(`is ${tag} over REST`, () =>
    Effect.gen(function* () {
      for (const answered of [status, 200]) {
        const answer = { status: answered, body: failure(code, message) }
        const { reason } = yield* Effect.flip(partsOverRest(answer))
        assert.deepStrictEqual([reason._tag, reason.detail], [tag, message])
      }
    })
  )
})

describe("without a code", () => {
  const cases: ReadonlyArray<readonly [string, Tag]> = [
    ["oneOf at '/' not met, '/messages/0/content', 'array' not in 'string'", "InvalidRequest"],
    ["Binding AI needs to be run remotely", "InvalidRequest"],
    ["5021: The estimated number of input tokens exceeded this model's context window limit", "ContextOverflow"],
    ["JSON Mode couldn't be met", "InvalidResponse"],
    ["Network connection lost.", "ConnectionFailed"],
    ["something else", "Overloaded"]
  ]
  for (const [text, tag] of cases) {
    it.effect(`${text}: ${tag}`, () =>
      Effect.gen(function* () {
        const reason = yield* reasonOf({ error: text })
        assert.deepStrictEqual([reason._tag, reason.detail], [tag, text])
      })
    )
  }

  it.effect("a code says more than the words beside it, such as a model's name", () =>
    Effect.gen(function* () {
      const reason = yield* reasonOf({ error: "5007: No such model @cf/a/neural-network-7b" })
      assert.strictEqual(reason._tag, "ModelNotFound")
    })
  )

  it.effect("a model that was retired answers 410: ModelNotFound", () =>
    Effect.gen(function* () {
      const answer = { status: 410, body: { errors: [{ message: "This model was deprecated on 2026-05-30" }] } }
      assert.strictEqual((yield* Effect.flip(partsOverRest(answer))).reason._tag, "ModelNotFound")
    })
  )

  it.effect("a stream without an end: ConnectionFailed", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* reasonOf({ stream: [event({ response: "a" })] }))._tag, "ConnectionFailed")
    })
  )

  it.effect("nothing in a known shape: InvalidResponse", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* reasonOf({ whole: { answer: 42 } }))._tag, "InvalidResponse")
      assert.strictEqual((yield* reasonOf({ whole: null }))._tag, "InvalidResponse")
    })
  )

  it.effect("no answer at all: TimedOut, and the request is aborted", () =>
    Effect.gen(function* () {
      const ai = fakeAi(() => "hang")
      const fiber = yield* Effect.forkChild(ask(ai))
      yield* Effect.promise(() => ai.asked)
      yield* TestClock.adjust("120 seconds")
      assert.strictEqual((yield* Effect.flip(Fiber.join(fiber))).reason._tag, "TimedOut")
      yield* Effect.promise(() => ai.abandoned)
    })
  )
})

it.effect("out of capacity, the wait that is asked for is kept", () =>
  Effect.gen(function* () {
    const answer = { status: 429, body: failure(3040, "busy"), headers: { "retry-after": "7" } }
    const { reason } = yield* Effect.flip(partsOverRest(answer))
    assert.deepInclude(reason, { _tag: "Overloaded", retryAfterMs: 7_000 })
  })
)

it.effect("the token is never repeated", () =>
  Effect.gen(function* () {
    const { reason } = yield* Effect.flip(partsOverRest({ status: 401, body: failure(10000, "t0ken is wrong") }))
    assert.strictEqual(reason.detail, "[key] is wrong")
  })
)
