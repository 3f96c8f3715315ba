import { Effect, Layer, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import * as Demo from "../layers/model/Demo.ts"
import * as OpenAiCompatible from "../layers/model/OpenAiCompatible.ts"
import * as Scripted from "../layers/model/Scripted.ts"
import * as WorkersAi from "../layers/model/WorkersAi.ts"
import { ModelClient, Overloaded } from "../src/ModelClient.ts"
import { type Behaviour, contract, Provider, remoteContract } from "./ModelClient.contract.ts"
import { contractInNode } from "./support/inNode.ts"
import { fakeAi, type FakeAnswer, type Shape, streams } from "./support/fakeAi.ts"
import { type MockAnswer, type MockRequest, startMockOpenAi } from "./support/mockOpenAi.ts"

const usage = { input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 }
const itself = (behaviour: Behaviour) => behaviour

const wanted = ({ body }: Pick<MockRequest, "body">): Behaviour => body.messages.at(-1).content

/** A server on 127.0.0.1 that answers so, and what is known of it. */
const served = (model: string, answers: Readonly<Record<Behaviour, MockAnswer>>) =>
  Effect.gen(function* () {
    const came = Promise.withResolvers<MockRequest>()
    const server = yield* Effect.acquireRelease(
      Effect.promise(() =>
        startMockOpenAi((request) => {
          came.resolve(request)
          return answers[wanted(request)]
        })
      ),
      (server) => Effect.promise(server.close)
    )
    const provider = Provider.of({
      model,
      usage,
      prompt: itself,
      asked: Effect.promise(() => came.promise),
      abandoned: Effect.promise(() => came.promise.then(({ abandoned }) => abandoned))
    })
    return { url: server.url, provider }
  })

const openAiCompatible = Layer.unwrap(
  Effect.gen(function* () {
    const { url, provider } = yield* served("local/mock", {
      text: { text: ["Hel", "lo"], usage: { prompt_tokens: 10, completion_tokens: 5 } },
      call: { calls: [{ name: "bash", arguments: { command: "ls" } }] },
      failure: { status: 503, body: { error: { message: "no capacity" } } },
      hang: "hang",
      stall: { text: "one", ending: "hang" }
    })
    return Layer.merge(
      Layer.provide(OpenAiCompatible.layer({ name: "local", baseUrl: url }), FetchHttpClient.layer),
      Layer.succeed(Provider, provider)
    )
  })
)

const model = "@cf/zai-org/glm-4.7-flash"

const binding = (shape: Shape) =>
  Layer.suspend(() => {
    const answers: Readonly<Record<Behaviour, FakeAnswer>> = {
      text: { stream: streams.text[shape] },
      call: { stream: streams.call[shape] },
      failure: { error: "InferenceUpstreamError: 3040: Capacity temporarily exceeded" },
      hang: "hang",
      stall: { stream: streams.stall[shape], stalled: true }
    }
    const ai = fakeAi((inputs) => answers[wanted({ body: inputs })])
    return Layer.merge(
      WorkersAi.layer({ ai }),
      Layer.succeed(Provider, {
        model,
        usage,
        prompt: itself,
        asked: Effect.promise(() => ai.asked),
        abandoned: Effect.promise(() => ai.abandoned)
      })
    )
  })

const rest = (shape: Shape) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { url, provider } = yield* served(model, {
        text: { raw: streams.text[shape] },
        call: { raw: streams.call[shape] },
        failure: { status: 429, body: { success: false, result: null, errors: [{ code: 3040, message: "busy" }] } },
        hang: "hang",
        stall: { raw: streams.stall[shape], ending: "hang" }
      })
      const client = WorkersAi.fromAccount({ id: "a1", token: Redacted.make("token"), apiUrl: url })
      return Layer.merge(
        Layer.provide(Layer.effect(ModelClient, client), FetchHttpClient.layer),
        Layer.succeed(Provider, provider)
      )
    })
  )

const scripted = Layer.merge(
  Scripted.layer([
    ({ messages }) => {
      const [message] = messages
      switch (message?.role === "user" ? message.text : "") {
        case "text":
          return Scripted.say("Hello")
        case "call":
          return Scripted.call("bash", { command: "ls" })
        default:
          return Scripted.fail(new Overloaded({ detail: "no capacity" }))
      }
    }
  ]),
  Layer.succeed(Provider, { model: "any", usage, prompt: itself, asked: Effect.void, abandoned: Effect.void })
)

/** It has nobody to fail it: its one failure is to be asked for another model. */
const demo = Layer.merge(
  Demo.layer,
  Layer.sync(Provider, () => ({
    model: "demo",
    usage: { ...usage, input_tokens: 0, output_tokens: 0 },
    prompt: (behaviour: Behaviour) =>
      ({ text: "hello", call: "run `ls`", failure: "", hang: "", stall: "" })[behaviour],
    asked: Effect.void,
    abandoned: Effect.void
  }))
)

contractInNode("OpenAiCompatible", { ...contract, ...remoteContract }, openAiCompatible)
contractInNode("WorkersAi, binding, OpenAI shape", { ...contract, ...remoteContract }, binding("openai"))
contractInNode("WorkersAi, binding, older shape", { ...contract, ...remoteContract }, binding("older"))
contractInNode("WorkersAi, REST, OpenAI shape", { ...contract, ...remoteContract }, rest("openai"))
contractInNode("WorkersAi, REST, older shape", { ...contract, ...remoteContract }, rest("older"))
contractInNode("Scripted", contract, scripted)
contractInNode("Demo", contract, demo)
