import { Cause, Effect, Exit, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import * as OpenAiCompatible from "../../layers/model/OpenAiCompatible.ts"
import * as WorkersAi from "../../layers/model/WorkersAi.ts"
import { type Behaviour, contract, Provider, remoteContract } from "../ModelClient.contract.ts"
import { fakeAi, type FakeAnswer, streams } from "./fakeAi.ts"

const usage = { input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 }

/** The test's server also answers when it was asked, and when it was abandoned. */
const wait = (baseUrl: string, content: string) =>
  Effect.promise(async () => {
    const response = await fetch(`${baseUrl}/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ messages: [{ role: "user", content }] })
    })
    await response.text()
  })

const openAiCompatible = (baseUrl: string) =>
  Layer.merge(
    Layer.provide(OpenAiCompatible.layer({ name: "local", baseUrl }), FetchHttpClient.layer),
    Layer.succeed(Provider, {
      model: "local/mock",
      usage,
      prompt: (behaviour) => behaviour,
      asked: wait(baseUrl, "asked"),
      abandoned: wait(baseUrl, "abandoned")
    })
  )

const workersAi = () => {
  const answers: Readonly<Record<Behaviour, FakeAnswer>> = {
    text: { stream: streams.text.older },
    call: { stream: streams.call.older },
    failure: { error: "3040: Capacity temporarily exceeded" },
    hang: "hang",
    stall: { stream: streams.stall.older, stalled: true }
  }
  const ai = fakeAi(({ messages }) => answers[messages.at(-1).content as Behaviour])
  return Layer.merge(
    WorkersAi.layer({ ai }),
    Layer.succeed(Provider, {
      model: "@cf/zai-org/glm-4.7-flash",
      usage,
      prompt: (behaviour) => behaviour,
      asked: Effect.promise(() => ai.asked),
      abandoned: Effect.promise(() => ai.abandoned)
    })
  )
}

const tests = { ...contract, ...remoteContract }

export default {
  async fetch(request: Request): Promise<Response> {
    const [suite, test, baseUrl] = await request.json<[string, string, string]>()
    const layer = suite === "OpenAiCompatible" ? openAiCompatible(baseUrl) : workersAi()
    const exit = await Effect.runPromiseExit(Effect.provide(tests[test]!, layer))
    return Response.json(Exit.isSuccess(exit) ? null : Cause.pretty(exit.cause))
  }
}
