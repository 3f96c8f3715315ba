import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { unstable_startWorker } from "wrangler"
import { root } from "../scripts/config.ts"
import { contract, remoteContract } from "./ModelClient.contract.ts"
import { type MockAnswer, type MockOpenAi, type MockRequest, startMockOpenAi } from "./support/mockOpenAi.ts"

/**
 * The layers that a Worker sends requests with, in one: the contract runs in `support/models.worker.ts`. Not through `createTestHarness`: what
 * a Worker sends passes through Node there, which keeps connections that the Worker gave up.
 */
let worker: Awaited<ReturnType<typeof unstable_startWorker>>
let server: MockOpenAi

const answers: Readonly<Record<string, MockAnswer>> = {
  text: { text: ["Hel", "lo"] },
  call: { calls: [{ name: "bash", arguments: { command: "ls" } }] },
  failure: { status: 503, body: { error: { message: "no capacity" } } },
  hang: "hang",
  stall: { text: "one", ending: "hang" }
}

beforeAll(async () => {
  const asked = Promise.withResolvers<void>()
  let open: MockRequest | undefined
  server = await startMockOpenAi(async (request) => {
    const wanted: string = request.body.messages.at(-1).content
    if (wanted === "hang" || wanted === "stall") {
      open = request
      asked.resolve()
    }
    if (wanted === "asked") await asked.promise
    if (wanted === "abandoned") await open?.abandoned
    return answers[wanted] ?? { text: "ok" }
  })
  worker = await unstable_startWorker({
    config: `${root}test/support/models.wrangler.json`,
    build: { nodejsCompatMode: "v2" },
    dev: {
      server: { hostname: "127.0.0.1", port: 0 },
      inspector: false,
      watch: false,
      persist: false,
      logLevel: "none"
    }
  })
})

afterAll(async () => {
  await worker.dispose()
  await server.close()
})

for (const suite of ["OpenAiCompatible", "WorkersAi"]) {
  describe(suite, () => {
    for (const test of Object.keys({ ...contract, ...remoteContract })) {
      it(test, async () => {
        const response = await worker.fetch("http://worker/", {
          method: "POST",
          body: JSON.stringify([suite, test, server.url])
        })
        assert.isNull(await response.json())
      })
    }
  })
}
