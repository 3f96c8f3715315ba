import { ConfigProvider, Effect, Layer, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import * as WorkersAi from "../../layers/model/WorkersAi.ts"
import { ModelClient, type ModelRequest } from "../../src/ModelClient.ts"
import { request } from "../ModelClient.contract.ts"
import { fakeAi, type FakeAnswer } from "./fakeAi.ts"
import type { MockAnswer } from "./mockOpenAi.ts"
import { serve } from "./openAiCompatible.ts"

export const glm = "@cf/zai-org/glm-4.7-flash"
export const mistral = "@cf/mistralai/mistral-small-3.1-24b-instruct"

/** What the binding answers. */
export const ask = (ai: WorkersAi.AiBinding, asked: ModelRequest = request(glm, "hello")) =>
  Stream.runCollect(WorkersAi.fromBinding(ai).stream(asked))

export const partsOf = (answer: FakeAnswer) => ask(fakeAi(() => answer))
export const reasonOf = (answer: FakeAnswer) => Effect.map(Effect.flip(partsOf(answer)), ({ reason }) => reason)

/** The REST API at a URL. */
export const rest = (url: string, token = "t0ken") =>
  Effect.provide(
    ModelClient,
    WorkersAi.layerRest.pipe(
      Layer.provide(FetchHttpClient.layer),
      Layer.provide(
        ConfigProvider.layer(
          ConfigProvider.fromUnknown({
            CLOUDFLARE_ACCOUNT_ID: "acc",
            CLOUDFLARE_API_TOKEN: token,
            CLOUDFLARE_API_BASE_URL: url
          })
        )
      )
    )
  )

/** What the REST API makes of one answer. */
export const partsOverRest = Effect.fnUntraced(function* (answer: MockAnswer) {
  const { url } = yield* serve([answer])
  return yield* Stream.runCollect((yield* Effect.orDie(rest(url))).stream(request(glm, "hello")))
})

/** A failure as the REST API wraps it. */
export const failure = (code: number, message: string) => ({
  success: false,
  result: null,
  errors: [{ code, message }],
  messages: []
})
