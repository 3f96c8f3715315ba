import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { mask, maskTextFields } from "../domain/AnthropicKey.ts"
import { InvalidRequest } from "./Errors.ts"

type Response = HttpServerResponse.HttpServerResponse

/**
 * Looks for Anthropic keys in the body of a request, before anything else reads it. One in a text is masked, and the answer says so in
 * `warnings`; one in any other field fails. Answers what to do with the rest of the request's way.
 */
export const guard = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  if (request.method === "GET" || request.method === "DELETE") return asItIs
  // What cannot be read fails again where it is decoded, and is answered there. The request keeps its text.
  const text = yield* Effect.orElseSucceed(request.text, () => "")
  if (!mayHold.test(text)) return asItIs
  const body: unknown = yield* Effect.orElseSucceed(request.json, () => text)
  const { masked, value } = yield* Effect.mapError(
    Effect.fromResult(maskTextFields(body)),
    ({ message }) => new InvalidRequest({ message })
  )
  if (masked.length === 0) return asItIs
  const { headers, method, originalUrl } = request
  const clean = HttpServerRequest.fromWeb(new Request(originalUrl, { method, headers, body: JSON.stringify(value) }))
  const warnings = masked.map((field) => `${field} held an Anthropic API key, in place of which stands ${mask}`)
  return <E, R>(httpEffect: Effect.Effect<Response, E, R>) =>
    httpEffect.pipe(
      Effect.provideService(HttpServerRequest.HttpServerRequest, clean),
      Effect.map((answer) => warned(answer, warnings))
    )
})

/** The key itself, or an encoding that may hold a part of it. */
const mayHold = /sk-ant-|%|\\u|basic\s/i

const asItIs = <E, R>(httpEffect: Effect.Effect<Response, E, R>) => httpEffect

const warned = (answer: Response, warnings: ReadonlyArray<string>): Response => {
  if (answer.body._tag !== "Uint8Array" || answer.status >= 300) return answer
  // Answers of endpoints that take a body are objects. Those of policies have warnings of their own.
  const body = JSON.parse(new TextDecoder().decode(answer.body.body)) as { readonly warnings?: ReadonlyArray<unknown> }
  const all = [...(body.warnings ?? []), ...warnings]
  return HttpServerResponse.jsonUnsafe({ ...body, warnings: all }, { status: answer.status, headers: answer.headers })
}
