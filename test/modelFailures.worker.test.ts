import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type MockAnswer, type MockOpenAi, startMockOpenAi } from "./support/mockOpenAi.ts"
import { startSession, startWorker, stopReason, type Worker } from "./support/worker.ts"

/** A model's server that fails, seen from the API. The Worker waits for it as little as a test may. */

let worker: Worker
let model: MockOpenAi
const scripts = new Map<string, Array<MockAnswer>>()

beforeAll(async () => {
  model = await startMockOpenAi(({ body }) => scripts.get(body.model)?.shift() ?? { status: 400, body: "no script" })
  worker = await startWorker({
    OPENAI_BASE_URL: model.url,
    OWNLOOP_MAX_RESCHEDULES: "0",
    OWNLOOP_MODEL_FIRST_BYTE_TIMEOUT: "1 seconds",
    OWNLOOP_MODEL_CHUNK_TIMEOUT: "1 seconds"
  })
})

afterAll(async () => {
  await worker.close()
  await model.close()
})

describe("a model endpoint that fails", () => {
  const failures: Record<string, { readonly answers: ReadonlyArray<MockAnswer>; readonly reason: string }> = {
    "refuses the request": {
      answers: [{ status: 400, body: { error: { message: "bad" } } }],
      reason: "InvalidRequest"
    },
    "wants another key": {
      answers: [{ status: 401, body: { error: { message: "no" } } }],
      reason: "AuthenticationFailed"
    },
    "is out of capacity": { answers: Array(5).fill({ status: 503 }), reason: "Overloaded" },
    "breaks off": { answers: Array(5).fill({ text: ["so "], ending: "cut" }), reason: "ConnectionFailed" },
    "answers nonsense": {
      answers: Array(5).fill({ raw: "<html>hello</html>", contentType: "text/html" }),
      reason: "InvalidResponse"
    },
    "never answers": { answers: Array(5).fill("hang"), reason: "TimedOut" },
    "goes silent in the middle": { answers: Array(5).fill({ text: ["so "], ending: "hang" }), reason: "TimedOut" }
  }
  for (const [what, { answers, reason }] of Object.entries(failures)) {
    it.concurrent(`and ${what} ends as a typed error, in a session that still answers`, async () => {
      scripts.set(what, [...answers, { text: "better now" }])
      const session = await startSession(worker, { model: `local/${what}` })
      await session.send("go")
      const events = await session.untilIdle()
      assert.strictEqual(stopReason(events), "retries_exhausted")
      const errors = events.flatMap((event) =>
        event.type === "session.error" ? [event.error as { reason?: string }] : []
      )
      assert.strictEqual(errors.length, answers.length)
      assert.strictEqual(errors.at(-1)!.reason, reason)
      await session.send("again")
      assert.strictEqual(stopReason(await session.untilIdle()), "end_turn")
    })
  }
})
